"""What comes next of a schedule: its first occurrence that has not begun and will not be left out.

Pure; which schedules there are is said elsewhere.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import ExceptionDay, Occurrence, Override, Schedule, Target
from tallyd.domain.recurrence import local_date, occurrences
from tallyd.domain.window import FAR_FUTURE, Window


def next_occurrence(
    schedule: Schedule,
    overrides: Iterable[Override],
    holidays: Collection[date],
    zone: str,
    now: datetime,
) -> Occurrence | None:
    """Give the first occurrence that starts after `now`; None where there is none, or no zone.

    Those that are excluded, or start on one of `holidays` as `zone` counts days, are passed over.
    """
    own = tuple(overrides)
    excluded = {each.slot for each in own if each.excluded and each.schedule_id == schedule.id}
    try:
        for occurrence in occurrences(schedule, own, Window(now, FAR_FUTURE)):
            start = occurrence.window.start
            if start <= now or occurrence.slot in excluded:
                continue
            if not holidays or local_date(start, zone) not in holidays:
                return occurrence
    except ZoneUnknown:
        return None
    return None


def holidays_of(days: Iterable[ExceptionDay], target: Target) -> frozenset[date]:
    """Give the days on which nothing starts on a target."""
    return frozenset(each.day for each in days if each.target in {None, target.key})
