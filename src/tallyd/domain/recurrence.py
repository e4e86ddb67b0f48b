"""From a schedule's rule to its slots, from slots to instants. Reads no clock, knows no rival.

A slot is the wall time as the rule gives it; only its zone makes an instant of it. So neither a
change of the clocks nor a new time-zone database ever moves the slots of a series.
"""

import calendar
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import dropwhile, islice, pairwise
from typing import Literal

from whenever import (
    Instant,
    PlainDateTime,
    TimeZoneNotFoundError,
    ZonedDateTime,
    clear_tzcache,
)

from tallyd.domain.errors import NotFound, ZoneUnknown
from tallyd.domain.model import (
    MANUAL_SLOT,
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Occurrence,
    Override,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.window import FAR_FUTURE, Window, to_ms

_LAST_DAY = FAR_FUTURE.toordinal() - 1
# A local date differs from the UTC date by one at most; the second day is for times of day.
_DAYS_ASTRAY = 2
# Ten years of months: every length of month in every order that the leap years make of them.
_TELLING_SLOTS = 120

_Policy = Literal["compatible", "later"]
_ANY_WALL_TIME = PlainDateTime(2000, 1, 1)
# Names that a zone directory answers to and that are no zones: the machine's own, and copies of
# the database, one of which counts leap seconds.
_NO_ZONES = ("localtime", "posixrules", "posix/", "right/")


def occurrences(
    schedule: Schedule, overrides: Iterable[Override], period: Window
) -> Iterator[Occurrence]:
    """Give what intersects the half-open `period`, in order of start; excluded ones too.

    An override's `stop` replaces the end of its occurrence; one at or before the start leaves an
    empty window, which belongs to the period that holds its start. Windows are not clipped.
    Overrides of other schedules or of slots that do not exist change nothing.

    Raises:
        ZoneUnknown: on the first step, whether or not anything would follow.
    """
    if isinstance(schedule.start, InstantStart) and schedule.start.at >= period.stop:
        return
    stops = {
        override.slot: override.stop
        for override in overrides
        if override.stop is not None and override.schedule_id == schedule.id
    }
    from_day = min(
        period.start.toordinal() - schedule.duration.days - _DAYS_ASTRAY,
        *(_day_of(slot) for slot, stop in stops.items() if stop > period.start),
        _LAST_DAY,
    )
    for slot, start in _starts(schedule, from_day):
        if start >= period.stop:
            return
        stop = max(start, stops[slot]) if slot in stops else start + schedule.duration
        if stop > period.start or start == period.start:
            yield Occurrence(schedule.id, slot, Window(start, stop))


def slots_from(schedule: Schedule, after: datetime) -> Iterator[Occurrence]:
    """Give what starts at or after `after`, in order and as booked: overrides are not applied.

    Lazy, and endless for all that matters: a series without an end goes on to the year 9999.

    Raises:
        ZoneUnknown: on the first step, whether or not anything would follow.
    """
    for slot, start in _starts(schedule, after.toordinal() - _DAYS_ASTRAY):
        if start >= after:
            yield Occurrence(schedule.id, slot, Window(start, start + schedule.duration))


def instant_of(schedule: Schedule, slot: str) -> datetime:
    """Give the instant at which `slot` starts, also where it lies outside the schedule's life.

    Raises:
        NotFound: the schedule's rule has no such slot.
        ZoneUnknown: nobody can say when that is.
    """
    for known, start in islice(_slots(schedule, _day_of(slot)), 1):
        if known == slot:
            return start
    raise NotFound("occurrence", slot)


def instant_at(local: datetime, zone: str, overlap: DstOverlap = DstOverlap.FIRST) -> datetime:
    """Give the instant at which clocks in `zone` show the naive `local` time.

    A time that they leave out is shifted forward by the gap.

    Raises:
        ZoneUnknown: there is no such zone.
    """
    return _zoned(PlainDateTime(local), zone, overlap).to_instant().to_stdlib()


def local_date(instant: datetime, zone: str) -> date:
    """Give the day on which `instant` falls in `zone`.

    Raises:
        ZoneUnknown: there is no such zone.
    """
    return wall_time(instant, zone).date()


def wall_time(instant: datetime, zone: str) -> datetime:
    """Give what a clock on the wall shows in `zone` at `instant`, as naive local time.

    Raises:
        ZoneUnknown: there is no such zone.
    """
    try:
        zoned = Instant(instant).to_tz(zone)  # pyright: ignore[reportUnknownMemberType] - as below
    except TimeZoneNotFoundError:
        raise ZoneUnknown(zone) from None
    return zoned.to_plain().to_stdlib()


def forget_zones() -> None:
    """Have every zone read anew from the time-zone database when it is next needed."""
    clear_tzcache()


def check_zone(zone: str) -> None:
    """Make sure that the time-zone database has a zone spelt exactly so.

    Raises:
        ZoneUnknown: it has not.
    """
    known = _zoned(_ANY_WALL_TIME, zone, DstOverlap.FIRST).tz_id
    if known != zone or zone.startswith(_NO_ZONES):
        raise ZoneUnknown(zone)


def in_utc(schedule: Schedule) -> Schedule:
    """Give the schedule as though its zone were UTC, to list what no one can place."""
    if isinstance(schedule.start, InstantStart):
        return schedule
    return replace(schedule, start=WallStart(schedule.start.local, "UTC"))


def rule_days(rule: Recurrence, anchor: date, from_day: int = 0) -> Iterator[date]:
    """Give the days of a rule from its anchor to its `until`, in order; `count` is not applied.

    Days before the ordinal `from_day` are left out and cost nothing.
    """
    first = max(anchor.toordinal(), from_day)
    last = _LAST_DAY if rule.until is None else min(rule.until.toordinal(), _LAST_DAY)
    return _DAYS[rule.frequency](rule, anchor, first, last)


def shortest_interval(rule: Recurrence, anchor: date) -> timedelta | None:
    """Give the shortest nominal time from one slot to the next; None where there is no next."""
    telling = _TELLING_SLOTS if rule.count is None else min(rule.count, _TELLING_SLOTS)
    days = islice(rule_days(rule, anchor), telling)
    return min((later - earlier for earlier, later in pairwise(days)), default=None)


def _starts(schedule: Schedule, from_day: int) -> Iterator[tuple[str, datetime]]:
    """Give the slots of the schedule's life with their instants, in order of instant.

    None that starts on `from_day` or later is missing; some earlier ones may come along.
    """
    born = schedule.effective_from
    for slot, start in _slots(schedule, max(from_day, born.toordinal() - _DAYS_ASTRAY)):
        if schedule.ended is not None and start >= schedule.ended:
            return
        if start >= born:
            yield slot, start


def _slots(schedule: Schedule, from_day: int) -> Iterator[tuple[str, datetime]]:
    """Give the slots of the rule from a day on; a one-shot's only one whatever the day."""
    start = schedule.start
    if isinstance(start, InstantStart):
        yield MANUAL_SLOT if schedule.manual else f"@{to_ms(start.at)}", start.at
        return
    check_zone(start.zone)
    for wall in _walls(schedule, start, from_day):
        yield wall.isoformat(), instant_at(wall, start.zone, schedule.dst_overlap)


def _walls(schedule: Schedule, start: WallStart, from_day: int) -> Iterator[datetime]:
    rule = schedule.recurrence
    if rule is None:
        return _that_exist(iter((start.local,)), start.zone, schedule.dst_gap)
    # What is counted must be gone through, but only what may not exist needs its zone for that.
    days = rule_days(rule, start.local.date(), from_day if rule.count is None else 0)
    clock = start.local.time()
    walls = (datetime.combine(day, clock) for day in days)
    existing = _that_exist(walls, start.zone, schedule.dst_gap)
    if rule.count is None:
        return existing
    return dropwhile(lambda wall: wall.toordinal() < from_day, islice(existing, rule.count))


def _that_exist(walls: Iterator[datetime], zone: str, gap: DstGap) -> Iterator[datetime]:
    if gap is DstGap.SHIFT:
        return walls
    return (wall for wall in walls if _exists(PlainDateTime(wall), zone))


def _exists(wall: PlainDateTime, zone: str) -> bool:
    return _zoned(wall, zone, DstOverlap.FIRST).to_plain() == wall


def _zoned(wall: PlainDateTime, zone: str, overlap: DstOverlap) -> ZonedDateTime:
    # Both shift a wall time that does not exist forward by the gap.
    policy: _Policy = "later" if overlap is DstOverlap.SECOND else "compatible"
    try:
        # The stubs name the machine's own zone by a type that pyright cannot see.
        return wall.assume_tz(zone, disambiguation=policy)  # pyright: ignore[reportUnknownMemberType]
    except TimeZoneNotFoundError:
        raise ZoneUnknown(zone) from None


def _daily(rule: Recurrence, anchor: date, first: int, last: int) -> Iterator[date]:
    late = (anchor.toordinal() - first) % rule.every
    return map(date.fromordinal, range(first + late, last + 1, rule.every))


def _weekly(rule: Recurrence, anchor: date, first: int, last: int) -> Iterator[date]:
    weekdays = sorted(rule.weekdays) or [anchor.isoweekday()]
    sunday = anchor.toordinal() - anchor.isoweekday()
    early = (first - 1 - sunday) % (7 * rule.every)
    for before in range(first - 1 - early, last, 7 * rule.every):
        for weekday in weekdays:
            if first <= before + weekday <= last:
                yield date.fromordinal(before + weekday)


def _monthly(rule: Recurrence, anchor: date, first: int, last: int) -> Iterator[date]:
    begin, end = (_month_of(date.fromordinal(day)) for day in (first, last))
    early = (begin - _month_of(anchor)) % rule.every
    for month in range(begin - early, end + 1, rule.every):
        year, index = divmod(month, 12)
        length = calendar.monthrange(year, index + 1)[1]
        day = length if rule.last_day else anchor.day
        if day <= length and first <= (found := date(year, index + 1, day)).toordinal() <= last:
            yield found


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


_DAYS = {
    Frequency.DAILY: _daily,
    Frequency.WEEKLY: _weekly,
    Frequency.MONTHLY: _monthly,
}


def _day_of(slot: str) -> int:
    """Give the ordinal of a slot's day; 0 for what is no wall time."""
    try:
        return date.fromisoformat(slot[:10]).toordinal()
    except ValueError:
        return 0
