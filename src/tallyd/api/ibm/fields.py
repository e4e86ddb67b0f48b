"""What clients send: bodies as forms or as JSON, read into values. Pure; books nothing."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import cast
from urllib.parse import parse_qsl

from tallyd.api.answers import BodyUnreadableError
from tallyd.api.ibm.answers import Paging
from tallyd.api.ibm.zones import Accepted, is_accepted
from tallyd.domain.model import Frequency

DURATIONS = (15, 30, 60, 90, 120, 180, 240)
"""Minutes: an event lasts one of these."""

WEEKDAYS: Mapping[str, int] = MappingProxyType(
    {
        "Monday": 1,
        "Tuesday": 2,
        "Wednesday": 3,
        "Thursday": 4,
        "Friday": 5,
        "Saturday": 6,
        "Sunday": 7,
    }
)
REPEATS: Mapping[str, Frequency | None] = MappingProxyType(
    {"never": None, "daily": Frequency.DAILY, "weekly": Frequency.WEEKLY}
)

MAX_DESCRIPTION = 10_000
MAX_FIELDS = 100
# Line breaks and tabs are text in a description; other control characters are not.
_SPACES = frozenset("\t\n\r")
# Beyond these no instant can be worked out, or no list be read.
_FIRST_YEAR, _LAST_YEAR = 1900, 2400
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_WHOLE = re.compile(r"[0-9]{1,20}")

Fields = Mapping[str, str]


class InvalidFields(Exception):  # noqa: N818 - what it is called wherever it is caught
    """Fields cannot be what they are: `details` says of each what to do."""

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__(", ".join(details))
        self.details = details


@dataclass(frozen=True, slots=True)
class Wish:
    """An event as it is asked for: a time on the wall, a length in minutes, a rule."""

    title: str
    description: str
    start: datetime
    zone: str
    minutes: int
    frequency: Frequency | None
    weekdays: frozenset[int]


def parse_body(content_type: str, body: bytes) -> Fields:
    """Read a body: JSON where it says so or looks so, else a form. Lists become commas.

    Raises:
        BodyUnreadableError: it is neither.
    """
    if "json" in content_type.lower() or body.lstrip()[:1] == b"{":
        return _from_json(body)
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise BodyUnreadableError("send a form (URL-encoded, UTF-8) or JSON") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        again = name == "repeat_days" and name in found
        found[name] = f"{found[name]},{value}" if again else value
    return found


def _from_json(body: bytes) -> Fields:
    try:
        parsed: object = json.loads(body)
        json.dumps(parsed, ensure_ascii=False).encode()  # halves of characters are no text
    except (ValueError, RecursionError) as error:
        raise BodyUnreadableError("the body is not valid JSON") from error
    if not isinstance(parsed, dict):
        raise BodyUnreadableError("send a JSON object")
    given = cast("dict[str, object]", parsed)
    return {name: _text(value) for name, value in given.items() if value is not None}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(_text, cast("list[object]", value)))
    return json.dumps(value)


def parse_wish(given: Fields, accepted: Accepted) -> Wish:
    """Read an event; what is not known there is ignored.

    Raises:
        InvalidFields: something is missing or makes no sense; all of it is listed.
    """
    reading = _Reading(given)
    wish = Wish(
        title=reading.required("title"),
        description=reading.description(),
        start=datetime.combine(reading.day(), reading.clock()),
        zone=reading.zone(accepted),
        minutes=reading.minutes(),
        frequency=reading.frequency(),
        weekdays=reading.weekdays(),
    )
    if reading.details:
        raise InvalidFields(reading.details)
    return wish


class _Reading:
    """Reads field after field, and collects what is wrong; then values mean nothing."""

    def __init__(self, given: Fields) -> None:
        self._given = given
        self.details: dict[str, str] = {}

    def required(self, field: str) -> str:
        value = self._given.get(field)
        if value is None:
            self.details[field] = "it is required"
        return value or ""

    def description(self) -> str:
        value = self.required("description")
        if len(value) > MAX_DESCRIPTION:
            self.details["description"] = f"{MAX_DESCRIPTION} characters at most"
        elif any(unicodedata.category(c) in {"Cc", "Cs"} and c not in _SPACES for c in value):
            self.details["description"] = "take out the control characters"
        return value

    def day(self) -> date:
        value = self.required("date")
        try:
            found = date.fromisoformat(value if _DATE.fullmatch(value) else "")
        except ValueError:
            self.details.setdefault("date", "give a date as YYYY-MM-DD")
            return date.min
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            self.details["date"] = "is the year right?"
        return found

    def clock(self) -> time:
        value = self.required("time")
        if _TIME.fullmatch(value):
            return time.fromisoformat(value)
        self.details.setdefault("time", "give a time from 00:00 to 23:59 as HH:MM")
        return time.min

    def zone(self, accepted: Accepted) -> str:
        value = self.required("timezone")
        if not is_accepted(value, accepted):
            self.details.setdefault("timezone", "give one of the supported time zones")
        return value

    def minutes(self) -> int:
        value = self.required("duration")
        if value not in map(str, DURATIONS):
            listed = ", ".join(map(str, DURATIONS))
            self.details.setdefault("duration", f"give minutes, one of {listed}")
            return 0
        return int(value)

    def frequency(self) -> Frequency | None:
        value = self._given.get("repeat", "never")
        if value not in REPEATS:
            self.details["repeat"] = f"give one of {', '.join(REPEATS)}"
        return REPEATS.get(value)

    def weekdays(self) -> frozenset[int]:
        if self._given.get("repeat") != "weekly":
            return frozenset()
        names = [name.strip() for name in self.required("repeat_days").split(",")]
        if not all(name in WEEKDAYS for name in names):
            fix = f"give weekdays with commas between them: {', '.join(WEEKDAYS)}"
            self.details["repeat_days"] = fix
        return frozenset(WEEKDAYS[name] for name in names if name in WEEKDAYS)


def parse_paging(query: Fields, usual: int, most: int) -> Paging:
    """Read which page is asked for; one larger than can be had is made smaller.

    Raises:
        InvalidFields: a number is none, or below 1.
    """
    details = {
        name: "give a whole number from 1 on"
        for name in ("page", "pagesize")
        if name in query and not (_WHOLE.fullmatch(query[name]) and int(query[name]))
    }
    if details:
        raise InvalidFields(details)
    return Paging(int(query.get("page", 1)), min(int(query.get("pagesize", usual)), most))
