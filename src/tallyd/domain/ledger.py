"""Which rows the ledger must have: one pending run for each occurrence that starts in a period."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import Occurrence, Override, Run, Schedule
from tallyd.domain.recurrence import in_utc, occurrences
from tallyd.domain.window import Window

AHEAD = timedelta(minutes=15)
"""How far ahead of now the ledger is written: a start needs no disk."""


def due_runs(
    schedules: Iterable[Schedule], overrides: Mapping[int, tuple[Override, ...]], starts: Window
) -> Iterator[Run]:
    """Give a pending run (id 0) for every occurrence that starts inside `starts`.

    Suspended and blocked ones too: what fell due is explained, whatever became of it.
    """
    for run in standing_runs(schedules, overrides, starts):
        if starts.holds(run.planned.start):
            yield run


def standing_runs(
    schedules: Iterable[Schedule], overrides: Mapping[int, tuple[Override, ...]], period: Window
) -> Iterator[Run]:
    """Give a pending run (id 0) for every occurrence that intersects `period`."""
    for schedule in schedules:
        for occurrence in _expand(schedule, overrides.get(schedule.id, ()), period):
            yield Run(
                id=0,
                target=schedule.target,
                name=schedule.name,
                planned=occurrence.window,
                schedule_id=schedule.id,
                slot=occurrence.slot,
            )


def _expand(
    schedule: Schedule, overrides: tuple[Override, ...], period: Window
) -> Iterator[Occurrence]:
    try:
        yield from occurrences(schedule, overrides, period)
    except ZoneUnknown:
        yield from occurrences(in_utc(schedule), overrides, period)
