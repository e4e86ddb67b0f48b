"""The store on SQLite: one connection that writes, one that reads, and what a transaction is."""

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio import CancelScope, to_thread

from tallyd.ports.store import Store
from tallyd.store.connection import READING, WRITING, connect
from tallyd.store.migrate import check
from tallyd.store.runs import LedgerReader, LedgerWriter
from tallyd.store.session import Connection, Session

_ITERATION_CHUNK: Final = 64  # aiosqlite wants it; nothing here iterates over a cursor


class SqliteStore(Store):
    """The port `Store` on an open database.

    Tasks of one process take turns; other processes may write meanwhile, and a writer waits up to
    five seconds for them.
    """

    def __init__(self, writing: Session, reading: Session) -> None:
        self._writing = writing
        self._reading = reading
        self._write_turn = anyio.Lock()
        self._read_turn = anyio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[LedgerReader]:
        """Open a consistent look; keep it short, others wait for it.

        Raises:
            StoreError: the database cannot be read.
        """
        async with self._read_turn:
            self._reading.begin("DEFERRED")
            try:
                yield LedgerReader(self._reading)
            finally:
                with CancelScope(shield=True):
                    await self._reading.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[LedgerWriter]:
        """Open a transaction that waits its turn; await nothing in it but the transaction itself.

        Once its turn has come it is not cancelled: a statement given up half-way would go on in the
        connection's thread, with the database locked behind it.

        Raises:
            StoreError: the database cannot be written, or the commit failed.
        """
        async with self._write_turn:
            with CancelScope(shield=True):
                self._writing.begin("IMMEDIATE")
                try:
                    yield LedgerWriter(self._writing)
                    await self._writing.commit()
                except BaseException:
                    await self._writing.rollback()
                    raise

    async def data_version(self) -> int:
        """Give a number that changes when another connection, of any process, has written."""
        async with self._read_turn:
            (version,) = await self._reading.integers("get_data_version")
        return version

    async def checkpoint(self) -> bool:
        """Move the log into the database, waiting for no reader; tells whether all of it moved."""
        async with self._write_turn:
            found = await self._writing.first("checkpoint", _all_moved)
        return found is True


def _all_moved(row: sqlite3.Row) -> bool:
    return bool(row["log"] == row["checkpointed"])


@asynccontextmanager
async def open_store(path: Path) -> AsyncGenerator[SqliteStore]:
    """Open the database at `path` for as long as the block lasts. It never creates nor migrates.

    Raises:
        DatabaseMissingError: there is no file.
        DatabaseDamagedError: it is empty, or SQLite cannot read it.
        DatabaseForeignError: another program made it.
        DatabaseOldError: the daemon has to migrate it first.
        DatabaseTooNewError: a newer release wrote it, in a way that this one does not understand.
        StoreError: it cannot be opened, or cannot be made to keep what it is told.
    """
    await to_thread.run_sync(check, path)
    async with AsyncExitStack() as stack:
        writing = await stack.enter_async_context(_connection(path, WRITING))
        reading = await stack.enter_async_context(_connection(path, READING))
        yield SqliteStore(Session(writing), Session(reading))


@asynccontextmanager
async def _connection(path: Path, pragmas: Mapping[str, int | str]) -> AsyncGenerator[Connection]:
    # Shielded, because a connection given up while it opens or closes leaves its thread behind.
    connection = Connection(partial(connect, path, pragmas), _ITERATION_CHUNK)
    with CancelScope(shield=True):
        await connection
    try:
        yield connection
    finally:
        with CancelScope(shield=True):
            await connection.close()
