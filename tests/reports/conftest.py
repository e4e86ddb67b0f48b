"""A desk to ask at: two rooms and one that is gone, a clock that stands, each kind of store."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.bookings import Bookings, Change, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Recurrence,
    Schedule,
    Target,
    WallStart,
)
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.ports.store import Store
from tallyd.reports import Reports
from tallyd.store import initialise, open_store
from tallyd.testing.memory_store import MemoryStore

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class StandingClock:
    """A wall clock that stands where it is put."""

    at = NINE

    def now(self) -> datetime:
        """Give the instant that it was put to."""
        return self.at


@dataclass
class Desk:
    """Where one books and asks; minutes count from nine on the first of December."""

    store: Store
    clock: StandingClock = field(default_factory=StandingClock)

    def __post_init__(self) -> None:
        """Open for business."""
        self.bookings = Bookings(self.store, self.clock, lambda: None, nothing_told)
        self.reports = Reports(self.store, self.clock)

    def at(self, minutes: float) -> datetime:
        """Give the instant some minutes after nine."""
        return NINE + minutes * MINUTE

    def span(self, start: float, stop: float) -> Window:
        """Give a window by minutes after nine."""
        return Window(self.at(start), self.at(stop))

    def draft(self, start: float, stop: float, **changes: object) -> Draft:
        """Give a one-shot in the aula by minutes after nine."""
        begin = InstantStart(self.at(start))
        return replace(Draft("rooms.aula", "Talk", begin, (stop - start) * MINUTE), **changes)

    def daily(self, clock: str, minutes: int = 60) -> Draft:
        """Give a series in the aula by the clock of UTC."""
        start = WallStart(datetime.fromisoformat(f"2026-12-01T{clock}"), "UTC")
        rule = Recurrence(Frequency.DAILY)
        return replace(self.draft(0, minutes), start=start, recurrence=rule)

    async def book(self, draft: Draft) -> Change:
        """Book a draft."""
        return await self.bookings.add(lambda _: draft)

    async def store_as_is(self, schedule: Schedule) -> Schedule:
        """Store a schedule that nobody could book any more."""
        async with self.store.write() as tx:
            return await tx.add_schedule(schedule)

    async def plan(self, start: float, stop: float, *drafts: Draft) -> tuple[Planned, ...]:
        """Ask for a plan by minutes after nine."""
        return await self.reports.plan(self.span(start, stop), drafts)


@pytest.fixture(params=["memory", "sqlite"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """Give a desk with the rooms aula and lab, and the attic that is no longer configured."""
    rooms = (
        Target("rooms.aula", "Aula", 0, "a" * 32, "Europe/Vienna"),
        Target("rooms.attic", "Attic", 0, "c" * 32, "UTC", known=False),
        Target("rooms.lab", "Lab", 0, "b" * 32, "UTC"),
    )
    if request.param == "memory":
        yield await _furnished(MemoryStore(), rooms)
        return
    path = tmp_path / "tallyd.db"
    initialise(path)
    async with open_store(path) as store:
        yield await _furnished(store, rooms)


async def _furnished(store: Store, rooms: tuple[Target, ...]) -> Desk:
    async with store.write() as tx:
        for room in rooms:
            await tx.add_target(room)
    return Desk(store)
