"""What a client asks for, as parsed values: it becomes a schedule, or all its mistakes are named.

Fields of problems are the words of the command line and of files: `until`, `last_day`, `timezone`.
How text becomes values is not said here, nor whether the target is free.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cache

from whenever import available_timezones

from tallyd.domain.errors import InvalidBooking, Problem, ZoneUnknown
from tallyd.domain.model import (
    MAX_DURATION,
    MAX_NAME,
    MAX_PRIORITY,
    MIN_DURATION,
    MIN_PRIORITY,
    Content,
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import check_zone, shortest_interval, slots_from
from tallyd.domain.window import MILLISECOND, floor_ms

MAX_EVERY = 1000
MAX_COUNT = 100_000
MAX_YEARS = 100
"""How far from now a schedule may begin, either way."""

_BEGINNING_OF_TIME = datetime.min.replace(tzinfo=UTC)
_UNITS = (
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", MILLISECOND),
)
# Control characters, halves of surrogate pairs, line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What turns the direction of the text around it; the marks that right-to-left names need stay.
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_WEEKDAYS = {1: "mon", 2: "tue", 3: "wed", 4: "thu", 5: "fri", 6: "sat", 7: "sun"}
_LONG_VALUE = 40
_SOME = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """A schedule as it is wished for, before it is stored.

    What would have started before it is booked does not happen, unless `effective_from` says that
    it counts from an earlier instant on.
    """

    target: str
    name: str
    start: WallStart | InstantStart
    duration: timedelta
    recurrence: Recurrence | None = None
    priority: int = 0
    dst_gap: DstGap = DstGap.SHIFT
    dst_overlap: DstOverlap = DstOverlap.FIRST
    content: Content | None = None
    effective_from: datetime | None = None
    metadata: Metadata = field(default_factory=Metadata)


def validate(draft: Draft, now: datetime, known_targets: Collection[str]) -> None:
    """Make sure that a draft can be booked.

    Raises:
        InvalidBooking: it breaks a rule; every problem is listed.
    """
    problems = tuple(_problems(draft, now, known_targets))
    if problems:
        raise InvalidBooking(*problems)


def validate_edit(
    schedule: Schedule, draft: Draft, now: datetime, known_targets: Collection[str]
) -> None:
    """Make sure that a schedule can be made into a draft; what was wrong before may stay so.

    A one-shot that has begun can thus be extended, and one whose target is gone be renamed.

    Raises:
        InvalidBooking: the edit brings problems; every new one is listed.
    """
    old = set(_problems(draft_of(schedule), now, known_targets))
    new = [problem for problem in _problems(draft, now, known_targets) if problem not in old]
    if new:
        raise InvalidBooking(*new)


def to_schedule(draft: Draft, now: datetime, uid: str) -> Schedule:
    """Make a valid draft the schedule to be stored: id 0, whole milliseconds, in force from now."""
    at = floor_ms(now)
    return Schedule(
        id=0,
        uid=uid,
        target=draft.target,
        name=draft.name,
        start=_whole_ms(draft.start),
        duration=draft.duration - draft.duration % MILLISECOND,
        effective_from=at if draft.effective_from is None else floor_ms(draft.effective_from),
        created=at,
        recurrence=draft.recurrence,
        priority=draft.priority,
        dst_gap=draft.dst_gap,
        dst_overlap=draft.dst_overlap,
        content=draft.content,
        metadata=draft.metadata,
        modified=at,
    )


def draft_of(schedule: Schedule) -> Draft:
    """Give a schedule as a draft, for edits to change."""
    return Draft(
        target=schedule.target,
        name=schedule.name,
        start=schedule.start,
        duration=schedule.duration,
        recurrence=schedule.recurrence,
        priority=schedule.priority,
        dst_gap=schedule.dst_gap,
        dst_overlap=schedule.dst_overlap,
        content=schedule.content,
        metadata=schedule.metadata,
    )


def revise(schedule: Schedule, draft: Draft, now: datetime) -> Schedule:
    """Make a schedule what a valid draft says; id, uid, creation and removal stay.

    It comes into force anew only where its slots may have moved: another start, zone or rule.
    """
    revised = to_schedule(draft, now, schedule.uid)
    moved = timing(revised) != timing(schedule)
    return replace(
        revised,
        id=schedule.id,
        created=schedule.created,
        ended=schedule.ended,
        effective_from=revised.effective_from if moved else schedule.effective_from,
    )


def timing(schedule: Schedule) -> tuple[object, ...]:
    """Give what its slots are made of; two schedules of equal timing have the same slots."""
    return schedule.start, schedule.recurrence, schedule.dst_gap, schedule.dst_overlap


def _whole_ms(start: WallStart | InstantStart) -> WallStart | InstantStart:
    if isinstance(start, InstantStart):
        return InstantStart(floor_ms(start.at))
    whole = start.local.microsecond // 1000 * 1000
    return WallStart(start.local.replace(microsecond=whole), start.zone)


def _problems(draft: Draft, now: datetime, known_targets: Collection[str]) -> Iterator[Problem]:
    yield from _target_problems(draft.target, known_targets)
    yield from _name_problems(draft.name)
    timing = [*_start_problems(draft, now), *_rule_problems(draft)]
    yield from timing
    yield from _duration_problems(draft.duration)
    if not timing:  # a rule that makes no sense has no slots to look at
        yield from _life_problems(draft, now)
        yield from _interval_problems(draft)
    if not MIN_PRIORITY <= draft.priority <= MAX_PRIORITY:
        fix = f"give a whole number from {MIN_PRIORITY} to {MAX_PRIORITY}"
        yield Problem("priority", str(draft.priority), fix)


def _target_problems(target: str, known: Collection[str]) -> Iterator[Problem]:
    if target in known:
        return
    if close := _closest(target, known):
        fix = f"there is no such target; did you mean {close}?"
    elif known:
        fix = f"there is no such target; there are {_some(known)}"
    else:
        fix = "there are no targets; add one to the configuration"
    yield Problem("target", _shortened(target), fix)


def _name_problems(name: str) -> Iterator[Problem]:
    if not name.strip():
        yield Problem("name", _shortened(name), "give it a name that can be seen")
    if len(name) > MAX_NAME:
        fix = f"it has {len(name)} characters; {MAX_NAME} are allowed"
        yield Problem("name", _shortened(name), fix)
    bad = {c for c in name if unicodedata.category(c) in _UNPRINTABLE or c in _TURNS_TEXT}
    if bad:
        listed = _some(f"U+{ord(character):04X}" for character in bad)
        yield Problem("name", _shortened(name), f"take out what cannot be printed: {listed}")


def _start_problems(draft: Draft, now: datetime) -> Iterator[Problem]:
    start = draft.start
    if isinstance(start, WallStart):
        yield from _zone_problems(start.zone)
    elif draft.recurrence is not None:
        fix = "a series repeats a wall time: leave out the offset and give a timezone"
        yield Problem("start", _spell_start(start), fix)
    year = start.local.year if isinstance(start, WallStart) else start.at.year
    if abs(year - now.year) > MAX_YEARS:
        fix = f"that is more than {MAX_YEARS} years from now; is the year right?"
        yield Problem("start", _spell_start(start), fix)


def _zone_problems(zone: str) -> Iterator[Problem]:
    try:
        check_zone(zone)
    except ZoneUnknown:
        close = _closest(zone, _zones())
        hint = f"did you mean {close}?" if close else "give one such as Europe/Berlin"
        yield Problem("timezone", _shortened(zone), f"there is no such time zone; {hint}")


@cache
def _zones() -> frozenset[str]:
    """Give the zones to propose; looked up once, for it reads the whole database."""
    return frozenset(available_timezones())


def _rule_problems(draft: Draft) -> Iterator[Problem]:
    rule = draft.recurrence
    if rule is None:
        return
    if not 1 <= rule.every <= MAX_EVERY:
        yield Problem("every", str(rule.every), f"give a whole number from 1 to {MAX_EVERY}")
    days = ",".join(_WEEKDAYS.get(day, str(day)) for day in sorted(rule.weekdays))
    if rule.weekdays and rule.frequency is not Frequency.WEEKLY:
        yield Problem("days", days, f"a {rule.frequency} rule has no weekdays; repeat weekly")
    if not rule.weekdays <= frozenset(range(1, 8)):
        yield Problem("days", days, "weekdays go from 1 (Monday) to 7 (Sunday)")
    if rule.last_day and rule.frequency is not Frequency.MONTHLY:
        fix = f"a {rule.frequency} rule has no last day of the month; repeat monthly"
        yield Problem("last_day", "true", fix)
    if rule.count is not None and not 1 <= rule.count <= MAX_COUNT:
        yield Problem("count", str(rule.count), f"give a whole number from 1 to {MAX_COUNT}")
    if rule.until is not None:
        yield from _until_problems(rule, rule.until, draft.start)


def _until_problems(
    rule: Recurrence, until: date, start: WallStart | InstantStart
) -> Iterator[Problem]:
    if rule.count is not None:
        yield Problem("until", until.isoformat(), "count ends the series too: give one of the two")
    if isinstance(start, WallStart) and until < start.local.date():
        fix = f"the series begins after that, on {start.local.date()}"
        yield Problem("until", until.isoformat(), fix)


def _life_problems(draft: Draft, now: datetime) -> Iterator[Problem]:
    """Look for a slot from now on. Needs a start and a rule that make sense."""
    schedule = replace(to_schedule(draft, now, ""), duration=MIN_DURATION)
    if _first_slot(schedule) is not None:
        return
    ever = replace(schedule, effective_from=_BEGINNING_OF_TIME)
    over = f"is over: it is {_spell_instant(now)} now" if _first_slot(ever) else None
    rule = draft.recurrence
    if rule is None:
        fix = f"that {over}" if over else "clocks leave that time out; choose another"
        yield Problem("start", _spell_start(draft.start), fix)
    elif rule.until is None:
        yield Problem("count", str(rule.count), f"the series {over}")
    else:
        endless = replace(ever, recurrence=replace(rule, until=None))
        fix = f"the series {over}" if over else f"its first slot would be {_first_slot(endless)}"
        yield Problem("until", rule.until.isoformat(), fix)


def _first_slot(schedule: Schedule) -> str | None:
    return next((each.slot for each in slots_from(schedule, schedule.effective_from)), None)


def _duration_problems(duration: timedelta) -> Iterator[Problem]:
    if not MIN_DURATION <= duration <= MAX_DURATION:
        fix = f"give more than nothing and at most {MAX_DURATION.days} days"
        yield Problem("duration", spell_duration(duration), fix)


def _interval_problems(draft: Draft) -> Iterator[Problem]:
    if draft.recurrence is None or isinstance(draft.start, InstantStart):
        return
    interval = shortest_interval(draft.recurrence, draft.start.local.date())
    if interval is not None and draft.duration > interval:
        fix = f"the next slot can come {spell_duration(interval)} later; make it shorter"
        yield Problem("duration", spell_duration(draft.duration), fix)


def _closest(wanted: str, known: Iterable[str]) -> str | None:
    """Find the name that was most likely meant, by the whole of it or by its last part."""
    names = sorted(known)
    spellings = {name.replace(".", "/").rpartition("/")[2].casefold(): name for name in names}
    spellings |= {name.casefold(): name for name in names}
    close = get_close_matches(wanted[:MAX_NAME].casefold(), spellings, n=1)
    return spellings[close[0]] if close else None


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join([*listed[:_SOME], *(["..."] if listed[_SOME:] else [])])


def _shortened(value: str) -> str:
    return value if len(value) <= _LONG_VALUE else f"{value[:_LONG_VALUE]}..."


def _spell_start(start: WallStart | InstantStart) -> str:
    if isinstance(start, InstantStart):
        return _spell_instant(start.at)
    return f"{start.local.isoformat()} {start.zone}"


def _spell_instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def spell_duration(duration: timedelta) -> str:
    """Give a duration as it would be typed: 1h30m."""
    sign, left = ("-", -duration) if duration < timedelta(0) else ("", duration)
    spelled = ""
    for unit, length in _UNITS:
        amount, left = divmod(left, length)
        spelled += f"{amount}{unit}" if amount else ""
    return sign + (spelled or "0s")
