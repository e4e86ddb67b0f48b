"""How the database file is opened: what is checked before, what is set and read back. No queries.

Everything here blocks, and belongs in a thread other than the event loop's.
"""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tallyd.ports.store import StoreBusyError, StoreError, StoreFullError
from tallyd.store.errors import (
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseUnusableError,
    OutcomeUnknownError,
)

APPLICATION_ID: Final = 0x7461_6C6C  # "tall", what file(1) and a stranger see in the header
BUSY_TIMEOUT_MS: Final = 5_000

_DURABLE: Final[Mapping[str, int | str]] = {
    "busy_timeout": BUSY_TIMEOUT_MS,
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: in WAL, NORMAL loses the last commits when the power goes
}
MIGRATING: Final[Mapping[str, int | str]] = MappingProxyType({**_DURABLE, "foreign_keys": 0})
WRITING: Final[Mapping[str, int | str]] = MappingProxyType({**_DURABLE, "foreign_keys": 1})
READING: Final[Mapping[str, int | str]] = MappingProxyType({**WRITING, "query_only": 1})

_PRIMARY_CODE: Final = 0xFF
_KINDS: Final[Mapping[int, type[StoreError]]] = MappingProxyType(
    {sqlite3.SQLITE_FULL: StoreFullError, sqlite3.SQLITE_BUSY: StoreBusyError}
)
_DAMAGE: Final = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_UNREADABLE: Final = {
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The schema of a file, and the oldest schema whose programs may still use it."""

    schema: int
    compat: int


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Turn what SQLite and its Python module raise into a StoreError that says what was done."""
    try:
        yield
    except (sqlite3.Error, OverflowError, ValueError) as error:
        kind = _KINDS.get(_code_of(error) & _PRIMARY_CODE, StoreError)
        raise kind(f"{doing}: {error}") from error


@contextmanager
def doubted(doing: str) -> Generator[None]:
    """Tell a commit that failed from one of which nobody knows whether it did."""
    try:
        yield
    except StoreError as error:
        if _code_of(error.__cause__) & _PRIMARY_CODE == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknownError(doing, str(error.__cause__)) from error
        raise


@contextmanager
def damage_named(path: Path) -> Generator[None]:
    """Tell damage from all else that SQLite can say while the database at `path` is read."""
    try:
        yield
    except sqlite3.Error as error:
        code = _code_of(error)
        if code & _PRIMARY_CODE in _DAMAGE or code in _UNREADABLE:
            raise DatabaseDamagedError(path, str(error)) from error
        raise StoreError(f"read {path}: {error}") from error


@contextmanager
def looking(path: Path) -> Generator[None]:
    """Do the same while asking for what every database of ours has: not to have it is damage."""
    try:
        with damage_named(path):
            yield
    except DatabaseUnusableError:
        raise
    except StoreError as error:
        if _code_of(error.__cause__) == sqlite3.SQLITE_ERROR:
            raise DatabaseDamagedError(path, str(error.__cause__)) from error
        raise


def _code_of(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK))


def connect(path: Path, pragmas: Mapping[str, int | str]) -> sqlite3.Connection:
    """Open the existing database at `path` with `pragmas`, each set and read back.

    Raises:
        StoreError: it cannot be opened, or it does not keep to a pragma.
    """
    with translated(f"open {path}"):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,  # BEGIN and COMMIT are ours
            timeout=BUSY_TIMEOUT_MS / 1000,
            check_same_thread=False,
        )
        try:
            connection.row_factory = sqlite3.Row
            for name, wanted in pragmas.items():
                _set_pragma(connection, name, wanted)
        except BaseException:
            connection.close()
            raise
    return connection


def _set_pragma(connection: sqlite3.Connection, name: str, wanted: int | str) -> None:
    # An unknown pragma is ignored and a refused one answers with what stayed: only reading tells.
    connection.execute(f"PRAGMA {name} = {wanted}").fetchall()
    row = connection.execute(f"PRAGMA {name}").fetchone()
    if row is None or row[0] != wanted:
        raise StoreError(f"PRAGMA {name} = {wanted} was not taken: {row and row[0]!r}")


def log_of(path: Path) -> Path:
    """Give where the log of the database at `path` lies, if it has one."""
    return path.with_name(f"{path.name}-wal")


def probe(path: Path) -> SchemaVersion:
    """Look at the file at `path` and change nothing, not even by tidying a log left beside it.

    Raises:
        DatabaseMissingError: there is no file.
        DatabaseDamagedError: it is empty or unreadable as a database.
        DatabaseForeignError: another program made it.
        StoreError: the system does not let it be read.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DatabaseMissingError(path) from None
    except OSError as error:
        raise StoreError(f"look at {path}: {error.strerror}") from error
    if size == 0:
        # SQLite would take it for a new database and every schedule would be gone in silence.
        raise DatabaseDamagedError(path, "the file is empty")
    with (
        looking(path),
        closing(sqlite3.connect(_probe_uri(path), uri=True, isolation_level=None)) as found,
    ):
        return _schema_version(found, path)


def _probe_uri(path: Path) -> str:
    # Without a log there is no one to agree with, and `immutable` leaves no files beside ours.
    immutable = "" if log_of(path).exists() else "&immutable=1"
    return f"{path.absolute().as_uri()}?mode=ro{immutable}"


def _schema_version(connection: sqlite3.Connection, path: Path) -> SchemaVersion:
    application_id = _value(connection, "PRAGMA application_id")
    if application_id != APPLICATION_ID:
        raise DatabaseForeignError(path, application_id)
    schema = _value(connection, "PRAGMA user_version")
    compat = connection.execute("SELECT compat_version FROM meta").fetchone()
    if schema < 1 or compat is None:
        raise DatabaseDamagedError(path, "it does not say which schema it has")
    return SchemaVersion(schema, int(compat[0]))


def _value(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(pragma).fetchone()[0])
