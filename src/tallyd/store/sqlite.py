"""The store on SQLite: one connection that writes, one that reads, and what a transaction is."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio import CancelScope, to_thread

from tallyd.ports.store import Store, StoreError
from tallyd.store.connection import READING, WRITING, connect
from tallyd.store.contents import ContentsReader, ContentsWriter
from tallyd.store.errors import OutcomeUnknownError
from tallyd.store.migrate import check
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
        self._in_doubt = False
        self._times_opened = 0
        self._write_turn = anyio.Lock()
        self._read_turn = anyio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[ContentsReader]:
        """Open a consistent look; keep it short, others wait for it.

        Raises:
            StoreError: the database cannot be read.
        """
        async with self._read_turn:
            self._reading.begin("DEFERRED")
            try:
                yield ContentsReader(self._reading)
            finally:
                with CancelScope(shield=True):
                    await self._reading.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[ContentsWriter]:
        """Open a transaction that waits its turn; await nothing in it but the transaction itself.

        Once its turn has come it is not cancelled: a statement given up half-way would go on in the
        connection's thread, with the database locked behind it.

        Raises:
            OutcomeUnknownError: the disk failed during the commit. What is there is read anew, from
                the disk, by whoever asks next: look, and write again what is not there.
            StoreError: the database cannot be written, or the commit failed.
        """
        async with self._write_turn:
            with CancelScope(shield=True):
                await self._resolve_doubt()
                self._writing.begin("IMMEDIATE")
                try:
                    yield ContentsWriter(self._writing)
                    await self._writing.commit()
                except OutcomeUnknownError:
                    self._in_doubt = True
                    with suppress(StoreError):  # others must not wait for what has failed
                        await self._writing.rollback()
                    raise
                except BaseException:
                    await self._writing.rollback()
                    raise

    async def _resolve_doubt(self) -> None:
        """Find out what the disk holds after a commit of which nobody knows.

        The log may show in memory what the disk has lost, and whatever came behind it would be lost
        with it when the power goes. So nothing is stored before all of it is in the database.
        """
        if not self._in_doubt:
            return
        async with self._read_turn:
            await self._let_go()
            await self._take_up()
        if await self._writing.first("settle_log", _is_settled) is not True:
            raise StoreError("it is not known yet what the disk stored: others use the database")
        self._in_doubt = False

    async def put_back(
        self, save: Callable[[sqlite3.Connection], None], place: Callable[[], None]
    ) -> None:
        """Have the file written anew when it has lost its name: nobody else sees what is open here.

        `save` keeps what the connection sees, `place` puts it where the file was; both block.

        Raises:
            StoreError: it could not be saved, or not be put there; other calls fail until it is.
        """
        async with self._write_turn, self._read_turn:
            with CancelScope(shield=True):
                await self._writing.run_apart(save)
                await self._let_go()
                try:
                    await to_thread.run_sync(place)
                finally:
                    await self._take_up()

    async def _let_go(self) -> None:
        await self._reading.let_go()
        await self._writing.let_go()

    async def _take_up(self) -> None:
        await self._writing.take_up()
        await self._reading.take_up()
        self._times_opened += 1

    async def data_version(self) -> int:
        """Give a number that changes when another connection, of any process, has written."""
        async with self._read_turn:
            (version,) = await self._reading.integers("get_data_version")
        # A new connection counts anew.
        return version + (self._times_opened << 32)

    async def checkpoint(self) -> bool:
        """Move the log into the database, waiting for no reader; tells whether all of it moved."""
        async with self._write_turn:
            found = await self._writing.first("checkpoint", _all_moved)
        return found is True


def _is_settled(row: sqlite3.Row) -> bool:
    return bool(row["busy"] == 0)


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
