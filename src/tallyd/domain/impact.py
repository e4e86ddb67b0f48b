"""What a change does to others: whom it would cut now, whose chances it changes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallyd.domain.errors import Victim
from tallyd.domain.model import Status, Verdict
from tallyd.domain.planner import Planned, Wishes, plan_target, worst_verdicts
from tallyd.domain.window import MILLISECOND, Window, subtract


@dataclass(frozen=True, slots=True)
class Affected:
    """A schedule whose verdict a change has changed, and what it is now."""

    schedule_id: int
    name: str
    verdict: Verdict


def victims(before: Wishes, after: Wishes, now: datetime) -> tuple[Victim, ...]:
    """Give the runs that record now and would lose time of the piece that they are recording."""
    return tuple(_victims(before, after, now))


def _victims(before: Wishes, after: Wishes, now: datetime) -> Iterator[Victim]:
    instant = Window(now, now + MILLISECOND)
    claims_after = {entry.key: entry.claim for entry in plan_target(after, instant)}
    running = {
        (run.schedule_id, run.slot): run
        for run in before.runs
        if run.status is not Status.FINISHED and run.confirmed
    }
    for entry, piece in _pieces_at(plan_target(before, instant), now):
        run = running.get(entry.key)
        if run is None:
            continue
        lost = subtract(Window(now, piece.stop), claims_after.get(entry.key, ()))
        if lost:
            loses = Window(lost[0].start, lost[-1].stop)
            yield Victim(run.id, run.shown_schedule, run.name, loses)


def _pieces_at(entries: Iterable[Planned], now: datetime) -> Iterator[tuple[Planned, Window]]:
    for entry in entries:
        for piece in entry.claim:
            if piece.holds(now):
                yield entry, piece


def affected(before: Wishes, after: Wishes, period: Window) -> tuple[Affected, ...]:
    """Give the schedules whose summed-up verdict over `period` a change has changed, by id.

    Schedules that are on one side only are not listed: they are the change.
    """
    then = worst_verdicts(plan_target(before, period))
    names = {schedule.id: schedule.name for schedule in after.schedules}
    return tuple(
        Affected(schedule_id, names[schedule_id], verdict)
        for schedule_id, verdict in sorted(worst_verdicts(plan_target(after, period)).items())
        if schedule_id in then and then[schedule_id] is not verdict
    )


def worsened(before: Wishes, after: Wishes, period: Window) -> tuple[Planned, ...]:
    """Give the occurrences that a change leaves without all of their time, in order of start.

    What was short of time before is listed only where it now holds less.
    """
    then = {entry.key: entry for entry in plan_target(before, period)}
    return tuple(
        entry
        for entry in plan_target(after, period)
        if entry.verdict in {Verdict.BLOCKED, Verdict.CONFLICT}
        and _is_worse(entry, then.get(entry.key))
    )


def _is_worse(entry: Planned, before: Planned | None) -> bool:
    if before is None or before.verdict not in {Verdict.BLOCKED, Verdict.CONFLICT}:
        return True
    return _held(entry) < _held(before)


def _held(entry: Planned) -> timedelta:
    return sum((piece.length for piece in entry.claim), start=timedelta())
