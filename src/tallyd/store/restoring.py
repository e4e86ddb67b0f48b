"""Puts a backup in the place of the database; what was there is kept aside. Everything blocks."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile

from tallyd.ports.store import StoreError
from tallyd.store import durable
from tallyd.store.backup import Backups
from tallyd.store.connection import WRITING, connect, translated
from tallyd.store.generations import Generation
from tallyd.store.integrity import QUERIES, ledger_end_of, require_sound
from tallyd.store.quarantine import put_aside
from tallyd.store.salvage import Counters, Divergence, counters, divergences


@dataclass(frozen=True, slots=True)
class Restoration:
    """A database that was restored: from which backup, what became of the old one, what differs.

    What was written after `ledger_ends` is gone unless other evidence has it. `aside` is None where
    nothing was left to put aside.
    """

    generation: Generation
    ledger_ends: datetime
    aside: Path | None
    divergences: tuple[Divergence, ...]

    def age(self, now: datetime) -> timedelta:
        """Tell how long ago it was that the database was as it is again."""
        return now - self.ledger_ends


def restore(database: Path, backups: Backups, generation: Generation, now: datetime) -> Restoration:
    """Put a good `generation` in the place of the database; only for the holder of the lock.

    It may be killed at any moment: what it leaves is the old database, none, or the new one. A disk
    that does not take the copy leaves the old one where it was.

    Raises:
        StoreError: the system does not let it.
    """
    source = backups.path_of(generation)
    try:
        with durable.fresh_name(database.parent) as made:
            made.touch(mode=durable.MODE)
            copyfile(source, made)
            _make_usable(made, database)
            require_sound(made)
            aside = put_aside(database, now)
            durable.publish(made, database)
    except OSError as error:
        raise StoreError(f"restore {database} from {source}: {error.strerror}") from error
    found = () if aside is None else divergences(aside, database)
    return Restoration(generation, ledger_end_of(database) or now, aside, found)


def _make_usable(made: Path, damaged: Path) -> None:
    """Make a copy of a backup what a store opens, before it has its name."""
    with translated("make a backup usable"), closing(connect(made, WRITING)) as copy:
        given_out = counters(damaged)
        if given_out is not None:
            _go_on_counting(copy, given_out)


def _go_on_counting(copy: sqlite3.Connection, given_out: Counters) -> None:
    """Let no id be given out twice: clients and files know those of rows that are lost."""
    copy.execute("BEGIN")
    for name, last_id in given_out.last_ids.items():
        copy.execute(QUERIES["begin_last_ids"].sql, {"name": name})
        copy.execute(QUERIES["raise_last_id"].sql, {"name": name, "last_id": last_id})
    copy.execute(QUERIES["raise_public_id"].sql, {"last_public_id": given_out.last_public_id})
    copy.execute(QUERIES["raise_revision_to"].sql, {"revision": given_out.revision})
    copy.execute("COMMIT")


def settle_ledger(database: Path) -> None:
    """Note that what the ledger lost by a restore has been judged: `ledger_end_of` is None then.

    Judge first, in a transaction of its own: whoever dies in between judges again.

    Raises:
        StoreError: it cannot be noted.
    """
    with translated("settle_ledger"), closing(connect(database, WRITING)) as connection:
        connection.execute(QUERIES["settle_ledger"].sql)
