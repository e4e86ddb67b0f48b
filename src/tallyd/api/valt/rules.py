"""VALT's recurrence, both ways: its words, its weekdays, its ends. Pure; books nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from tallyd.api.valt.values import (
    InvalidField,
    Object,
    day,
    numbers,
    section,
    whole_number,
)
from tallyd.domain.model import (
    DstOverlap,
    Frequency,
    InstantStart,
    Recurrence,
    WallStart,
)
from tallyd.domain.recurrence import instant_at, wall_time

_TYPES: Mapping[str, Frequency | None] = MappingProxyType(
    {
        "none": None,
        "daily": Frequency.DAILY,
        "weekly": Frequency.WEEKLY,
        "monthly": Frequency.MONTHLY,
    }
)
_NEVER, _AFTER, _BY = "no_end_date", "after", "by"
_RANGES: Mapping[str, str] = MappingProxyType(
    {
        "no": _NEVER,
        "no_end_date": _NEVER,
        "after": _AFTER,
        "end_after": _AFTER,
        "by": _BY,
        "end_by": _BY,
    }
)
_SUNDAY = 7


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule starts and how it repeats, as a draft holds it."""

    start: WallStart | InstantStart
    recurrence: Recurrence | None
    dst_overlap: DstOverlap


def parse_rule(value: object, known: Recurrence | None, zone: str) -> Recurrence | None:
    """Read a `recurrence`; what it leaves out is as `known` has it, if it is of the same type.

    Raises:
        InvalidField: a word, a weekday or an end makes no sense.
    """
    given = {key: each for key, each in section("recurrence", value).items() if each is not None}
    frequency = _frequency(given, known)
    if frequency is None:
        return None
    same = known if known is not None and known.frequency is frequency else Recurrence(frequency)
    count, until = _end(given, same, zone)
    return Recurrence(
        frequency,
        every=same.every,
        weekdays=_weekdays(given, same) if frequency is Frequency.WEEKLY else frozenset(),
        last_day=same.last_day,
        count=count,
        until=until,
    )


def _frequency(given: Object, known: Recurrence | None) -> Frequency | None:
    word = given.get("type")
    if word is None:
        if known is not None:
            return known.frequency
        return Frequency.WEEKLY if given.get("weeks_range") not in (None, "", []) else None
    if not isinstance(word, str) or word not in _TYPES:
        raise InvalidField("recurrence.type", f"give one of {', '.join(_TYPES)}")
    return _TYPES[word]


def _weekdays(given: Object, known: Recurrence) -> frozenset[int]:
    if "weeks_range" not in given:
        return known.weekdays
    days = numbers("recurrence.weeks_range", given["weeks_range"])
    if not days or not all(0 <= number < _SUNDAY for number in days):
        raise InvalidField("recurrence.weeks_range", "give weekdays from 0 (Sunday) to 6")
    return frozenset(number or _SUNDAY for number in days)


def _end(given: Object, known: Recurrence, zone: str) -> tuple[int | None, date | None]:
    kind = _range_type(given)
    if kind is None:
        return known.count, known.until
    if kind == _AFTER:
        return _count(given, known), None
    if kind == _BY:
        return None, _until(given, known, zone)
    return None, None


def _range_type(given: Object) -> str | None:
    """Give the kind of end; without the word, an end that is given says it."""
    word = given.get("range_type")
    if word is None:
        if given.get("end_after"):
            return _AFTER
        return _BY if given.get("end_by") else None
    if not isinstance(word, str) or word not in _RANGES:
        raise InvalidField("recurrence.range_type", "give one of no, after, by")
    return _RANGES[word]


def _count(given: Object, known: Recurrence) -> int:
    count = whole_number("recurrence.end_after", given.get("end_after", known.count))
    if count < 1:
        raise InvalidField("recurrence.end_after", "give a number of occurrences above zero")
    return count


def _until(given: Object, known: Recurrence, zone: str) -> date:
    if "end_by" in given:
        return day("recurrence.end_by", given["end_by"], zone)
    if known.until is None:
        raise InvalidField("recurrence.end_by", "give a date as MM-DD-YYYY")
    return known.until


def timing_from(at: datetime, recurrence: Recurrence | None, zone: str) -> Timing:
    """Give the timing of what first starts at `at`: a series keeps the time of day in `zone`.

    In the hour that clocks show twice it keeps to the one that `at` lies in.
    """
    if recurrence is None:
        return Timing(InstantStart(at), None, DstOverlap.FIRST)
    wall = wall_time(at, zone)
    first = instant_at(wall, zone) == at
    overlap = DstOverlap.FIRST if first else DstOverlap.SECOND
    return Timing(WallStart(wall, zone), recurrence, overlap)


def rule_view(rule: Recurrence | None, start: WallStart | InstantStart) -> dict[str, object]:
    """Give a `recurrence` as clients read it; what VALT has no word for is left unsaid."""
    if rule is None:
        return {"type": "none"}
    view: dict[str, object] = {"type": rule.frequency.value}
    if rule.frequency is Frequency.WEEKLY:
        own = {start.local.isoweekday()} if isinstance(start, WallStart) else set[int]()
        view["weeks_range"] = sorted(number % _SUNDAY for number in rule.weekdays or own)
    if rule.count is not None:
        return {**view, "range_type": _AFTER, "end_after": rule.count}
    if rule.until is not None:
        return {**view, "range_type": _BY, "end_by": f"{rule.until:%m-%d-%Y}"}
    return {**view, "range_type": _NEVER}
