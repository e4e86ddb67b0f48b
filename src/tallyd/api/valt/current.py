"""Which occurrence of a schedule clients are shown: the running one, else the next. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import Occurrence, Override, Run, Schedule, Status
from tallyd.domain.recurrence import in_utc, local_date, occurrences
from tallyd.domain.window import FAR_FUTURE, Window


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides which occurrences of one schedule still lie ahead.

    `holidays` are the days on which nothing starts there, as `zone` counts days; `runs` are those
    of its occurrences that matter now.
    """

    schedule: Schedule
    overrides: tuple[Override, ...]
    holidays: Collection[date]
    zone: str
    runs: tuple[Run, ...] = ()


def current(known: Circumstances, now: datetime) -> Occurrence | None:
    """Give the occurrence that runs or comes next; None where a schedule is over.

    Of a schedule with nothing left but exception days it is the first of these: they may be lifted.
    """
    return _first(list_ahead(known, now), known)


def after(known: Circumstances, shown: Occurrence, now: datetime) -> Occurrence | None:
    """Give what follows an occurrence in the same sense; None where that is the last."""
    later = (each for each in list_ahead(known, now) if each.window.start > shown.window.start)
    return _first(later, known)


def _first(ahead: Iterable[Occurrence], known: Circumstances) -> Occurrence | None:
    suspended: Occurrence | None = None
    for occurrence in ahead:
        if not _on_holiday(occurrence, known):
            return occurrence
        suspended = suspended or occurrence
    return suspended


def list_ahead(known: Circumstances, now: datetime) -> Iterator[Occurrence]:
    """Give what is not over at `now` and neither left out nor final, in order of start."""
    gone = {each.slot for each in known.overrides if each.excluded}
    gone |= {run.slot for run in known.runs if run.status is Status.FINISHED and run.slot}
    for occurrence in _expand(known, Window(now, FAR_FUTURE)):
        if occurrence.slot not in gone and occurrence.window.stop > now:
            yield occurrence


def is_started(occurrence: Occurrence, known: Circumstances) -> bool:
    """Tell whether an occurrence records, or would if it were not paused."""
    paused = any(each.paused and each.slot == occurrence.slot for each in known.overrides)
    return any(
        run.status in {Status.STARTED, Status.STOPPING} or (paused and run.confirmed)
        for run in known.runs
        if run.slot == occurrence.slot
    )


def records(run: Run, overrides: Iterable[Override], now: datetime) -> bool:
    """Tell whether a run has been given a device and was not told to end: it can be stopped.

    One that waits between two tries of its device counts; one that waits for the room does not.
    """
    if run.status is Status.FINISHED or not run.planned.start <= now:
        return False
    told = (o.stop for o in overrides if (o.schedule_id, o.slot) == (run.schedule_id, run.slot))
    stop = next((each for each in told if each is not None), run.planned.stop)
    return now < stop and (run.status is not Status.PENDING or run.confirmed)


def _expand(known: Circumstances, period: Window) -> Iterable[Occurrence]:
    try:
        yield from occurrences(known.schedule, known.overrides, period)
    except ZoneUnknown:
        yield from occurrences(in_utc(known.schedule), known.overrides, period)


def _on_holiday(occurrence: Occurrence, known: Circumstances) -> bool:
    if not known.holidays:
        return False
    try:
        day = local_date(occurrence.window.start, known.zone)
    except ZoneUnknown:
        day = occurrence.window.start.date()
    return day in known.holidays
