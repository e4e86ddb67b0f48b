"""What is wanted and what happened, in memory, one target at a time; plans the next day from it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import (
    MAX_DURATION,
    ExceptionDay,
    Override,
    Reason,
    Run,
    Schedule,
    Status,
    Target,
    TargetKind,
)
from tallyd.domain.planner import Planned, Wishes, plan_target
from tallyd.domain.recurrence import wall_time
from tallyd.domain.shelf import Shelf
from tallyd.domain.window import MILLISECOND, Window
from tallyd.engine.programmes import Library
from tallyd.ports.store import Changes

PLANNED_AHEAD = timedelta(hours=24)
_CHANNEL = TargetKind.CHANNEL

RunKey = tuple[int, str]
"""(schedule id, slot): the identity of the occurrence that a run is of."""


def key_of(run: Run) -> RunKey:
    """Give the key under which a run is known before and after it has a row."""
    return run.schedule_id, run.slot


def lies_beyond(run: Run, now: datetime) -> bool:
    """Tell whether a run starts later than is planned for at `now`."""
    return run.planned.start >= now + PLANNED_AHEAD


class Agenda:
    """The engine's picture of schedules and runs. It reads, writes and waits for nothing.

    Of `unsettled` runs it is not known yet what was recorded: nobody judges them meanwhile.
    """

    def __init__(self) -> None:
        self.revision = -1
        self.targets: dict[str, Target] = {}
        self._shelves: dict[str, Shelf] = {}
        self._home: dict[int, str] = {}
        self._overrides: dict[int, tuple[Override, ...]] = {}
        self._exception_days: tuple[ExceptionDay, ...] = ()
        self.library = Library()
        self._runs: dict[str, dict[RunKey, Run]] = {}
        self._planned: dict[str, tuple[Planned, ...]] = {}
        self.unsettled: set[RunKey] = set()

    def name_of(self, schedule_id: int) -> str | None:
        """Give the name of a schedule, if it is known."""
        schedule = self._schedule(schedule_id)
        return schedule.name if schedule else None

    def why_gone(self, run: Run) -> Reason:
        """Say why an occurrence that has a run is no longer planned."""
        schedule = self._schedule(run.schedule_id)
        gone = schedule is None or schedule.ended is not None
        return Reason.SCHEDULE_REMOVED if gone else Reason.SCHEDULE_CHANGED

    def _schedule(self, schedule_id: int) -> Schedule | None:
        home = self._home.get(schedule_id)
        return self._shelves[home].get(schedule_id) if home is not None else None

    def apply(self, changes: Changes, now: datetime) -> set[str]:
        """Take in changed wishes; gives the keys of the targets that must be planned anew.

        What is older than what is known already changes nothing.
        """
        if changes.revision < self.revision:
            return set()
        self.revision = changes.revision
        touched = self._take_targets(changes.targets)
        if changes.exception_days is not None:
            self._exception_days = changes.exception_days
            touched.update(self.targets)
        if changes.assets is not None:
            self.library = Library.of(changes.assets)
            touched.update(key for key, each in self.targets.items() if each.kind is _CHANNEL)
        overrides: dict[int, list[Override]] = {s.id: [] for s in changes.schedules}
        for override in changes.overrides:
            overrides.setdefault(override.schedule_id, []).append(override)
        self._overrides.update((number, tuple(found)) for number, found in overrides.items())
        alone = overrides.keys() - {schedule.id for schedule in changes.schedules}
        moved = (schedule for number in alone if (schedule := self._schedule(number)) is not None)
        for schedule in (*changes.schedules, *moved):
            touched.update(self._place(schedule, now))
        return touched & self.targets.keys()

    def _take_targets(self, targets: Iterable[Target] | None) -> set[str]:
        if targets is None:
            return set()
        there = {target.key: target for target in targets}
        for key in self.targets.keys() - there.keys():
            # Renamed: what was booked there comes with the changes, under its new key.
            del self.targets[key]
            self._runs.pop(key, None)
        changed = {key for key, target in there.items() if self.targets.get(key) != target}
        self.targets.update({key: target for key, target in there.items() if key in changed})
        return changed

    def read_zones(self, now: datetime) -> None:
        """Read each target's zone now: the first look costs milliseconds that no start has."""
        for target in self.targets.values():
            with suppress(ZoneUnknown):
                wall_time(now, target.zone)

    def homes_of(self, changes: Changes) -> set[str] | None:
        """Give the targets on which changes not yet taken in may have new runs; None: on any."""
        if changes.targets is not None:
            return None
        before = (self._home.get(schedule.id) for schedule in changes.schedules)
        after = (schedule.target for schedule in changes.schedules)
        return {key for key in (*before, *after) if key is not None}

    def _place(self, schedule: Schedule, now: datetime) -> set[str]:
        homes = {schedule.target}
        before = self._home.pop(schedule.id, None)
        if before is not None:
            self._shelves[before].drop(schedule.id)
            homes.add(before)
        if schedule.ended is None or schedule.ended > now - MAX_DURATION:
            self._home[schedule.id] = schedule.target
            shelf = self._shelves.setdefault(schedule.target, Shelf())
            shelf.put(schedule, self._overrides.get(schedule.id, ()))
        return homes

    def put_run(self, run: Run) -> None:
        """Take in what became of a run."""
        runs = self._runs.setdefault(run.target, {})
        runs[key_of(run)] = run

    def take_runs(self, runs: Iterable[Run]) -> tuple[Run, ...]:
        """Take in rows that this process does not know yet; gives those."""
        fresh = tuple(run for run in runs if self.run(run.target, key_of(run)) is None)
        for run in fresh:
            self.put_run(run)
        return fresh

    def learn_id(self, run: Run) -> None:
        """Note the id that the database gave to a run that was known before it had a row."""
        known = self.run(run.target, key_of(run))
        if known is not None and known.id == 0:
            self.put_run(replace(known, id=run.id))

    def run(self, target: str, key: RunKey) -> Run | None:
        """Give a run of a target, if there is one under this key."""
        return self._runs.get(target, {}).get(key)

    def runs(self, target: str) -> tuple[Run, ...]:
        """Give the runs of a target that are not final, or became so lately."""
        return tuple(self._runs.get(target, {}).values())

    def forget_runs(self, before: datetime) -> None:
        """Drop final runs whose window lies before an instant."""
        for runs in self._runs.values():
            over = [
                key
                for key, run in runs.items()
                if run.status is Status.FINISHED and run.planned.stop < before
            ]
            for key in over:
                del runs[key]

    def wishes(self, target: str) -> Wishes:
        """Give all that decides who holds a target."""
        shelf = self._shelves.get(target, Shelf())
        standing = shelf.standing()
        return Wishes(
            target=self.targets[target],
            schedules=standing,
            overrides={each.id: self._overrides.get(each.id, ()) for each in standing},
            exception_days=self._exception_days,
            runs=self.runs(target),
            shelf=shelf,
        )

    def plan(self, target: str, now: datetime) -> tuple[Planned, ...]:
        """Plan a target from the oldest unfinished run to a day ahead, and all that is under way.

        That lies further ahead where the clock was set back meanwhile.
        """
        open_runs = [run for run in self.runs(target) if run.status is not Status.FINISHED]
        period = Window(min((now, *(run.planned.start for run in open_runs))), now + PLANNED_AHEAD)
        planned = plan_target(self.wishes(target), period)
        far_off = (r for r in open_runs if r.status is not Status.PENDING and lies_beyond(r, now))
        for run in far_off:
            begins = Window(run.planned.start, run.planned.start + MILLISECOND)
            entries = plan_target(self.wishes(target), begins)
            planned += tuple(entry for entry in entries if entry.key == key_of(run))
        self._planned[target] = planned
        return planned

    def planned(self, target: str) -> tuple[Planned, ...]:
        """Give the last plan of a target, for those who only look."""
        return self._planned.get(target, ())

    def unaccounted(self, target: str, now: datetime) -> tuple[tuple[int, str], ...]:
        """Give the occurrences that span `now` and of whose runs nothing is known here.

        They may have been made already: an edit can bring back what had ended long ago.
        """
        instant = Window(now, now + MILLISECOND)
        return tuple(
            entry.key
            for entry in plan_target(self.wishes(target), instant)
            if entry.occurrence.window.start < now and self.run(target, entry.key) is None
        )

    def schedules(self) -> tuple[Schedule, ...]:
        """Give every schedule that may still have occurrences."""
        return tuple(
            schedule for shelf in self._shelves.values() for schedule in shelf.everything()
        )

    def near(self, period: Window) -> tuple[Schedule, ...]:
        """Give every schedule that can have an occurrence in a period, and perhaps others."""
        return tuple(each for shelf in self._shelves.values() for each in shelf.near(period))

    def is_paused(self, key: RunKey) -> bool:
        """Tell whether an operator has paused the occurrence of a run."""
        schedule_id, slot = key
        found = self._overrides.get(schedule_id, ())
        return any(override.paused for override in found if override.slot == slot)

    def overrides(self) -> Mapping[int, tuple[Override, ...]]:
        """Give the overrides by schedule id."""
        return self._overrides
