"""What the database says, worked out for people: plans, verdicts, runs. Changes nothing.

Plans are never stored: each is derived from schedules, overrides, exception days and runs.
"""

import gc
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import uuid4

from tallyd.bookings import Change
from tallyd.catalogue import load_all_wishes, load_wishes
from tallyd.domain.drafts import Draft, to_schedule, validate
from tallyd.domain.errors import NotFound, ZoneUnknown
from tallyd.domain.impact import Affected, affected
from tallyd.domain.model import (
    MAX_DURATION,
    ExceptionDay,
    Occurrence,
    Run,
    Schedule,
    Status,
    Target,
    TargetKind,
    Verdict,
)
from tallyd.domain.occupancy import Occupancy, occupancy
from tallyd.domain.planner import HORIZON, Planned, Wishes, plan, plan_target, worst_verdicts
from tallyd.domain.recurrence import in_utc, slots_from
from tallyd.domain.window import Window, floor_ms, merge
from tallyd.ports.as_run import Aired, AsRun, AsRunError
from tallyd.ports.clock import Clock
from tallyd.ports.store import Reader, Store

WHAT_IF_ID = 10**15
"""Ids from here on stand for rows of a what-if: younger than any schedule that is stored."""

NEXT_SLOTS = 5

_A_DAY = timedelta(days=1)
_GOES_ON = timedelta(seconds=2)
"""So much longer than it should something may be on air: until its successor is ready."""

_BESIDE_A_RUN = timedelta(hours=1)
"""So far from its window, as it was planned, something of a run may have been on air."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """A schedule, its next occurrences, and its chances over the horizon.

    `trouble` is its first occurrence that is blocked or in conflict.
    """

    schedule: Schedule
    next: tuple[Occurrence, ...]
    verdict: Verdict
    trouble: Planned | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means: the schedule's own prospect, and the others whose verdict changed."""

    prospect: Prospect
    affects: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Something that a channel had on air, and the run that it was a part of, if it was of one."""

    aired: Aired
    run: Run | None


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Look for no garbage meanwhile: of a plan nothing is, and looking takes a third of the time.

    Nothing may be awaited inside.
    """
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


class Reports:
    """Answers questions about what will be and what was."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ahead: timedelta = HORIZON,
        as_run: AsRun | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ahead = ahead
        self._as_run = as_run

    async def plan(self, period: Window, drafts: Sequence[Draft] = ()) -> tuple[Planned, ...]:
        """Plan all targets over a period, as if `drafts` were booked too.

        Raises:
            InvalidBooking: a draft could not be booked.
        """
        now = floor_ms(self._clock.now())
        async with self._store.read() as reader:
            every = await load_all_wishes(reader, await _runs_around(reader, period))
        known = [wishes.target.key for wishes in every if wishes.target.known]
        extra: list[Schedule] = []
        for number, draft in enumerate(drafts, start=1):
            validate(draft, now, known)
            schedule = to_schedule(draft, now, uuid4().hex)
            extra.append(replace(schedule, id=WHAT_IF_ID + number))
        with _uninterrupted():
            return plan((_with(wishes, extra) for wishes in every), period)

    async def prospects(self) -> tuple[Prospect, ...]:
        """Give every schedule that is not removed, in order of id, with its chances."""
        period = self._horizon()
        async with self._store.read() as reader:
            every = await load_all_wishes(reader, await _runs_around(reader, period))
        with _uninterrupted():
            found = [prospect for wishes in every for prospect in _prospects(wishes, period)]
        return tuple(sorted(found, key=lambda prospect: prospect.schedule.id))

    async def prospects_of(self, key: str) -> tuple[Prospect, ...]:
        """Give every schedule of one target that is not removed, with its chances.

        Raises:
            NotFound: there is no such target.
        """
        period = self._horizon()
        async with self._store.read() as reader:
            wishes = await load_wishes(reader, key, _since(period))
        with _uninterrupted():
            return tuple(_prospects(wishes, period))

    async def prospect(self, schedule_id: int) -> Prospect:
        """Give one schedule with its chances.

        Raises:
            NotFound: there is no such schedule.
        """
        period = self._horizon()
        async with self._store.read() as reader:
            schedule = await reader.schedule(schedule_id)
            if schedule is None or schedule.ended is not None:
                raise NotFound("schedule", str(schedule_id))
            wishes = await load_wishes(reader, schedule.target, _since(period))
        return _prospect(schedule, plan_target(wishes, period), period.start)

    async def effect(self, change: Change) -> Effect:
        """Tell what a booking or an edit means for its schedule and for the others there.

        Others are looked for on the target that it left, too.
        """
        period = self._horizon()
        after = change.after
        keys = sorted({side.target for side in (change.before, after) if side is not None})
        async with self._store.read() as reader:
            there = {key: await load_wishes(reader, key, _since(period)) for key in keys}
        others = [
            each
            for wishes in there.values()
            for each in affected(_undone(wishes, change), wishes, period)
            if each.schedule_id != after.id
        ]
        others.sort(key=lambda each: each.schedule_id)
        entries = plan_target(there[after.target], period)
        return Effect(_prospect(after, entries, period.start), tuple(others))

    async def runs(self, period: Window | None, target: str | None, limit: int) -> tuple[Run, ...]:
        """Give the newest runs, those that intersect `period` if one is given."""
        async with self._store.read() as reader:
            return await reader.runs(
                start=period.start if period else None,
                stop=period.stop if period else None,
                target=target,
                limit=limit,
            )

    async def run(self, run_id: int) -> Run:
        """Give one run.

        Raises:
            NotFound: there is no such run.
        """
        async with self._store.read() as reader:
            run = await reader.run(run_id)
        if run is None:
            raise NotFound("run", str(run_id))
        return run

    async def as_run(self, key: str, period: Window) -> tuple[Broadcast, ...] | None:
        """Give what a channel had on air in a period, whole and in order.

        None where nobody wrote it down, as `AsRun` says it.

        Raises:
            NotFound: there is no such channel.
            AsRunError: what was written down cannot be read.
        """
        async with self._store.read() as reader:
            target = await reader.target(key)
            if target is None or target.kind is not TargetKind.CHANNEL:
                raise NotFound("channel", key)
            runs = await reader.runs(
                start=period.start - _BESIDE_A_RUN, stop=period.stop + _BESIDE_A_RUN, target=key
            )
        found = None if self._as_run is None else await self._as_run.aired(key, period)
        if found is None:
            return None
        run_of = {part.token: run for run in runs for part in run.parts}
        return tuple(Broadcast(each, run_of.get(each.token or "")) for each in found)

    async def on_air(self, runs: Iterable[Run]) -> Mapping[int, tuple[Aired, ...]]:
        """Give what was on air of each run, by its id; none of those that nobody wrote down."""
        of_target: dict[str, list[Run]] = {}
        for run in runs:
            if run.parts and run.target.startswith(f"{TargetKind.CHANNEL}."):
                of_target.setdefault(run.target, []).append(run)
        found: dict[int, tuple[Aired, ...]] = {}
        for key, own in of_target.items():
            found |= await self._on_air_of(key, own)
        return found

    async def _on_air_of(self, key: str, runs: Sequence[Run]) -> Mapping[int, tuple[Aired, ...]]:
        now = self._clock.now()
        spans = {run.id: _time_of(run, now) for run in runs}
        aired: list[Aired] = []
        known: list[Window] = []
        # Days are written down together: what lies close by is read in one go.
        for period in merge(Window(each.start, each.stop + _A_DAY) for each in spans.values()):
            asked = Window(period.start, period.stop - _A_DAY)
            try:
                told = None if self._as_run is None else await self._as_run.aired(key, asked)
            except AsRunError:
                told = None  # what the ledger says is told all the same
            if told is not None:
                aired += told
                known.append(asked)
        of_token: dict[str, list[Aired]] = {}
        for each in aired:
            of_token.setdefault(each.token or "", []).append(each)
        return {
            run.id: tuple(each for part in run.parts for each in of_token.get(part.token, ()))
            for run in runs
            if any(spans[run.id].overlaps(each) for each in known)
        }

    async def occupancy(self, key: str) -> Occupancy:
        """Tell who holds a target now.

        Raises:
            NotFound: there is no such target.
        """
        now = floor_ms(self._clock.now())
        async with self._store.read() as reader:
            return occupancy(await load_wishes(reader, key, now), now)

    async def targets(self) -> tuple[Target, ...]:
        """Give every target that was ever configured."""
        async with self._store.read() as reader:
            return await reader.targets()

    async def exception_days(self) -> tuple[ExceptionDay, ...]:
        """Give the exception days in order of day, those gone by included."""
        async with self._store.read() as reader:
            return await reader.exception_days()

    def _horizon(self) -> Window:
        now = floor_ms(self._clock.now())
        return Window(now, now + self._ahead)


async def _runs_around(reader: Reader, period: Window) -> tuple[Run, ...]:
    """Give the runs that can matter to a plan of the period."""
    return await reader.runs(start=_since(period), stop=period.stop + MAX_DURATION)


def _time_of(run: Run, now: datetime) -> Window:
    """Give when, at most, something of a run that has parts can have been on air."""
    start = min(min(part.commanded_at, part.piece.start) for part in run.parts)
    stop = max(max(part.stopped_at or part.piece.stop, part.piece.stop) for part in run.parts)
    if run.status is not Status.FINISHED:
        stop = max(stop, now)
    return Window(start, stop + _GOES_ON)


def _since(period: Window) -> datetime:
    """Give the instant before which a run must have ended not to matter to a plan of the period."""
    return period.start - MAX_DURATION


def _with(wishes: Wishes, extra: Iterable[Schedule]) -> Wishes:
    own = tuple(schedule for schedule in extra if schedule.target == wishes.target.key)
    return replace(wishes, schedules=wishes.schedules + own)


def _undone(wishes: Wishes, change: Change) -> Wishes:
    """Give the wishes for a target as they were before a change of one schedule."""
    others = tuple(each for each in wishes.schedules if each.id != change.after.id)
    before = change.before
    own = (before,) if before is not None and before.target == wishes.target.key else ()
    return replace(wishes, schedules=others + own)


def _prospects(wishes: Wishes, period: Window) -> Iterable[Prospect]:
    entries: dict[int, list[Planned]] = {}
    for entry in plan_target(wishes, period):
        entries.setdefault(entry.schedule.id, []).append(entry)
    for schedule in wishes.schedules:
        if schedule.ended is None:
            yield _prospect(schedule, entries.get(schedule.id, ()), period.start)


def _prospect(schedule: Schedule, entries: Iterable[Planned], now: datetime) -> Prospect:
    own = [entry for entry in entries if entry.schedule.id == schedule.id]
    verdict = worst_verdicts(own).get(schedule.id, Verdict.CLEAR)
    troubled = (e for e in own if e.verdict in {Verdict.BLOCKED, Verdict.CONFLICT})
    return Prospect(schedule, next_slots(schedule, now), verdict, next(troubled, None))


def next_slots(schedule: Schedule, now: datetime) -> tuple[Occurrence, ...]:
    """Give the next occurrences to start, as booked."""
    try:
        return tuple(islice(slots_from(schedule, now), NEXT_SLOTS))
    except ZoneUnknown:
        return tuple(islice(slots_from(in_utc(schedule), now), NEXT_SLOTS))
