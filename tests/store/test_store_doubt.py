"""What the store does after a commit of which nobody knows whether it was stored."""

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tallyd.ports.store import StoreError
from tallyd.store.connection import WRITING, connect
from tallyd.store.errors import OutcomeUnknownError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], None]:
    """Give what has the next commit fail with a code, after something else was done instead."""

    def fail(code: int, done: str) -> None:
        def commit(connection: sqlite3.Connection) -> None:
            monkeypatch.undo()
            connection.execute(done)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = code
            raise error

        monkeypatch.setattr("tallyd.store.session._commit", commit)

    return fail


@pytest.mark.parametrize("stored", [True, False])
async def test_a_doubtful_commit_is_told_from_a_failed_one(store, wish, failing, *, stored):
    """Its maker is told so, and the next reader sees what the disk holds, whichever that is."""
    failing(sqlite3.SQLITE_IOERR_FSYNC, "COMMIT" if stored else "ROLLBACK")
    with pytest.raises(OutcomeUnknownError, match="not known"):
        async with store.write() as tx:
            await tx.add_schedule(wish)
    async with store.write() as tx:
        assert len(await tx.schedules()) == stored
    async with store.read() as reader:
        assert len(await reader.schedules()) == stored


async def test_after_doubt_the_log_is_empty(store, wish, failing, database):
    """Nothing is acknowledged on top of what only the machine's memory may hold."""

    def log_size() -> int:
        log = Path(f"{database}-wal")
        return log.stat().st_size if log.exists() else 0

    failing(sqlite3.SQLITE_IOERR_FSYNC, "COMMIT")
    with pytest.raises(OutcomeUnknownError):
        async with store.write() as tx:
            await tx.add_schedule(wish)
    assert log_size() > 0
    before = store._writing._connection._conn
    async with store.write():
        assert log_size() == 0
    assert store._writing._connection._conn is not before


async def test_a_full_disk_leaves_no_doubt(store, wish, failing):
    """What was refused was not stored: that is known."""
    failing(sqlite3.SQLITE_FULL, "ROLLBACK")
    with pytest.raises(StoreError) as caught:
        async with store.write() as tx:
            await tx.add_schedule(wish)
    assert not isinstance(caught.value, OutcomeUnknownError)


async def test_a_disk_that_goes_on_failing_stays_in_doubt(store, wish, failing, database):
    """As long as the file cannot be opened everyone is told so; afterwards all goes on."""
    failing(sqlite3.SQLITE_IOERR_WRITE, "ROLLBACK")
    with pytest.raises(OutcomeUnknownError):
        async with store.write() as tx:
            await tx.add_schedule(wish)
    away = database.with_name("away.db")
    os.rename(database, away)  # noqa: PTH104 - a stand-in for a disk that is gone
    for _ in range(2):
        with pytest.raises(StoreError):
            async with store.write():
                pass
        with pytest.raises(StoreError):
            async with store.read() as reader:
                await reader.revision()
    os.rename(away, database)  # noqa: PTH104
    async with store.write() as tx:
        await tx.add_schedule(wish)
    async with store.read() as reader:
        assert len(await reader.schedules()) == 1


async def test_others_who_read_keep_it_in_doubt(store, wish, failing, database):
    """While another process holds on to the log, nothing more is stored; then it goes on."""
    impatient = {**WRITING, "busy_timeout": 10}
    store._writing._connection._connector = partial(connect, database, impatient)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM targets").fetchall()
    failing(sqlite3.SQLITE_IOERR_FSYNC, "COMMIT")
    with pytest.raises(OutcomeUnknownError):
        async with store.write() as tx:
            await tx.add_schedule(wish)
    with pytest.raises(StoreError, match="others use the database"):
        async with store.write():
            pass
    other.close()
    async with store.write() as tx:
        assert len(await tx.schedules()) == 1
