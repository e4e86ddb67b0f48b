"""The backups of one database: made, verified, listed, let go. Each is a whole database file.

Everything here blocks, and belongs in a thread other than the event loop's.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from tallyd.domain.window import to_ms
from tallyd.ports.store import StoreError
from tallyd.store import durable
from tallyd.store.connection import WRITING, connect
from tallyd.store.errors import (
    BackupUnusableError,
    DatabaseDamagedError,
    DatabaseUnusableError,
)
from tallyd.store.generations import Generation, newest_first, surplus
from tallyd.store.integrity import (
    QUERIES,
    appliance_id_of,
    live,
    log_of,
    open_to_look,
    require_sound,
    still,
)
from tallyd.store.migrate import schema_of

_MODE: Final = 0o750
_DIGEST_LENGTH: Final = 32


Open = Callable[[Path], sqlite3.Connection]


class Backups:
    """The directory of the backups of the database at `database`."""

    def __init__(self, directory: Path, database: Path) -> None:
        self.directory = directory
        self._database = database

    def generations(self) -> tuple[Generation, ...]:
        """Give what there is, the newest first, good or not.

        Raises:
            StoreError: the directory cannot be read.
        """
        with _translated(f"list {self.directory}"):
            try:
                return newest_first(path.name for path in self.directory.iterdir())
            except FileNotFoundError:
                return ()

    def path_of(self, generation: Generation) -> Path:
        """Give where a generation lies."""
        return self.directory / generation.name

    def make(self, now: datetime) -> Generation:
        """Save the database as it is now, as the newest generation, and let old ones go.

        Raises:
            DatabaseUnusableError: the database is damaged; there is no new generation.
            StoreError: it could not be saved; there is no new generation.
        """
        return self._keep(self._database, now, _open_live)

    def take_in(self, source: Path, now: datetime) -> Generation:
        """Save the database at `source`, which nobody writes, as the newest generation.

        Raises:
            DatabaseUnusableError: it is damaged or not ours.
            StoreError: it could not be saved.
        """
        return self._keep(source, now, _open_still)

    def _keep(self, source: Path, now: datetime, open_: Open) -> Generation:
        with _translated(f"make a backup of {source}"):
            self.directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
            with durable.fresh_name(self.directory) as made:
                write_copy(source, made, now, open_)
                existing = self.generations()
                serial = existing[0].serial + 1 if existing else 1
                generation = Generation(serial, now, _digest_of(made))
                durable.publish(made, self.path_of(generation))
            for old in surplus((generation, *existing)):
                self.path_of(old).unlink(missing_ok=True)
        return generation

    def newest_good(self, appliance_id: str | None) -> Generation | None:
        """Give the newest generation that can be restored; None where there is none.

        Raises:
            StoreError: the directory cannot be read.
        """
        for generation in self.generations():
            try:
                self.verify(generation, appliance_id)
            except StoreError:
                continue
            return generation
        return None

    def verify(self, generation: Generation, appliance_id: str | None) -> None:
        """Make sure that a generation is what it was made as, and of this installation if known.

        Raises:
            DatabaseUnusableError, BackupUnusableError: it is not.
            StoreError: it cannot be read.
        """
        path = self.path_of(generation)
        if not self._is_whole(generation):
            raise BackupUnusableError(path, "its bytes have changed since it was made")
        require_backup(path, appliance_id)

    def _is_whole(self, generation: Generation) -> bool:
        path = self.path_of(generation)
        with _translated(f"read {path}"):
            return _digest_of(path) == generation.digest

    def sweep(self) -> None:
        """Remove what a backup or a restore left that was killed; only while nobody makes one.

        Raises:
            StoreError: the system does not let it.
        """
        with _translated(f"tidy {self.directory}"):
            durable.sweep(self.directory)
            durable.sweep(self._database.parent)


def require_backup(path: Path, appliance_id: str | None) -> None:
    """Make sure that a file is a sound database of ours, and of this installation if known.

    Raises:
        DatabaseUnusableError, BackupUnusableError: it is not.
        StoreError: it cannot be read.
    """
    schema_of(path)
    require_sound(path)
    found = appliance_id_of(path)
    if appliance_id is not None and found != appliance_id:
        raise BackupUnusableError(path, f"it is of another installation, {found}")


def _open_live(path: Path) -> sqlite3.Connection:
    # As the store does it: whoever is the last to close leaves no log beside it.
    return connect(path, WRITING)


def _open_still(path: Path) -> sqlite3.Connection:
    return open_to_look(live(path) if log_of(path).exists() else still(path))


def write_copy(source: Path, target: Path, now: datetime, open_: Open) -> None:
    """Write the database at `source`, its log included, to a new file, and check what came of it.

    Others may write meanwhile: the copy is of one moment, and says of which. It is not yet on the
    disk.

    Raises:
        DatabaseUnusableError: the source is damaged or not ours.
        StoreError: it cannot be read, or not be written.
    """
    owner = appliance_id_of(source)
    try:
        with closing(open_(source)) as connection:
            connection.execute("VACUUM INTO ?", [str(target)])
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute(QUERIES["stamp_backup"].sql, {"now_ms": to_ms(now)})
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT:
            raise DatabaseDamagedError(source, str(error)) from error
        raise StoreError(f"make a backup of {source}: {error}") from error
    try:
        require_backup(target, owner)
    except DatabaseUnusableError as error:
        raise BackupUnusableError(source, str(error)) from error


def export(source: Path, file: Path, now: datetime) -> None:
    """Write the database at `source` to a file that is not there yet, whole or not at all.

    Raises:
        DatabaseUnusableError: the source is damaged or not ours.
        StoreError: it cannot be read, or the file cannot be written, or is there already.
    """
    with _translated(f"write {file}"), durable.fresh_name(file.absolute().parent) as made:
        write_copy(source, made, now, _open_live)
        durable.publish(made, file.absolute())


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_LENGTH]


@contextmanager
def _translated(doing: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{doing}: {error.strerror}") from error
