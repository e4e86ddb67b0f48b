"""Two processes book at once in one database: each booking happens once, or not at all."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from tallyd.bookings import Bookings, Policy, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import Refused
from tallyd.domain.model import InstantStart, Target
from tallyd.domain.window import EPOCH
from tallyd.store import SqliteStore, initialise, open_store

NOW = EPOCH + timedelta(days=20_000)
TALK = Draft("rooms.aula", "Talk", InstantStart(NOW), timedelta(hours=1))


class StandingClock:
    """A wall clock that stands."""

    def now(self):
        """Give the one instant there is."""
        return NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a new database."""
    path = tmp_path / "tallyd.db"
    initialise(path)
    return path


@pytest.fixture
def nudges() -> list[str]:
    """Give the list of where the transaction stood at each nudge."""
    return []


@pytest.fixture
async def desks(path: Path, nudges: list[str]) -> AsyncIterator[tuple[Bookings, Bookings]]:
    """Give the bookings of two processes that share a database with one room."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(path)) for _ in range(2)]
        async with stores[0].write() as tx:
            await tx.add_target(Target("rooms.aula", "Aula", 0, "a" * 32, "UTC"))

        def desk(store: SqliteStore) -> Bookings:
            def nudge() -> None:
                open_ = store._writing._connection.in_transaction
                nudges.append("too early" if open_ else "after the commit")

            return Bookings(store, StandingClock(), nudge, nothing_told)

        yield desk(stores[0]), desk(stores[1])


async def count(path: Path, table: str) -> int:
    """Count the rows that are durable, as a third process sees them."""

    def ask() -> int:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608

    return await to_thread.run_sync(ask)


async def book_at_once(desks: tuple[Bookings, Bookings], policy: Policy) -> tuple[list[int], int]:
    """Book the same talk ten times at once, in turn from both; gives ids and refusals."""
    booked: list[int] = []
    refused: list[str] = []

    async def book(desk: Bookings) -> None:
        try:
            change = await desk.add(lambda _: TALK, policy)
        except Refused as error:
            refused.append(error.sentence)
        else:
            booked.append(change.after.id)

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(book, desks[number % 2])
    return sorted(booked), len(refused)


async def test_ten_bookings_at_once_are_ten(desks, path):
    """None is lost and none is doubled, and each that starts now has its row."""
    assert await book_at_once(desks, Policy.REPORT) == (list(range(1, 11)), 0)
    assert (await count(path, "schedules"), await count(path, "runs")) == (10, 10)


async def test_of_ten_at_once_that_must_not_overlap_one_wins(desks, path):
    """Looking and booking are one act: a double click from two sides makes one schedule."""
    assert await book_at_once(desks, Policy.REJECT) == ([1], 9)
    assert (await count(path, "schedules"), await count(path, "runs")) == (1, 1)


async def test_the_nudge_comes_after_the_commit_and_not_after_a_refusal(desks, nudges, path):
    """Who is woken by a nudge finds the booking in the database."""
    await desks[0].add(lambda _: TALK)
    assert (nudges, await count(path, "schedules")) == (["after the commit"], 1)
    with pytest.raises(Refused):
        await desks[1].add(lambda _: TALK, Policy.REJECT)
    assert nudges == ["after the commit"]
