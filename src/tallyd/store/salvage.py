"""What can still be read of a damaged database, and how it differs from what was restored.

It lists; it merges nothing. Everything here blocks.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallyd.store.integrity import QUERIES, live, open_to_look, still

TABLES: Final = ("schedules", "runs")


@dataclass(frozen=True, slots=True)
class Divergence:
    """One row that the damaged database and the restored one tell differently.

    `lost` is what the damaged one says, `restored` what holds now; None where there is no such row.
    """

    table: str
    id: int
    lost: Mapping[str, Any] | None
    restored: Mapping[str, Any] | None

    def __str__(self) -> str:
        """Give the row in a few words."""
        known = self.lost or self.restored or {}
        about = f"{self.table.removesuffix('s')} {self.id} {known.get('name')!r}"
        if self.restored is None:
            return f"{about}: lost"
        if self.lost is None:
            return f"{about}: back"
        changed = [key for key, value in self.lost.items() if self.restored.get(key) != value]
        return f"{about}: differs in {', '.join(changed)}"


@dataclass(frozen=True, slots=True)
class Salvage:
    """The rows of a table that could be read, by id, and whether those are all of them."""

    rows: Mapping[int, Mapping[str, Any]]
    complete: bool


def divergences(damaged: Path, restored: Path) -> tuple[Divergence, ...]:
    """List the rows that differ, as far as the damaged database can still be read."""
    found: list[Divergence] = []
    for table in TABLES:
        lost, kept = readable(damaged, table), readable(restored, table)
        keys = lost.rows.keys() | (kept.rows.keys() if lost.complete else set[int]())
        found.extend(
            Divergence(table, key, lost.rows.get(key), kept.rows.get(key))
            for key in sorted(keys)
            if lost.rows.get(key) != kept.rows.get(key)
        )
    return tuple(found)


def readable(path: Path, table: str) -> Salvage:
    """Read what can be read of a table: up to what is damaged, and down to it from the other end.

    With its log where that can be used, else without.
    """
    rows: dict[int, Mapping[str, Any]] = {}
    for uri in (live(path), still(path)):
        for query in (f"read_{table}_upwards", f"read_{table}_downwards"):
            complete = _read(uri, query, rows)
            if complete:
                return Salvage(rows, complete=True)
        if rows:
            break
    return Salvage(rows, complete=False)


def _read(uri: str, query: str, rows: dict[int, Mapping[str, Any]]) -> bool:
    """Add rows until one cannot be read; tells whether all could."""
    try:
        with closing(open_to_look(uri)) as connection:
            connection.text_factory = _text
            for row in connection.execute(QUERIES[query].sql):
                rows.setdefault(row["id"], dict(row))
    except sqlite3.Error:
        return False
    return True


def _text(raw: bytes) -> str:
    """Read what may be damaged, and no text any more."""
    return raw.decode("utf-8", errors="backslashreplace")
