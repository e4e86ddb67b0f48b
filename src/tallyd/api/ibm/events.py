"""Events and schedules, both ways: what is shown as an event, what an event books. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from tallyd.api.ibm.fields import DURATIONS, WEEKDAYS, Wish
from tallyd.domain.accounts import Caller
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
    Occurrence,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import instant_at, wall_time
from tallyd.domain.window import to_ms

ORIGIN = "ibm"

Json = dict[str, object]

_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_MS = 1000
_DAY_NAMES: Mapping[int, str] = MappingProxyType({day: name for name, day in WEEKDAYS.items()})
_REPEATS: Mapping[Frequency, str] = MappingProxyType(
    {Frequency.DAILY: "daily", Frequency.WEEKLY: "weekly"}
)


def is_event(schedule: Schedule) -> bool:
    """Tell whether a schedule can be said as an event: once, or each day or week without an end."""
    if schedule.ended is not None or schedule.manual:
        return False
    rule = schedule.recurrence
    if rule is None:
        return True
    endless = rule.count is None and rule.until is None
    return rule.frequency in _REPEATS and rule.every == 1 and endless


def anchor(schedule: Schedule) -> datetime:
    """Give the instant of the start as booked; in UTC where nobody knows the zone any more."""
    start = schedule.start
    if isinstance(start, InstantStart):
        return start.at
    try:
        return instant_at(start.local, start.zone, schedule.dst_overlap)
    except ZoneUnknown:
        return instant_at(start.local, "UTC")


def event_view(schedule: Schedule, zone: str) -> Json:
    """Give the event object; `zone` is the channel's, in which an instant is shown."""
    wall = _wall(schedule.start, zone)
    shown: Json = {
        "id": schedule.id,
        "title": schedule.name,
        "description": schedule.metadata.description,
        "date": f"{wall.local:%Y-%m-%d}",
        "time": f"{wall.local:%H:%M}",
        "timezone": wall.zone,
        "start_ts": to_ms(anchor(schedule)) // _MS,
        "duration": shown_minutes(schedule.duration),
        "repeat": _repeat(schedule.recurrence),
    }
    if schedule.recurrence is not None and schedule.recurrence.frequency is Frequency.WEEKLY:
        days = sorted(_weekdays(schedule.recurrence, wall))
        shown["repeat_days"] = [_DAY_NAMES[day] for day in days]
    return shown


def upcoming_view(schedule: Schedule, occurrence: Occurrence) -> Json:
    """Give what comes next of a schedule: here ids are text, and lengths are seconds."""
    return {
        "id": str(schedule.id),
        "title": schedule.name,
        "description": schedule.metadata.description,
        "start": to_ms(occurrence.window.start) // _MS,
        "duration": -(-occurrence.window.length // _SECOND),
    }


def shown_minutes(duration: timedelta) -> int:
    """Give the shortest length of an event that holds a duration, or the longest that there is."""
    return next((each for each in DURATIONS if each * _MINUTE >= duration), DURATIONS[-1])


def new_draft(wish: Wish, channel: str, caller: Caller, now: datetime) -> Draft:
    """Give what an event books on a channel."""
    owned = Metadata(
        description=wish.description, origin=ORIGIN, owner=caller.owner, author=caller.owner
    )
    start, rule = _timing(wish)
    return Draft(
        target=channel,
        name=wish.title,
        start=start,
        duration=wish.minutes * _MINUTE,
        recurrence=rule,
        effective_from=_begun(start, rule, now),
        metadata=owned,
    )


def edited_draft(wish: Wish, known: Draft, zone: str, now: datetime) -> Draft:
    """Give what an event makes of a schedule; what it says as it was shown stays as it is."""
    start, rule = _timing(wish)
    wall = _wall(known.start, zone)
    shown = wall.local.replace(second=0, microsecond=0), wall.zone
    same = (start.local, start.zone) == shown and rule == _shown_rule(known.recurrence, wall)
    shown_length = shown_minutes(known.duration) == wish.minutes
    return replace(
        known,
        name=wish.title,
        start=known.start if same else start,
        duration=known.duration if shown_length else wish.minutes * _MINUTE,
        recurrence=known.recurrence if same else rule,
        effective_from=None if same else _begun(start, rule, now),
        metadata=replace(known.metadata, description=wish.description),
    )


def _timing(wish: Wish) -> tuple[WallStart, Recurrence | None]:
    rule = None
    if wish.frequency is not None:
        rule = Recurrence(wish.frequency, weekdays=wish.weekdays)
    return WallStart(wish.start, wish.zone), rule


def _begun(start: WallStart, rule: Recurrence | None, now: datetime) -> datetime | None:
    """Give the start of what happens once and should have begun: it is joined, not refused."""
    if rule is not None:
        return None
    at = instant_at(start.local, start.zone)
    return at if at < now else None


def _wall(start: WallStart | InstantStart, zone: str) -> WallStart:
    if isinstance(start, WallStart):
        return start
    try:
        return WallStart(wall_time(start.at, zone), zone)
    except ZoneUnknown:
        return WallStart(wall_time(start.at, "UTC"), "UTC")


def _repeat(rule: Recurrence | None) -> str:
    return "never" if rule is None else _REPEATS[rule.frequency]


def _weekdays(rule: Recurrence, wall: WallStart) -> frozenset[int]:
    return rule.weekdays or frozenset({wall.local.isoweekday()})


def _shown_rule(rule: Recurrence | None, wall: WallStart) -> Recurrence | None:
    if rule is None or rule.frequency is not Frequency.WEEKLY:
        return rule
    return replace(rule, weekdays=_weekdays(rule, wall))
