"""A database on disk, and rows to put into it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.domain.model import InstantStart, Schedule, Target
from tallyd.store import SqliteStore, initialise, open_store

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio: the database's driver knows no other."""
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give the path of a new database that nobody has open."""
    path = tmp_path / "tallyd.db"
    initialise(path)
    return path


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    """Give an open store with the room aula."""
    async with open_store(database) as opened:
        async with opened.write() as tx:
            await tx.add_target(Target("rooms.aula", "Aula", 0, "a" * 32, "UTC"))
        yield opened


@pytest.fixture
def wish() -> Schedule:
    """Give a plain schedule in the aula."""
    hour = timedelta(hours=1)
    return Schedule(0, "0" * 32, "rooms.aula", "Lecture", InstantStart(NOON), hour, NOON, NOON)
