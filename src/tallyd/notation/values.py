"""Reads what is typed: durations, starts, instants, days, dates, zones. Pure: time is an argument.

Each reader raises `ValueError` with what to write instead.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tallyd.config.values import (
    CALENDAR_UNITS,
    CLOCK_UNITS,
    did_you_mean,
    format_duration,
    parse_duration,
)
from tallyd.domain.model import MAX_DURATION, InstantStart, WallStart
from tallyd.domain.window import floor_ms

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORTEST_DAY = 3
"""Letters that name a weekday."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?P<fraction>\.[0-9]{1,3})?)?")
_OFFSET = re.compile(r"[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?")
_STAMP = re.compile(rf"({_DATE.pattern})[Tt ]({_CLOCK.pattern})({_OFFSET.pattern})?")


@dataclass(frozen=True, slots=True)
class Wall:
    """A time as a clock on the wall shows it, in a zone that is still to be said."""

    local: datetime


@dataclass(frozen=True, slots=True)
class Instant:
    """An aware UTC instant in whole milliseconds."""

    at: datetime


@dataclass(frozen=True, slots=True)
class FromNow:
    """So long after the present, or before it where negative."""

    shift: timedelta = timedelta(0)


Moment = Wall | Instant | FromNow


def booking_duration(text: str) -> timedelta:
    """Read how long a booking lasts, such as `1h30m`: longer than nothing, at most 31 days."""
    duration = parse_duration(text, CLOCK_UNITS)
    if not duration:
        raise ValueError("must be longer than nothing")
    if duration > MAX_DURATION:
        raise ValueError(f"at most {format_duration(MAX_DURATION, CALENDAR_UNITS)}")
    return duration


def read_date(text: str) -> date:
    """Read a date, `2026-12-25`."""
    if not _DATE.fullmatch(text):
        raise ValueError("write a date as 2026-12-25")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("there is no such day") from None


def read_start(text: str) -> Moment:
    """Read a start: `2026-12-01T09:00`, `...:30`, with `Z` or an offset an instant, or `now`."""
    if text.lower() == "now":
        return FromNow()
    found = _STAMP.fullmatch(text)
    if found is None:
        raise ValueError(_start_hint(text))
    day, clock, offset = read_date(found[1]), _read_clock(found[2]), found[4]
    if offset is None:
        if clock.microsecond:
            raise ValueError("a local time has whole seconds; fractions go with Z or an offset")
        return Wall(datetime.combine(day, clock))
    stamp = f"{day}T{clock.isoformat()}{offset.upper()}"
    try:
        return Instant(datetime.fromisoformat(stamp).astimezone(UTC))
    except ValueError:
        raise ValueError("there is no such offset: write Z or +01:00") from None
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def _start_hint(text: str) -> str:
    if _DATE.fullmatch(text):
        return f"add the time: {text}T09:00"
    if _CLOCK.fullmatch(text):
        return f"add the date: 2026-12-01T{text}"
    return "write 2026-12-01T09:00, with Z or +01:00 for an instant, or now"


def _read_clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(
            "there is no such time: hours go to 23, minutes and seconds to 59"
        ) from None


def read_moment(text: str) -> Moment:
    """Read what reports go by: a start, a date (its midnight), or `+7d` and `-12h` from now."""
    if text[:1] in {"+", "-"}:
        shift = parse_duration(text[1:], CALENDAR_UNITS)
        return FromNow(shift if text[0] == "+" else -shift)
    if _DATE.fullmatch(text):
        return Wall(datetime.combine(read_date(text), time.min))
    return read_start(text)


def start_of(moment: Moment, zone: str, now: datetime) -> WallStart | InstantStart:
    """Make a booking's start of a moment: wall time is meant in `zone`, `now` is an instant."""
    match moment:
        case Wall():
            return WallStart(moment.local, zone)
        case Instant():
            return InstantStart(moment.at)
        case FromNow():
            return InstantStart(_shifted(now, moment.shift))


def wall_start_of(moment: Moment, zone: str, now: datetime) -> WallStart:
    """Make the anchor of a series of a moment: an instant becomes what the wall of `zone` shows.

    Fractions of a second are cut.
    """
    start = start_of(moment, zone, now)
    if isinstance(start, WallStart):
        return start
    local = start.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0, fold=0)
    return WallStart(local, zone)


def instant_of(moment: Moment, zone: str, now: datetime) -> datetime:
    """Give the instant of a moment; wall time is meant in `zone`.

    A wall time that does not exist is moved on by the gap, of two the first is meant.

    Raises:
        ValueError: it lies beyond the calendar.
    """
    match moment:
        case Wall():
            # zoneinfo with fold 0 reads gaps and overlaps in just that way.
            try:
                return moment.local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            except OverflowError:
                raise ValueError("beyond the calendar") from None
        case Instant():
            return moment.at
        case FromNow():
            return _shifted(now, moment.shift)


def _shifted(now: datetime, shift: timedelta) -> datetime:
    try:
        return floor_ms(now + shift)
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def read_days(text: str) -> frozenset[int]:
    """Read weekdays, `mon,wed` or `Monday, Wednesday`, as ISO numbers (1 is Monday)."""
    return frozenset(_read_day(word.strip().lower()) for word in text.split(","))


def _read_day(word: str) -> int:
    if not word:
        raise ValueError("write weekdays with commas, such as mon,wed")
    for number, name in enumerate(WEEKDAYS, start=1):
        if len(word) >= SHORTEST_DAY and name.startswith(word):
            return number
    short = [name[:SHORTEST_DAY] for name in WEEKDAYS]
    hint = did_you_mean(word, [*WEEKDAYS, *short]) or f"; the days are {', '.join(short)}"
    raise ValueError(f"{word} is no weekday{hint}")
