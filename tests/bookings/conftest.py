"""A book to write in: two rooms, a clock that stands, a count of nudges; in memory and on disk."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.bookings import Bookings, Policy, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Part,
    Recurrence,
    Run,
    Schedule,
    Status,
    Target,
    WallStart,
)
from tallyd.ports.store import Store
from tallyd.reports import Reports
from tallyd.store import initialise, open_store
from tallyd.testing.memory_store import MemoryStore

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class StandingClock:
    """A wall clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = NINE

    def now(self) -> datetime:
        """Give the instant that it was put to."""
        return self.at

    def monotonic(self) -> float:
        """Give seconds since nine."""
        return (self.at - NINE).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Put the clock forward."""
        self.at += timedelta(seconds=seconds)


@dataclass
class Desk:
    """Where bookings are made; minutes count from nine on the first of December."""

    store: Store
    clock: StandingClock
    dump: Callable[[], object]
    path: Path | None = None
    nudges: list[datetime] = field(default_factory=list)
    bookings: Bookings = field(init=False)
    reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        """Open for business."""
        self.bookings = Bookings(self.store, self.clock, self._hear, nothing_told)
        self.reports = Reports(self.store, self.clock)

    def _hear(self) -> None:
        self.nudges.append(self.clock.at)

    def at(self, minutes: float) -> datetime:
        """Give the instant some minutes after nine."""
        return NINE + minutes * MINUTE

    def go_to(self, minutes: float) -> None:
        """Put the clock."""
        self.clock.at = self.at(minutes)

    def draft(self, start: float, stop: float, **changes: object) -> Draft:
        """Give a one-shot in the aula by minutes after nine."""
        plain = Draft(
            target="rooms.aula",
            name="Talk",
            start=InstantStart(self.at(start)),
            duration=(stop - start) * MINUTE,
        )
        return replace(plain, **changes)

    async def book(
        self, start: float, stop: float, policy: Policy = Policy.REPORT, **changes: object
    ) -> Schedule:
        """Book a one-shot in the aula by minutes after nine."""
        change = await self.bookings.add(lambda _: self.draft(start, stop, **changes), policy)
        return change.after

    async def daily(
        self, clock: str, policy: Policy = Policy.REPORT, **changes: object
    ) -> Schedule:
        """Book an hour a day in the aula, from the first of December on, by the clock of UTC."""
        start = WallStart(datetime.fromisoformat(f"2026-12-01T{clock}"), "UTC")
        rule = Recurrence(Frequency.DAILY)
        draft = replace(self.draft(0, 60, **changes), start=start, recurrence=rule)
        return (await self.bookings.add(lambda _: draft, policy)).after

    async def overrides(self) -> list[Override]:
        """Give every override."""
        async with self.store.read() as reader:
            return list(await reader.overrides())

    async def runs(self) -> list[tuple[int | None, datetime]]:
        """Give the rows of the ledger, oldest first: schedule and planned start."""
        async with self.store.read() as reader:
            rows = await reader.runs()
        return sorted((run.schedule_id, run.planned.start) for run in rows)

    async def record(self, schedule: Schedule) -> Run:
        """Let the run of a one-shot have begun and have data, as the engine writes it."""
        async with self.store.write() as tx:
            (run,) = [r for r in await tx.unfinished_runs() if r.schedule_id == schedule.id]
            start = run.planned.start
            await tx.move_run(replace(run, status=Status.STARTED), run.status)
            part = Part(1, 0, run.planned, f"t{run.id}", start, first_data_at=start)
            await tx.put_part(run.id, part)
            found = await tx.run(run.id)
        assert found is not None
        return found

    async def finish(self, run: Run, **changes: object) -> None:
        """Let a run be final, now."""
        final = replace(run, status=Status.FINISHED, finished_at=self.clock.at, **changes)
        async with self.store.write() as tx:
            assert await tx.move_run(final, run.status)


@pytest.fixture(params=["memory", "sqlite"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """Give a desk with the rooms aula and lab, over each kind of store."""
    clock = StandingClock()
    if request.param == "memory":
        memory = MemoryStore()
        await add_rooms(memory)
        yield Desk(memory, clock, lambda: memory._state)
        return
    path = tmp_path / "tallyd.db"
    initialise(path)
    async with open_store(path) as store:
        await add_rooms(store)
        yield Desk(store, clock, lambda: dump(path), path)


def dump(path: Path) -> list[str]:
    """Give every row of a database, counters of ids included."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


async def add_rooms(store: Store) -> None:
    """Add the two rooms."""
    async with store.write() as tx:
        await tx.add_target(Target("rooms.aula", "Aula", 0, "a" * 32, "Europe/Vienna"))
        await tx.add_target(Target("rooms.lab", "Lab", 0, "b" * 32, "UTC"))
