"""Runs named queries on one connection; what they mean, and whose turn it is, is said elsewhere."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeVar

import aiosqlite

from tallyd.store.connection import translated
from tallyd.store.queries import QUERIES

Row = TypeVar("Row")
Parameters = Mapping[str, object]

# Rows become values in the event loop: so many at a time hold it for two or three milliseconds.
_BATCH: Final = 100


class Session:
    """The statements of `queries.sql` on a connection. Whatever fails raises a StoreError."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def begin(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> None:
        """Begin a transaction; an immediate one waits for the writers of other processes."""
        await self._control(f"BEGIN {kind}")

    async def commit(self) -> None:
        """Make what the transaction did durable."""
        await self._control("COMMIT")

    async def rollback(self) -> None:
        """End the transaction, if SQLite has not done so itself, as if it had never begun."""
        if self._connection.in_transaction:
            await self._control("ROLLBACK")

    async def _control(self, sql: str) -> None:
        with translated(sql):
            await self._connection.execute_fetchall(sql)

    async def rows(
        self, name: str, build: Callable[[sqlite3.Row], Row], /, **parameters: object
    ) -> tuple[Row, ...]:
        """Give every row of a query, each as `build` makes it."""
        values: list[Row] = []
        with translated(name):
            async with self._connection.execute(QUERIES[name].sql, parameters) as cursor:
                more = True
                while more:
                    batch = list(await cursor.fetchmany(_BATCH))
                    values.extend(map(build, batch))
                    more = len(batch) == _BATCH
        return tuple(values)

    async def first(
        self, name: str, build: Callable[[sqlite3.Row], Row], /, **parameters: object
    ) -> Row | None:
        """Give the first row of a query as `build` makes it, or None where there is none."""
        with translated(name):
            try:
                found = await self._connection.execute_fetchall(QUERIES[name].sql, parameters)
            except OverflowError:
                return None  # an integer past 64 bits is in no row
            return next(map(build, found), None)

    async def integers(self, name: str, /, **parameters: object) -> tuple[int, ...]:
        """Run a statement and give the integer that it returns for each row that it touched."""
        with translated(name):
            found = await self._connection.execute_fetchall(QUERIES[name].sql, parameters)
            return tuple(int(row[0]) for row in found)

    async def each(self, name: str, parameters: Iterable[Parameters]) -> int:
        """Run a statement once for each of `parameters`; gives how many rows it changed."""
        with translated(name):
            async with self._connection.executemany(QUERIES[name].sql, list(parameters)) as cursor:
                return max(cursor.rowcount, 0)
