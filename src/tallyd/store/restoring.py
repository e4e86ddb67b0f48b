"""Puts a backup in the place of the database; what was there is kept aside. Everything blocks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.ports.store import StoreError
from tallyd.store import durable
from tallyd.store.backup import Backups
from tallyd.store.generations import Generation
from tallyd.store.integrity import ledger_end_of
from tallyd.store.quarantine import put_aside
from tallyd.store.salvage import Divergence, divergences


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

    It may be killed at any moment: what it leaves is the old database, none, or the new one.

    Raises:
        StoreError: the system does not let it.
    """
    aside = put_aside(database, now)
    source = backups.path_of(generation)
    try:
        durable.copy(source, database)
    except OSError as error:
        raise StoreError(f"restore {database} from {source}: {error.strerror}") from error
    found = () if aside is None else divergences(aside, database)
    return Restoration(generation, ledger_end_of(database) or now, aside, found)
