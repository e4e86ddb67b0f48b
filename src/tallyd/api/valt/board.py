"""Every schedule and every room as it is shown, planned once for as long as nothing has changed.

A list is asked for far oftener than anything changes, and to plan the days ahead costs the most.
Who may see what is not said here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint

from tallyd.api.changes import Seen, look
from tallyd.api.valt.current import Circumstances, current, is_started
from tallyd.catalogue import load_wishes
from tallyd.domain.errors import NotFound
from tallyd.domain.model import (
    MAX_DURATION,
    Occurrence,
    Run,
    Schedule,
    Status,
    Target,
    TargetKind,
    Verdict,
)
from tallyd.domain.occupancy import Occupancy, occupancy
from tallyd.domain.planner import Wishes, plan_target
from tallyd.domain.window import Window, floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.store import Reader, Store

_TROUBLE = frozenset({Verdict.BLOCKED, Verdict.CONFLICT})
_PLANNED_AGAIN_AFTER = timedelta(minutes=10)
"""So much later a plan no longer reaches far enough ahead."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A schedule in its room, what decides about it, and what it is doing or will do next."""

    target: Target
    known: Circumstances
    occurrence: Occurrence
    verdict: Verdict = Verdict.CLEAR
    trouble_until: datetime | None = None

    @property
    def holds_until(self) -> datetime:
        """When, if nothing else happens, something else is to be shown."""
        stop = self.occurrence.window.stop
        return stop if self.trouble_until is None else min(stop, self.trouble_until)

    @property
    def schedule(self) -> Schedule:
        """The schedule as it is booked."""
        return self.known.schedule

    @property
    def started(self) -> bool:
        """Whether it records."""
        return is_started(self.occurrence, self.known)


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is wished of a room, and what of its plan is trouble: until when, and what."""

    wishes: Wishes
    trouble: Mapping[int, tuple[tuple[datetime, Verdict], ...]]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was shown last, and what it was worked out of."""

    changes: int
    doing: frozenset[tuple[int, Status, bool]]
    at: datetime
    standings: tuple[Standing, ...]

    def holds(
        self, changes: int, doing: frozenset[tuple[int, Status, bool]], now: datetime
    ) -> bool:
        """Tell whether it still is true: nothing was changed, nothing began, nothing is over."""
        if (changes, doing) != (self.changes, self.doing) or now < self.at:
            return False
        return all(now < standing.holds_until for standing in self.standings)


class Board:
    """Gives every schedule of a room that is not over, in order of id."""

    def __init__(self, store: Store, clock: Clock, ahead: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._ahead = ahead
        self._turn = anyio.Lock()
        self._rooms: dict[str, _Planned] = {}
        self._next: dict[int, Occurrence] = {}
        self._seen = Seen()
        self._planned_at: datetime | None = None
        self._changes = 0
        self._shown: _Shown | None = None

    async def look(self) -> tuple[Standing, ...]:
        """Give what there is now; the very same tuple for as long as nothing is different."""
        async with self._turn:
            now = floor_ms(self._clock.now())  # in here, or who waited would look back
            runs = await self._catch_up(now)
            doing = frozenset((run.id, run.status, run.confirmed) for run in runs)
            if self._shown is None or not self._shown.holds(self._changes, doing, now):
                self._shown = _Shown(self._changes, doing, now, self._look(runs, now))
            return self._shown.standings

    async def occupancies(self) -> tuple[Occupancy, ...]:
        """Tell of every room who holds it now."""
        async with self._turn:
            now = floor_ms(self._clock.now())
            by_room: dict[str, list[Run]] = {}
            for run in await self._catch_up(now):
                by_room.setdefault(run.target, []).append(run)
            return tuple(
                occupancy(replace(room.wishes, runs=tuple(by_room.get(key, ()))), now)
                for key, room in self._rooms.items()
            )

    def _look(self, runs: Iterable[Run], now: datetime) -> tuple[Standing, ...]:
        by_schedule: dict[int, list[Run]] = {}
        for run in runs:
            by_schedule.setdefault(run.schedule_id, []).append(run)
        found = [
            standing
            for room in self._rooms.values()
            for standing in self._standings(room, by_schedule, now)
        ]
        return tuple(sorted(found, key=lambda standing: standing.schedule.id))

    async def _catch_up(self, now: datetime) -> tuple[Run, ...]:
        """Plan the rooms of which something has changed; gives the runs of now."""
        known = self._planned_at
        aged = known is None or not known <= now < known + _PLANNED_AGAIN_AFTER
        async with self._store.read() as reader:
            found = await look(reader, self._seen, now)
            if aged or found.targets is None:
                self._rooms = {}
                changed = await _every_room(reader)
            else:
                changed = {key for key in found.targets if is_room(key)}
            wishes = [await load_wishes(reader, key, now - MAX_DURATION) for key in changed]
        for each in wishes:
            trouble = _trouble(each, Window(now, now + self._ahead))
            self._rooms[each.target.key] = _Planned(each, trouble)
            for schedule in each.schedules:
                self._next.pop(schedule.id, None)
            await checkpoint()
        self._changes += bool(wishes)
        self._seen = found.seen
        self._planned_at = now if aged else self._planned_at
        return found.runs

    def _standings(
        self, room: _Planned, runs: Mapping[int, list[Run]], now: datetime
    ) -> Iterable[Standing]:
        wishes = room.wishes
        holidays = holidays_of(wishes)
        for schedule in wishes.schedules:
            if schedule.ended is not None:
                continue
            own = tuple(runs.get(schedule.id, ()))
            known = Circumstances(
                schedule,
                wishes.overrides.get(schedule.id, ()),
                holidays,
                wishes.target.zone,
                own,
            )
            occurrence = self._current(known, now)
            if occurrence is not None:
                trouble = [each for each in room.trouble.get(schedule.id, ()) if each[0] > now]
                until = min((stop for stop, _ in trouble), default=None)
                yield Standing(wishes.target, known, occurrence, _worst(trouble), until)

    def _current(self, known: Circumstances, now: datetime) -> Occurrence | None:
        """Give what is shown; what was worked out before holds until it is over."""
        schedule_id = known.schedule.id
        before = self._next.get(schedule_id)
        if before is not None and now < before.window.stop and not _is_final(before, known.runs):
            return before
        found = current(known, now)
        if found is not None:
            self._next[schedule_id] = found
        return found


async def standing_of(reader: Reader, schedule_id: int, now: datetime) -> Standing:
    """Give one schedule of a room; its verdict is not worked out.

    Raises:
        NotFound: there is none of that id, it is removed, or it is over.
    """
    missing = NotFound("schedule", str(schedule_id))
    schedule = await reader.schedule(schedule_id)
    if schedule is None or schedule.ended is not None:
        raise missing
    wishes = await load_wishes(reader, schedule.target, now)
    if not is_room(schedule.target):
        raise missing
    known = Circumstances(
        schedule,
        wishes.overrides.get(schedule_id, ()),
        holidays_of(wishes),
        wishes.target.zone,
        tuple(run for run in wishes.runs if run.schedule_id == schedule_id),
    )
    occurrence = current(known, now)
    if occurrence is None:
        raise missing
    return Standing(wishes.target, known, occurrence)


def holidays_of(wishes: Wishes) -> frozenset[date]:
    """Give the days on which nothing starts on a target."""
    key = wishes.target.key
    return frozenset(day.day for day in wishes.exception_days if day.target in {None, key})


def _is_final(occurrence: Occurrence, runs: Iterable[Run]) -> bool:
    return any(run.slot == occurrence.slot and run.status is Status.FINISHED for run in runs)


async def _every_room(reader: Reader) -> set[str]:
    return {target.key for target in await reader.targets() if is_room(target.key)}


def is_room(key: str) -> bool:
    """Tell whether a target's key is that of a room."""
    return key.startswith(f"{TargetKind.ROOM}.")


def _trouble(wishes: Wishes, period: Window) -> Mapping[int, tuple[tuple[datetime, Verdict], ...]]:
    found: dict[int, list[tuple[datetime, Verdict]]] = {}
    for entry in plan_target(wishes, period):
        if entry.verdict in _TROUBLE:
            stop = entry.occurrence.window.stop
            found.setdefault(entry.schedule.id, []).append((stop, entry.verdict))
    return {schedule_id: tuple(entries) for schedule_id, entries in found.items()}


def _worst(trouble: Iterable[tuple[datetime, Verdict]]) -> Verdict:
    """Sum up what lies ahead: blocked if an occurrence is, else in conflict if one is."""
    ahead = {verdict for _, verdict in trouble}
    if Verdict.BLOCKED in ahead:
        return Verdict.BLOCKED
    return Verdict.CONFLICT if ahead else Verdict.CLEAR
