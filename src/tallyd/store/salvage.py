"""What can still be read of a damaged database, and how it differs from what was restored.

It lists; it merges nothing. Everything here blocks.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallyd.store.integrity import QUERIES, live, open_to_look, still

TABLES: Final = ("schedules", "runs")
LISTED: Final = 1_000
"""So many differences of a table are listed; whoever wants more has both files."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Divergence:
    """One row that the damaged database and the restored one tell differently.

    `lost` is what the damaged one says, `restored` what holds now; None where there is no such row.
    """

    table: str
    id: int
    lost: Row | None
    restored: Row | None

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


def divergences(damaged: Path, restored: Path) -> tuple[Divergence, ...]:
    """List the rows that differ, as far as the damaged database can still be read.

    That is up to what is damaged, and down to it from the other end; with its log where that can be
    used, else without.
    """
    found: list[Divergence] = []
    for table in TABLES:
        for uri in (live(damaged), still(damaged)):
            upwards = _Walk(table, uri, restored)
            found.extend(upwards.along("upwards", 1))
            if upwards.complete or upwards.seen:
                break
        else:
            continue
        if not upwards.complete:
            known = {each.id for each in found if each.table == table}
            downwards = _Walk(table, uri, restored).along("downwards", -1)
            found.extend(each for each in downwards if each.id not in known)
    return tuple(found)


class _Walk:
    """Goes through a table of both databases side by side, until the damaged one ends or breaks."""

    def __init__(self, table: str, damaged: str, restored: Path) -> None:
        self._table = table
        self._damaged = damaged
        self._restored = restored
        self.complete = False
        self.seen = 0

    def along(self, direction: str, sign: int) -> list[Divergence]:
        """Give what differs in one direction of the ids: 1 is upwards, -1 downwards."""
        found: list[Divergence] = []
        query = QUERIES[f"read_{self._table}_{direction}"].sql
        try:
            with (
                closing(open_to_look(live(self._restored))) as sound,
                closing(open_to_look(self._damaged)) as damaged,
            ):
                damaged.text_factory = _text
                for each in self._compared(damaged.execute(query), sound.execute(query), sign):
                    found.append(each)
                    if len(found) == LISTED:
                        break
                self.complete = True
        except sqlite3.Error:
            pass
        return found

    def _compared(
        self, lost: Iterator[sqlite3.Row], kept: Iterator[sqlite3.Row], sign: int
    ) -> Iterator[Divergence]:
        here = next(kept, None)
        for there in lost:
            self.seen += 1
            while here is not None and sign * here["id"] < sign * there["id"]:
                yield Divergence(self._table, here["id"], None, dict(here))
                here = next(kept, None)
            same = here is not None and here["id"] == there["id"]
            before, after = dict(there), dict(here) if here is not None and same else None
            if before != after:
                yield Divergence(self._table, there["id"], before, after)
            if same:
                here = next(kept, None)
        while here is not None:
            yield Divergence(self._table, here["id"], None, dict(here))
            here = next(kept, None)


def _text(raw: bytes) -> str:
    """Read what may be damaged, and no text any more."""
    return raw.decode("utf-8", errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class Counters:
    """The numbers that a database has given out: none of them may be given out again."""

    last_ids: Mapping[str, int]
    last_public_id: int
    revision: int


def counters(path: Path) -> Counters | None:
    """Read the numbers that a damaged database has given out; None where they cannot be read."""
    for uri in (live(path), still(path)):
        try:
            with closing(open_to_look(uri)) as connection:
                meta = connection.execute(QUERIES["get_counters"].sql).fetchone()
                rows = connection.execute(QUERIES["list_last_ids"].sql).fetchall()
                last_ids = {str(row["name"]): int(row["seq"]) for row in rows}
                return Counters(last_ids, int(meta["last_public_id"]), int(meta["revision"]))
        except (sqlite3.Error, TypeError, ValueError):
            continue
    return None
