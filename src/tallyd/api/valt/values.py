"""Single JSON values as VALT's clients write them: numbers as text, lists as commas. Pure.

A field that is null counts as not sent. What a value means for a schedule is not said here.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import cast

from tallyd.domain.recurrence import local_date
from tallyd.domain.window import EPOCH

MAX_FIELDS = 200
MAX_TEXT = 4000
MAX_ID = 2**63 - 1
_LAST_SECOND = 253_370_764_800
"""The first second of the year 9999."""
_LONGEST_NUMBER = 30
_END_BY_FORMATS = ("%m-%d-%Y", "%Y-%m-%d")
_DATE_LENGTH = 10
# Line breaks and tabs are text in a metadata field; other control characters are not.
_SPACES = frozenset("\t\n\r")

Object = Mapping[str, object]


class MalformedBody(Exception):  # noqa: N818 - what it is called wherever it is caught
    """The body is no JSON."""


class InvalidField(Exception):  # noqa: N818
    """A field cannot be what it is: its name as the client wrote it, and what to do."""

    def __init__(self, field: str, fix: str) -> None:
        super().__init__(f"{field}: {fix}")


def parse_body(body: bytes) -> Object:
    """Give the object of a request's body; none at all is an empty one.

    Raises:
        MalformedBody: it is no JSON.
        InvalidField: it is JSON, but no object.
    """
    if not body.strip():
        return {}
    try:
        parsed: object = json.loads(body, parse_constant=_refuse, parse_int=_bounded)
    except (ValueError, RecursionError) as error:
        raise MalformedBody("the body is not valid JSON") from error
    if not isinstance(parsed, dict):
        raise InvalidField("body", "send a JSON object")
    return cast("Object", parsed)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _bounded(digits: str) -> float:
    """Read whole numbers of any length: beyond what anyone means, exactness does not matter."""
    return int(digits) if len(digits) < _LONGEST_NUMBER else float(digits)


def whole_number(field: str, value: object) -> int:
    """Read a number or the text of one; fractions are cut off.

    Raises:
        InvalidField: it is neither, or no one could mean it.
    """
    if isinstance(value, str):
        text = value.strip()
        value = _number_of(text) if text.isascii() and len(text) < _LONGEST_NUMBER else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidField(field, "give a number")
    if not -MAX_ID <= value <= MAX_ID:  # neither is what is no number
        raise InvalidField(field, "give a number within reason")
    return int(value)


def _number_of(text: str) -> float | None:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return None


def instant(field: str, value: object) -> datetime:
    """Read seconds since the epoch.

    Raises:
        InvalidField: it is no number, or lies before 1970 or after 9998.
    """
    seconds = whole_number(field, value)
    if not 0 <= seconds < _LAST_SECOND:
        raise InvalidField(field, "give seconds since 1970-01-01 UTC")
    return EPOCH + timedelta(seconds=seconds)


def length(field: str, value: object) -> timedelta:
    """Read a length in seconds.

    Raises:
        InvalidField: it is no number, or not above zero.
    """
    seconds = whole_number(field, value)
    if not 0 < seconds < _LAST_SECOND:
        raise InvalidField(field, "give a number of seconds above zero")
    return timedelta(seconds=seconds)


def day(field: str, value: object, zone: str) -> date:
    """Read `MM-DD-YYYY`, `YYYY-MM-DD`, or an instant in seconds that falls on the day in `zone`.

    Raises:
        InvalidField: it is none of these.
    """
    if isinstance(value, str) and "-" in (text := value.strip()):
        for shape in _END_BY_FORMATS:
            try:
                return datetime.strptime(text[:_DATE_LENGTH], shape).date()  # noqa: DTZ007 - a day
            except ValueError:
                continue
        raise InvalidField(field, "give a date as MM-DD-YYYY")
    return local_date(instant(field, value), zone)


def numbers(field: str, value: object) -> tuple[int, ...]:
    """Read a number, `"1,3"`, `["1", "3"]` or `[1, 3]`, in the order given, each once.

    Raises:
        InvalidField: something in it is no number.
    """
    if isinstance(value, str):
        items: list[object] = [part for part in value.split(",") if part.strip()]
    elif isinstance(value, list):
        items = cast("list[object]", value)
    else:
        items = [value]
    if len(items) > MAX_FIELDS:
        raise InvalidField(field, f"{MAX_FIELDS} at most")
    return tuple(dict.fromkeys(whole_number(field, item) for item in items))


def fields(field: str, value: object) -> Mapping[str, str]:
    """Read metadata: `{"17": "Student"}`, or a list of `{"id": 17, "value": "Student"}`.

    Raises:
        InvalidField: it is neither, or has what cannot be stored.
    """
    if isinstance(value, list):
        listed = cast("list[object]", value)
        pairs = [_pair(field, entry) for entry in listed]
    elif isinstance(value, dict):
        pairs = list(cast("dict[str, object]", value).items())
    else:
        raise InvalidField(field, "give an object of field ids and values")
    if len(pairs) > MAX_FIELDS:
        raise InvalidField(field, f"{MAX_FIELDS} fields at most")
    return {
        text(field, key): text(f"{field}.{key}"[:_LONGEST_NUMBER], _joined(entry))
        for key, entry in pairs
        if entry is not None
    }


def _pair(field: str, entry: object) -> tuple[str, object]:
    if not isinstance(entry, dict) or "id" not in entry:
        raise InvalidField(field, "give an id and a value for each field")
    known = cast("dict[str, object]", entry)
    return str(known["id"]), known.get("value")


def _joined(value: object) -> object:
    """Give a choice of several as one text."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[object]", value))
    return value


def text(field: str, value: object) -> str:
    """Read text, or a number as its text.

    Raises:
        InvalidField: it is neither, is too long, or holds what cannot be stored.
    """
    if isinstance(value, int | float):
        value = json.dumps(value)
    if not isinstance(value, str):
        raise InvalidField(field, "give text")
    if len(value) > MAX_TEXT:
        raise InvalidField(field, f"it is too long: {MAX_TEXT} characters at most")
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in _SPACES for c in value):
        raise InvalidField(field, "take out the control characters")
    return value


def section(field: str, value: object) -> Object:
    """Read a nested object.

    Raises:
        InvalidField: it is none.
    """
    if not isinstance(value, dict):
        raise InvalidField(field, "give an object")
    return cast("Object", value)
