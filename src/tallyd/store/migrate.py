"""How a database comes to be and grows up: numbered files, each applied whole or not at all.

Everything here blocks. Only the holder of the daemon's lock may migrate.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tallyd.ports.store import StoreError
from tallyd.store import durable
from tallyd.store.connection import APPLICATION_ID, MIGRATING, connect, probe, translated
from tallyd.store.errors import DatabaseOldError, DatabaseTooNewError

FILE_NAME: Final = re.compile(r"(?P<number>\d{4})_(?P<slug>[a-z0-9]+(?:_[a-z0-9]+)*)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: `script` takes a database from `number` - 1 to `number`."""

    number: int
    script: str


def _shipped() -> tuple[Migration, ...]:
    found = (
        (FILE_NAME.fullmatch(file.name), file)
        for file in files("tallyd.store").joinpath("migrations").iterdir()
    )
    return tuple(
        sorted(
            (
                Migration(int(name["number"]), file.read_text(encoding="utf-8"))
                for name, file in found
                if name is not None
            ),
            key=lambda migration: migration.number,
        )
    )


MIGRATIONS: Final = _shipped()
SCHEMA_VERSION: Final = MIGRATIONS[-1].number


def initialise(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """Create the database at `path`, whole or not at all; False where there already is a file.

    Whatever stands at `path` is neither looked at nor touched, so two processes may race.

    Raises:
        StoreError: it cannot be created there.
    """
    try:
        with TemporaryDirectory(prefix=".new-", dir=path.parent) as scratch:
            fresh = Path(scratch, path.name)
            with translated(f"create {path}"):
                _build(fresh, migrations)
            durable.publish(fresh, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(f"create {path}: {error.strerror}") from error
    return True


def _build(path: Path, migrations: Sequence[Migration]) -> None:
    path.touch()
    with closing(connect(path, MIGRATING)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for migration in migrations:
            _apply(connection, migration)


def migrate(path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[int, ...]:
    """Bring the database at `path` up to date; gives the versions that it went through.

    Raises:
        DatabaseUnusableError: there is none, it is not ours, it is damaged, or it is too new.
        StoreError: a step failed; the database is as the step before left it.
    """
    known = migrations[-1].number
    version = schema_of(path, known)
    due = [migration for migration in migrations if migration.number > version]
    if due:
        with translated(f"migrate {path}"), closing(connect(path, MIGRATING)) as connection:
            for migration in due:
                _apply(connection, migration)
    return tuple(migration.number for migration in due)


def is_due(path: Path, known: int = SCHEMA_VERSION) -> bool:
    """Tell whether `migrate` would change the database at `path`; raises what that raises."""
    return schema_of(path, known) < known


def check(path: Path, known: int = SCHEMA_VERSION) -> None:
    """Make sure that a program that knows the schema up to `known` may use the database at `path`.

    Raises:
        DatabaseUnusableError: it may not, and why; nothing was touched.
        StoreError: the system does not let it be read.
    """
    version = schema_of(path, known)
    if version < known:
        raise DatabaseOldError(path, version, known)


def schema_of(path: Path, known: int = SCHEMA_VERSION) -> int:
    """Give the schema of the database at `path`, which this program must know how to use.

    Raises:
        DatabaseUnusableError: there is none, it is not ours, it is damaged, or it is too new.
        StoreError: the system does not let it be read.
    """
    version = probe(path)
    if version.compat > known:
        raise DatabaseTooNewError(path, version.schema, known)
    return version.schema


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    # Not executescript: it commits what is open, and a step must be whole or not at all.
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(migration.script):
            connection.execute(statement)
        _refuse_orphans(connection, migration)
        connection.execute(f"PRAGMA user_version = {migration.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_orphans(connection: sqlite3.Connection, migration: Migration) -> None:
    orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    if orphans:
        raise StoreError(f"migration {migration.number} leaves {len(orphans)} orphaned rows")


def statements(script: str) -> Iterator[str]:
    """Split `script` into its statements, each ending a line; text and triggers may hold `;`.

    Raises:
        StoreError: the last statement is not complete.
    """
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        statement = "\n".join(lines)
        if sqlite3.complete_statement(statement):
            yield statement
            lines.clear()
    rest = "\n".join(line for line in lines if line.strip() and not line.startswith("--"))
    if rest:
        raise StoreError(f"a statement does not end: {rest}")
