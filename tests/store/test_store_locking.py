"""How the store shares the database with other processes, and what a failing disk leaves."""

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

import anyio
import pytest
from anyio import create_task_group, open_process
from anyio.streams.buffered import BufferedByteReceiveStream

from tallyd.domain.model import Run
from tallyd.domain.window import Window
from tallyd.ports.store import StoreError
from tallyd.store import open_store
from tallyd.store.connection import WRITING, connect

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)

HOLD_THE_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(1)
connection.execute("COMMIT")
"""

INSERT_RUNS = """
import anyio, sys
from datetime import UTC, datetime
from pathlib import Path
from tallyd.domain.model import Run
from tallyd.domain.window import Window
from tallyd.store import open_store

at = datetime(2026, 12, 1, tzinfo=UTC)

async def main():
    async with open_store(Path(sys.argv[1])) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        runs = [Run(0, "rooms.aula", "n", Window(at, at), 1, f"@{slot}") for slot in range(200)]
        async with store.write() as tx:
            print(await tx.insert_runs(runs), flush=True)

anyio.run(main)
"""


async def watermark_in(opened):
    """Look at the watermark in a transaction or a look that is being opened."""
    async with opened as tx:
        return await tx.watermark()


async def test_a_writer_waits_for_another_process(store, database, wish):
    """A booking made while another process writes is late, not lost; reading goes on."""
    async with await open_process([sys.executable, "-c", HOLD_THE_LOCK, str(database)]) as holder:
        lines = BufferedByteReceiveStream(holder.stdout)
        assert await lines.receive_until(b"\n", 99) == b"locked"
        begun = perf_counter()
        async with store.read() as reader:
            assert len(await reader.targets()) == 1
        read = perf_counter() - begun
        async with store.write() as tx:
            await tx.add_schedule(wish)
        written = perf_counter() - begun
        await holder.wait()
    assert read < 0.5
    assert 0.5 < written < 5
    async with store.read() as reader:
        assert len(await reader.schedules()) == 1


async def test_a_lock_that_is_never_given_back_is_an_error(store, database):
    """A writer that does not get its turn says so, and the next one works."""
    with closing(sqlite3.connect(database, isolation_level=None)) as stuck:
        stuck.execute("BEGIN IMMEDIATE")
        async with store._writing._connection.execute("PRAGMA busy_timeout = 10"):
            pass
        with pytest.raises(StoreError, match="database is locked"):
            await watermark_in(store.write())
        stuck.execute("ROLLBACK")
    async with store.write() as tx:
        assert await tx.move_watermark(None, NOON)


async def test_two_processes_write_the_same_runs(store, database, wish):
    """Two processes that materialise at once leave one row for each occurrence."""
    async with store.write() as tx:
        await tx.add_schedule(wish)
    inserted = []

    async def insert():
        command = [sys.executable, "-c", INSERT_RUNS, str(database)]
        async with await open_process(command) as process:
            lines = BufferedByteReceiveStream(process.stdout)
            assert await lines.receive_until(b"\n", 99) == b"ready"
            await process.stdin.send(b"\n")
            inserted.append(int(await lines.receive_until(b"\n", 99)))

    async with create_task_group() as tasks:
        tasks.start_soon(insert)
        tasks.start_soon(insert)
    assert sorted(inserted) == [0, 200]
    async with store.read() as reader:
        assert len(await reader.runs()) == 200


async def test_another_transaction_inside_one_is_refused(store):
    """A task that asks for a second turn while it has one gets an error, not a deadlock."""
    with anyio.fail_after(10):
        async with store.write():
            with pytest.raises(RuntimeError):
                async with store.write():
                    pytest.fail("a second turn")


async def test_a_commit_that_fails_changes_nothing(store, wish, monkeypatch):
    """What was not made durable is not there afterwards, and the error says what was tried."""

    async def fail():
        raise StoreError("COMMIT: disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(store._writing, "commit", fail)
        with pytest.raises(StoreError, match="COMMIT"):
            async with store.write() as tx:
                await tx.add_schedule(wish)
    async with store.write() as tx:
        assert await tx.schedules() == ()


async def test_a_transaction_that_sqlite_gave_up_is_over(store):
    """Where SQLite itself has rolled back there is nothing left to roll back."""

    async def fail_on_a_full_disk():
        async with store.write():
            await store._writing.rollback()
            raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"):
        await fail_on_a_full_disk()
    async with store.write() as tx:
        assert await tx.revision() == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE schedules SET start_ms = NULL, start_local = '2026-13-01', zone = 'UTC'",
        "UPDATE schedules SET effective_from_ms = 9223372036854775807",
    ],
)
async def test_a_row_that_makes_no_sense_is_a_store_error(store, database, wish, damage):
    """Damage inside a row is named by what was being read, and is no traceback."""
    async with store.write() as tx:
        await tx.add_schedule(wish)
    with closing(connect(database, WRITING)) as connection:
        connection.execute(damage)
    async with store.read() as reader:
        with pytest.raises(StoreError, match="list_schedules"):
            await reader.schedules()


async def test_a_lost_row_of_the_whole_is_a_store_error(store, database):
    """Without the row that holds revision and watermark nothing is made up in their place."""
    with closing(connect(database, WRITING)) as connection:
        connection.execute("DELETE FROM meta")
    async with store.read() as reader:
        with pytest.raises(StoreError, match="get_meta"):
            await reader.revision()


async def test_text_that_is_no_text_is_a_store_error(store, wish):
    """Half a character, as a terminal may send it, is refused and not stored."""
    with pytest.raises(StoreError, match="insert_schedule"):
        async with store.write() as tx:
            await tx.add_schedule(replace(wish, name="\udcff"))


async def test_ids_are_never_used_again(store, database, wish):
    """The number of a schedule or run that was removed for good goes to no other."""
    run = Run(0, "rooms.aula", "Lecture", Window(NOON, NOON), 1, "@0")
    async with store.write() as tx:
        gone = await tx.add_schedule(wish)
        await tx.insert_runs([replace(run, schedule_id=gone.id)])
        (gone_run,) = await tx.runs()
    with closing(connect(database, WRITING)) as connection:
        connection.execute("DELETE FROM runs")
        connection.execute("DELETE FROM schedules")
    async with store.write() as tx:
        anew = await tx.add_schedule(wish)
        assert anew.id > gone.id
        await tx.insert_runs([replace(run, schedule_id=anew.id)])
        (new_run,) = await tx.runs()
        assert new_run.id > gone_run.id


async def test_many_rows_are_read_whole(store, wish):
    """What is read in batches comes complete, in order, at every size around a batch."""
    for count in (99, 100, 101, 200, 201):
        async with store.write() as tx:
            have = len(await tx.schedules())
            for number in range(have, count):
                await tx.add_schedule(replace(wish, uid=str(number)))
        async with store.read() as reader:
            ids = [schedule.id for schedule in await reader.schedules()]
        assert ids == list(range(1, count + 1))


async def test_the_log_moves_into_the_database(store, database, wish):
    """A checkpoint empties the log, unless someone still reads the old rows: then it says so."""
    async with store.write() as tx:
        await tx.add_schedule(wish)
    assert await store.checkpoint() is True
    async with open_store(database) as other, other.read() as reader:
        await reader.revision()
        async with store.write() as tx:
            await tx.move_watermark(None, NOON)
        assert await store.checkpoint() is False
    assert await store.checkpoint() is True


async def test_a_store_that_was_closed_is_a_store_error(database):
    """Asking after the end is told as what it is."""
    async with open_store(database) as store:
        pass
    with pytest.raises(StoreError, match="no active connection"):
        await watermark_in(store.read())
