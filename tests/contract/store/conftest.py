"""The stores that the contract holds for, and the rows that its tests put in."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tallyd.domain.model import InstantStart, Part, Run, Schedule, Target
from tallyd.domain.window import Window
from tallyd.ports.store import Store
from tallyd.store import initialise, open_store
from tallyd.testing.memory_store import MemoryStore

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Stores(NamedTuple):
    """Two looks at the same data, as two processes have them."""

    mine: Store
    other: Store


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio: the database's driver knows no other."""
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Give the same empty store twice, in memory and on disk in turn."""
    if request.param == "memory":
        store = MemoryStore()
        yield Stores(store, store)
        return
    path = tmp_path / "tallyd.db"
    initialise(path)
    async with open_store(path) as mine, open_store(path) as other:
        yield Stores(mine, other)


@pytest.fixture
def empty(stores: Stores) -> Store:
    """Give a store without any row."""
    return stores.mine


@pytest.fixture
async def store(stores: Stores) -> Store:
    """Give a store with the two rooms aula and lab."""
    async with stores.mine.write() as tx:
        await tx.add_target(Target("rooms.aula", "Aula", 0, "a" * 32, "Europe/Vienna"))
        await tx.add_target(Target("rooms.lab", "Lab", 0, "b" * 32, "UTC"))
    return stores.mine


@pytest.fixture
async def other(stores: Stores, store: Store) -> Store:  # noqa: ARG001 - the same rows are in it
    """Give the store as another process sees it."""
    return stores.other


@pytest.fixture
def wish() -> Callable[..., Schedule]:
    """Give a maker of schedules that differ from a plain one in what it is told."""
    made = 0

    def make(**changes: object) -> Schedule:
        nonlocal made
        made += 1
        plain = Schedule(
            id=0,
            uid=f"{made:032x}",
            target="rooms.aula",
            name="Lecture",
            start=InstantStart(NOON),
            duration=HOUR,
            effective_from=NOON - HOUR,
            created=NOON - HOUR,
        )
        return replace(plain, **changes)

    return make


@pytest.fixture
async def booked(store: Store, wish: Callable[..., Schedule]) -> Schedule:
    """Give a plain schedule that is stored."""
    async with store.write() as tx:
        return await tx.add_schedule(wish())


@pytest.fixture
def run_of(booked: Schedule) -> Callable[..., Run]:
    """Give a maker of runs of the stored schedule, at noon unless told otherwise."""

    def make(slot: str = "2026-12-01T12:00:00", **changes: object) -> Run:
        plain = Run(0, booked.target, booked.name, Window(NOON, NOON + HOUR), booked.id, slot)
        return replace(plain, **changes)

    return make


@pytest.fixture
def part() -> Callable[..., Part]:
    """Give a maker of parts, with a token of their own each."""
    made = 0

    def make(number: int = 1, **changes: object) -> Part:
        nonlocal made
        made += 1
        plain = Part(number, 0, Window(NOON, NOON + HOUR), f"token-{made}", NOON)
        return replace(plain, **changes)

    return make
