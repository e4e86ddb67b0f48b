"""What a channel's time is taken by, loaded and worked out for a period; changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from tallyd.domain.entries import (
    RETENTION,
    Stretch,
    is_entry,
    is_removed,
    occurrence_id,
    stretches,
    window_of,
)
from tallyd.domain.errors import NotFound, ZoneUnknown
from tallyd.domain.model import Occurrence, Schedule
from tallyd.domain.planner import Wishes, plan_target
from tallyd.domain.recurrence import in_utc, slots_from
from tallyd.domain.window import Window
from tallyd.ports.contents import ContentReader

_WIDER_AT_MOST = 16
"""So often a period is widened to what its verdicts hang on."""


@dataclass(frozen=True, slots=True)
class Found:
    """A schedule that a client named: its own window, and whether it was removed."""

    schedule: Schedule
    window: Window
    removed: bool


async def wishes_around(reader: ContentReader, target: str, period: Window) -> Wishes:
    """Load what decides who holds a channel in a period: also what overlaps it, and what that.

    Raises:
        NotFound: there is no such target.
    """
    wishes = await _wishes_within(reader, target, period)
    wide = period
    for _ in range(_WIDER_AT_MOST):
        if all(is_entry(schedule) for schedule in wishes.schedules):
            break
        reach = _reach(wishes, wide)
        if reach == wide:
            break
        wide = reach
        wishes = await _wishes_within(reader, target, wide)
    return wishes


async def _wishes_within(reader: ContentReader, target: str, period: Window) -> Wishes:
    wishes = await reader.wishes_within(target, period)
    if wishes is None:
        raise NotFound("channel", target)
    return wishes


def _reach(wishes: Wishes, period: Window) -> Window:
    taken = [planned.occurrence.window for planned in plan_target(wishes, period)]
    start = min([period.start, *(window.start for window in taken)])
    return Window(start, max([period.stop, *(window.stop for window in taken)]))


async def timeline(reader: ContentReader, target: str, period: Window) -> tuple[Stretch, ...]:
    """Give what a channel's time is taken by in a period, in order of start.

    Raises:
        NotFound: there is no such target.
    """
    return stretches(await wishes_around(reader, target, period), period)


async def entry_named(reader: ContentReader, target: str, uid: str, now: datetime) -> Found | None:
    """Give the entry of a channel by its id, removed or not, for as long as it is kept."""
    schedule = await reader.entry(target, uid)
    if schedule is None or not is_entry(schedule):
        return None
    return await _found(reader, schedule, now)


async def entry_called(
    reader: ContentReader, target: str, external_id: str, now: datetime
) -> tuple[Found, ...]:
    """Give the entries that a client calls by an id of its own, the last to start first."""
    schedules = await reader.entries_called(target, external_id)
    found = [await _found(reader, each, now) for each in schedules if is_entry(each)]
    return tuple(each for each in found if each is not None)


async def _found(reader: ContentReader, schedule: Schedule, now: datetime) -> Found | None:
    window = window_of(schedule, await reader.overrides({schedule.id}))
    if window.stop < now - RETENTION:
        return None
    return Found(schedule, window, is_removed(schedule))


async def other_named(
    reader: ContentReader, target: str, wanted: str, now: datetime, ahead: timedelta
) -> Stretch | None:
    """Give what is no entry and is shown beside them, by the id under which it is shown."""
    kept = Window(now - RETENTION, now + ahead)
    schedule = await reader.entry(target, wanted)
    if schedule is not None:
        own = next(_slots(schedule, schedule.effective_from), None)
        if own is None or is_entry(schedule) or own.window.stop < kept.start:
            return None
        return await _shown_in(reader, target, wanted, own.window)
    for series in await reader.wall_times_within(target, kept):
        if series.recurrence is not None:
            coming = _slots(series, kept.start - series.duration)
            for each in takewhile(lambda each: each.window.start < kept.stop, coming):
                if occurrence_id(series.uid, each.slot) == wanted:
                    return await _shown_in(reader, target, wanted, each.window)
    return None


def _slots(schedule: Schedule, after: datetime) -> Iterator[Occurrence]:
    try:
        yield from slots_from(schedule, after)
    except ZoneUnknown:
        yield from slots_from(in_utc(schedule), after)


async def _shown_in(
    reader: ContentReader, target: str, wanted: str, period: Window
) -> Stretch | None:
    found = await timeline(reader, target, period)
    return next((each for each in found if each.id == wanted), None)
