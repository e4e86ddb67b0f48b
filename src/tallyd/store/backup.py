"""The backups of one database: made, verified, listed, let go. Each is a whole database file.

Everything here blocks, and belongs in a thread other than the event loop's.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from tallyd.domain.window import to_ms
from tallyd.ports.store import StoreError
from tallyd.store import durable
from tallyd.store.connection import WRITING, connect, damage_named, log_of
from tallyd.store.errors import (
    BackupUnusableError,
)
from tallyd.store.generations import Generation, newest_first, surplus, too_much
from tallyd.store.integrity import (
    QUERIES,
    appliance_id_of,
    live,
    open_to_look,
    require_descent,
    require_sound,
    still,
)
from tallyd.store.migrate import schema_of
from tallyd.store.quarantine import put_aside

_MODE: Final = 0o750
_DIGEST_LENGTH: Final = 32


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
        schema_of(self._database)
        # As the store does it: whoever is the last to close leaves no log beside it.
        with closing(connect(self._database, WRITING)) as connection:
            return self.make_from(connection, now)

    def make_from(self, connection: sqlite3.Connection, now: datetime) -> Generation:
        """Save the database as an open connection sees it, also when its file has lost its name.

        Raises:
            DatabaseUnusableError, StoreError: as for `make`.
        """

        def write(made: Path) -> None:
            write_copy(connection, self._database, made, now)
            before = next((each for each in self.generations() if self._is_whole(each)), None)
            if before is not None:
                # Else the next start would hold a damaged database against its own like.
                require_descent(made, self.path_of(before))

        return self._keep(write, now)

    def take_in(self, source: Path, now: datetime) -> Generation:
        """Save the database at `source`, which nobody writes, as the newest generation.

        Raises:
            DatabaseUnusableError: it is damaged or not ours.
            StoreError: it could not be saved.
        """

        def write(made: Path) -> None:
            uri = live(source) if log_of(source).exists() else still(source)
            with damage_named(source), closing(open_to_look(uri)) as connection:
                write_copy(connection, source, made, now)

        return self._keep(write, now)

    def _keep(self, write: Callable[[Path], None], now: datetime) -> Generation:
        with _translated(f"make a backup in {self.directory}"):
            self.directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
            durable.own(self.directory, self.directory.parent)
            with durable.fresh_name(self.directory) as made:
                write(made)
                existing = self.generations()
                serial = existing[0].serial + 1 if existing else 1
                generation = Generation(serial, now, _digest_of(made))
                durable.publish(made, self.path_of(generation))
            self._let_go((generation, *existing))
        return generation

    def _let_go(self, generations: tuple[Generation, ...]) -> None:
        gone = surplus(generations)
        kept = [each for each in generations if each not in gone]
        gone |= too_much({each: self._size_of(each) for each in kept})
        for each in gone:
            self.path_of(each).unlink(missing_ok=True)

    def _size_of(self, generation: Generation) -> int:
        with suppress(FileNotFoundError):  # another process lets old ones go too
            return self.path_of(generation).stat().st_size
        return 0

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
        with _translated(f"read {path}"):
            if not self._is_whole(generation):
                raise BackupUnusableError(path, "its bytes have changed since it was made")
        require_backup(path, appliance_id)

    def _is_whole(self, generation: Generation) -> bool:
        return _digest_of(self.path_of(generation)) == generation.digest

    def put_aside_damaged(self, now: datetime) -> tuple[Path, ...]:
        """Read every generation anew, and put those aside whose bytes have changed.

        Raises:
            StoreError: the system does not let it.
        """
        moved: list[Path | None] = []
        for generation in self.generations():
            path = self.path_of(generation)
            with _translated(f"read {path}"), suppress(FileNotFoundError):
                if not self._is_whole(generation):
                    moved.append(put_aside(path, now))
        return tuple(path for path in moved if path is not None)

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
        raise BackupUnusableError(
            path, f"it is of another installation ({found}); --take-over goes on as that one"
        )


def write_copy(connection: sqlite3.Connection, source: Path, target: Path, now: datetime) -> None:
    """Write the open database `source`, its log included, to a new file, and check that file.

    Others may write meanwhile: the copy is of one moment, and says of which. It is not yet on the
    disk.

    Raises:
        DatabaseUnusableError: the database is damaged or not ours.
        StoreError: it cannot be read, or the copy cannot be written.
    """
    target.touch(mode=durable.MODE)
    with damage_named(source):
        (owner,) = connection.execute(QUERIES["get_appliance_id"].sql).fetchone()
        connection.execute("VACUUM INTO ?", [str(target)])
        with closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")
            copy.execute(QUERIES["stamp_backup"].sql, {"now_ms": to_ms(now)})
    require_backup(target, owner)


def export(source: Path, file: Path, now: datetime) -> None:
    """Write the database at `source` to a file that is not there yet, whole or not at all.

    Raises:
        DatabaseUnusableError: the source is damaged or not ours.
        StoreError: it cannot be read, or the file cannot be written, or is there already.
    """
    schema_of(source)
    with (
        _translated(f"write {file}"),
        durable.fresh_name(file.absolute().parent) as made,
        closing(connect(source, WRITING)) as connection,
    ):
        write_copy(connection, source, made, now)
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
