"""Values as clients write them: instants, lengths, flags, texts. Pure; knows no entry.

What is not understood is refused by the name of its field.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn, cast

from tallyd.domain.drafts import MAX_YEARS
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.window import MILLISECOND, floor_ms

Object = Mapping[str, object]

MAX_TEXT = 4096
MAX_MS = 2**53
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}([.,]\d{1,12})?)?([Zz]|[+-]\d{2}:?\d{2})?"
)
_FRACTION = re.compile(r"[.,](\d+)")
_RELATIVE = re.compile(r"now(?:(?P<sign>[ +-])(?P<minutes>\d{1,8})m)?")
_SHOWN = 80


def refuse(field: str, value: object, fix: str) -> NoReturn:
    """Refuse a value.

    Raises:
        InvalidBooking: always.
    """
    raise InvalidBooking(Problem(field, str(value)[:_SHOWN], fix))


def parse_body(raw: bytes) -> Object:
    """Read the body of a request: a JSON object; what is null was not said.

    Raises:
        InvalidBooking: it is none.
    """
    try:
        body = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError):
        refuse("body", "", "send a JSON object")
    if not isinstance(body, dict):
        refuse("body", "", "send a JSON object")
    fields = cast("dict[str, object]", body)
    return {name: value for name, value in fields.items() if value is not None}


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def text(body: Object, field: str) -> str | None:
    """Read a text; None where it was not said."""
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        refuse(field, value, "write text")
    if len(value) > MAX_TEXT:
        refuse(field, value, f"it has {len(value)} characters; {MAX_TEXT} are allowed")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        refuse(field, ascii(value), "it holds what is no text")
    return value


def whole(body: Object, field: str) -> int | None:
    """Read a whole number, also written as text; None where it was not said."""
    value = body.get(field)
    return None if value is None else whole_number(field, value)


def whole_number(field: str, value: object) -> int:
    """Read a whole number, also written as text.

    Raises:
        InvalidBooking: it is none, or beyond all use.
    """
    number = value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,17}", value):
        number = int(value)
    if isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > MAX_MS:
        refuse(field, value, "write a whole number")
    return number


def milliseconds(body: Object, field: str) -> timedelta | None:
    """Read a length in milliseconds; None where it was not said."""
    value = whole(body, field)
    return None if value is None else _length(field, value)


def _length(field: str, value: int) -> timedelta:
    try:
        return value * MILLISECOND
    except OverflowError:
        refuse(field, value, "that is too long")


def seconds(body: Object, field: str) -> tuple[int, ...] | None:
    """Read a list of lengths in seconds; None where it was not said."""
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, list):
        refuse(field, value, "write a list of seconds")
    listed = tuple(whole_number(field, each) for each in cast("list[object]", value))
    if any(not 0 <= each <= _MAX_SECONDS for each in listed):
        refuse(field, listed, "an ad break has no less than 0 and no more than 43200 seconds")
    return listed


_MAX_SECONDS = 43_200


def instant(body: Object, field: str) -> datetime | None:
    """Read an instant; None where it was not said."""
    value = body.get(field)
    return None if value is None else read_instant(field, value)


def read_instant(field: str, value: object) -> datetime:
    """Read an instant of ISO 8601, in whole milliseconds; UTC where it names no offset.

    Raises:
        InvalidBooking: it is none.
    """
    fix = "write it as 2027-01-05T20:00:00.000Z"
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        refuse(field, value, fix)
    # As many digits as the standard library reads everywhere.
    trimmed = _FRACTION.sub(lambda found: f".{found[1]:0<6.6}", value)
    try:
        found = datetime.fromisoformat(trimmed.upper())
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return floor_ms(aware.astimezone(UTC))
    except (ValueError, OverflowError):
        refuse(field, value, fix)


def read_moment(field: str, value: str, now: datetime) -> datetime:
    """Read an instant of a query: also `now`, `now+5m`, `now-5m`.

    Raises:
        InvalidBooking: it is none, or lies beyond all use.
    """
    relative = _RELATIVE.fullmatch(value)
    if relative is None:
        found = read_instant(field, value)
    else:
        minutes = int(relative["minutes"] or 0) * (-1 if relative["sign"] == "-" else 1)
        try:
            found = now + timedelta(minutes=minutes)
        except OverflowError:
            refuse(field, value, "that is too far from now")
    if abs(found.year - now.year) > MAX_YEARS:
        refuse(field, value, f"that is more than {MAX_YEARS} years from now")
    return found


def is_set(query: Mapping[str, str], name: str) -> bool:
    """Tell whether a flag of a query is set."""
    return query.get(name, "").lower() in {"1", "true"}


def shown(at: datetime) -> str:
    """Write an instant."""
    return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"


def shown_ms(length: timedelta) -> int:
    """Write a length in milliseconds."""
    return length // MILLISECOND
