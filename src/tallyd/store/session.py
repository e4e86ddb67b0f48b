"""Runs named queries on one connection; what they mean, and whose turn it is, is said elsewhere."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Literal, TypeVar

import aiosqlite

from tallyd.store.connection import doubted, translated
from tallyd.store.queries import QUERIES

Row = TypeVar("Row")
Result = TypeVar("Result")
Parameters = Mapping[str, object]
Question = tuple[str, Parameters]
"""The name of a statement and what it is to be run with."""

# Rows become values in the event loop: so many at a time hold it for two or three milliseconds.
_BATCH: Final = 100


class Connection(aiosqlite.Connection):
    """A connection whose thread does several things in one turn.

    The way there and back costs ten times what a small statement does.
    """

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in the thread of the connection."""
        done: Result = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite says no types there
        return done

    async def let_go(self) -> None:
        """Close the file and keep the thread; nothing but `take_up` may follow."""
        await self.run(sqlite3.Connection.close)

    async def take_up(self) -> None:
        """Open the file anew, after `let_go`."""
        self._connection = await self.run(lambda _closed: self._connector())


class Session:
    """The statements of `queries.sql` on a connection. Whatever fails raises a StoreError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._opening: str | None = None

    def begin(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> None:
        """Begin a transaction, with its first statement: that saves a turn of the thread.

        An immediate one then waits for the writers of other processes.
        """
        self._opening = f"BEGIN {kind}"

    async def commit(self) -> None:
        """Make what the transaction did durable.

        Raises:
            OutcomeUnknownError: the disk failed, so it may be durable or not.
            StoreError: it was not made durable.
        """
        if self._opening is not None:
            self._opening = None
            return
        with doubted("COMMIT"), translated("COMMIT"):
            await self._connection.run(_commit)

    async def rollback(self) -> None:
        """End the transaction, if SQLite has not done so itself, as if it had never begun."""
        if self._opening is not None:
            self._opening = None
            return
        with translated("ROLLBACK"):
            await self._connection.run(sqlite3.Connection.rollback)

    async def run_apart(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work`, which raises StoreErrors of its own, outside of any transaction."""
        return await self._connection.run(work)

    async def let_go(self) -> None:
        """Close the file; nothing but `take_up` may follow."""
        with translated("close"):
            await self._connection.let_go()

    async def take_up(self) -> None:
        """Open the file anew, after `let_go`."""
        await self._connection.take_up()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        opening, self._opening = self._opening, None
        if opening is None:
            return await self._connection.run(work)
        return await self._connection.run(partial(_opened, opening, work))

    async def rows(
        self, name: str, build: Callable[[sqlite3.Row], Row], /, **parameters: object
    ) -> tuple[Row, ...]:
        """Give every row of a query, each as `build` makes it."""
        values: list[Row] = []
        with translated(name):
            try:
                cursor, batch = await self._run(partial(_begun, name, parameters))
            except OverflowError:
                return ()  # an integer past 64 bits is in no row
            values.extend(map(build, batch))
            while len(batch) == _BATCH:
                batch = await self._connection.run(partial(_more, cursor))
                values.extend(map(build, batch))
        return tuple(values)

    async def rows_of_each(self, *asked: Question) -> tuple[list[sqlite3.Row], ...]:
        """Run several statements, of few rows each, in one turn of the thread."""
        with translated(", ".join(name for name, _ in asked)):
            return await self._run(partial(_all_of_each, asked))

    async def first(
        self, name: str, build: Callable[[sqlite3.Row], Row], /, **parameters: object
    ) -> Row | None:
        """Give the first row of a query as `build` makes it, or None where there is none."""
        return next(iter(await self.rows(name, build, **parameters)), None)

    async def integers(self, name: str, /, **parameters: object) -> tuple[int, ...]:
        """Run a statement and give the integer that it returns for each row that it touched."""
        with translated(name):
            found = await self._run(partial(_all, name, parameters))
            return tuple(int(row[0]) for row in found)

    async def each(self, name: str, parameters: Iterable[Parameters]) -> int:
        """Run a statement once for each of `parameters`; gives how many rows it changed."""
        with translated(name):
            return await self._run(partial(_changed, name, list(parameters)))


def _commit(connection: sqlite3.Connection) -> None:
    # Not the method: that says nothing where SQLite has given up the transaction by itself.
    connection.execute("COMMIT")


def _opened(
    opening: str, work: Callable[[sqlite3.Connection], Result], connection: sqlite3.Connection
) -> Result:
    connection.execute(opening)
    return work(connection)


def _all(name: str, parameters: Parameters, connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return connection.execute(QUERIES[name].sql, parameters).fetchall()


def _begun(
    name: str, parameters: Parameters, connection: sqlite3.Connection
) -> tuple[sqlite3.Cursor, list[sqlite3.Row]]:
    cursor = connection.execute(QUERIES[name].sql, parameters)
    return cursor, cursor.fetchmany(_BATCH)


def _more(cursor: sqlite3.Cursor, _connection: sqlite3.Connection) -> list[sqlite3.Row]:
    return cursor.fetchmany(_BATCH)


def _all_of_each(
    asked: Iterable[Question], connection: sqlite3.Connection
) -> tuple[list[sqlite3.Row], ...]:
    return tuple(_all(name, parameters, connection) for name, parameters in asked)


def _changed(name: str, parameters: list[Parameters], connection: sqlite3.Connection) -> int:
    return max(connection.executemany(QUERIES[name].sql, parameters).rowcount, 0)
