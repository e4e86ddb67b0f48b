"""Whether a database is damaged: by itself, and beside a backup that is known to be good.

Everything here blocks and changes nothing, not even by tidying a log left beside the file.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

from tallyd.domain.window import from_ms
from tallyd.ports.store import StoreError
from tallyd.store.connection import BUSY_TIMEOUT_MS, log_of, looking, probe
from tallyd.store.errors import DatabaseDamagedError
from tallyd.store.migrate import schema_of
from tallyd.store.queries import parse

SHOWN: Final = 5
"""So many complaints are enough to know that something is wrong."""

QUERIES: Final = parse(files("tallyd.store").joinpath("damage.sql").read_text(encoding="utf-8"))

_WAL_MAGIC: Final = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_WAL_HEADER: Final = 32

# Each finds nothing in a database that has only ever gone on from the backup beside it.
_CONTRADICTIONS: Final = {
    "list_sequences_back": "rows of it are gone that were there before",
    "list_schedules_gone": "schedules are gone",
    "list_schedules_altered": "schedules differ that nobody changed",
    "list_schedules_misdated": "schedules changed at a time that was over",
    "list_overrides_altered": "overrides differ that nobody changed, of the schedules",
    "list_targets_altered": "targets differ that nobody changed",
    "list_exception_days_altered": "exception days differ that nobody changed",
    "list_runs_altered": "final runs differ",
    "list_parts_altered": "parts differ, of the runs",
}

Pace = Callable[[], bool]
"""Called again and again during a check, to give way to others; True gives the check up."""

_PACED_EVERY: Final = 20_000  # instructions of SQLite's machine: about a millisecond


def open_to_look(uri: str) -> sqlite3.Connection:
    """Open a database in which nothing is to be changed.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_MS / 1000,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def live(path: Path) -> str:
    """Name a database with its log, which others may be writing."""
    return f"{path.absolute().as_uri()}?mode=ro"


def still(path: Path) -> str:
    """Name a database that nobody writes; nothing is left beside it."""
    return f"{live(path)}&immutable=1"


def appliance_id_of(path: Path) -> str:
    """Give the installation to which the database at `path` belongs.

    Raises:
        DatabaseUnusableError: it is missing, damaged or not ours.
        StoreError: the system does not let it be read.
    """
    schema_of(path)
    with looking(path), closing(open_to_look(live(path))) as connection:
        return str(connection.execute(QUERIES["get_appliance_id"].sql).fetchone()[0])


def ledger_end_of(path: Path) -> datetime | None:
    """Give the instant after which the ledger has lost what happened; None where it has not.

    It was restored from a backup of that instant, and nobody has judged yet what happened since.

    Raises:
        DatabaseUnusableError: it is missing, damaged or not ours.
        StoreError: the system does not let it be read.
    """
    schema_of(path)
    with looking(path), closing(open_to_look(live(path))) as connection:
        end_ms = connection.execute(QUERIES["get_ledger_end"].sql).fetchone()[0]
    return None if end_ms is None else from_ms(end_ms)


def require_sound(path: Path) -> None:
    """Make sure that the database at `path` is sound in itself.

    Raises:
        DatabaseUnusableError: it is missing, damaged or not ours.
        StoreError: the system does not let it be read.
    """
    probe(path)
    _require_sound_log(path)
    with looking(path), closing(open_to_look(live(path))) as connection:
        # What the rows may hold is checked when they are written; checking it again takes ten
        # times as long as all the rest.
        connection.execute("PRAGMA ignore_check_constraints = ON")
        _require_ok(path, connection, "PRAGMA quick_check")


def never() -> bool:
    """Go on without a pause: a pace."""
    return False


def require_sound_throughout(path: Path, pace: Pace = never) -> None:
    """Make sure that the database at `path` is sound, down to its indexes and constraints.

    Raises:
        DatabaseUnusableError: it is missing, damaged or not ours.
        StoreError: the system does not let it be read, or the check was given up.
    """
    probe(path)
    _require_sound_log(path)
    with looking(path), closing(open_to_look(live(path))) as connection:
        connection.set_progress_handler(pace, _PACED_EVERY)
        _require_ok(path, connection, "PRAGMA integrity_check")
        orphaned = {str(row[0]) for row in connection.execute("PRAGMA foreign_key_check")}
        if orphaned:
            raise DatabaseDamagedError(path, f"orphaned rows in {', '.join(sorted(orphaned))}")


def require_descent(path: Path, backup: Path) -> None:
    """Make sure that the database at `path` holds what the good `backup` of it held, or newer.

    It notices what no check of the file alone can: a byte that turned over in a text, a log that
    is gone with the last changes in it.

    Raises:
        DatabaseDamagedError: it does not.
        StoreError: the system does not let one of them be read.
    """
    with looking(path), closing(open_to_look(live(path))) as connection:
        connection.execute("ATTACH ? AS saved", [still(backup)])
        if _schema(connection, "main") != _schema(connection, "saved"):
            return
        found = list(_contradictions(connection))
    if found:
        raise DatabaseDamagedError(path, "; ".join(found))


def _schema(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}.user_version").fetchone()[0])


def _contradictions(connection: sqlite3.Connection) -> Iterator[str]:
    (back,) = connection.execute(QUERIES["count_steps_back"].sql).fetchone()
    if back:
        yield "it is older than its newest backup"
    for name, meaning in _CONTRADICTIONS.items():
        keys = [str(row[0]) for row in connection.execute(QUERIES[name].sql).fetchmany(SHOWN + 1)]
        if keys:
            more = ", ..." if len(keys) > SHOWN else ""
            yield f"{meaning}: {', '.join(keys[:SHOWN])}{more}"


def _require_sound_log(path: Path) -> None:
    """See a log that SQLite never wrote; SQLite itself would leave it out without a word."""
    try:
        with log_of(path).open("rb") as log:
            header = log.read(_WAL_HEADER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"look at the log of {path}: {error.strerror}") from error
    # A power cut may leave a log that is shorter, or zeros: nothing in it had been acknowledged.
    if len(header) == _WAL_HEADER and any(header) and header[:4] not in _WAL_MAGIC:
        raise DatabaseDamagedError(path, "its log is not one of SQLite's")


def _require_ok(path: Path, connection: sqlite3.Connection, check: str) -> None:
    complaints = [str(row[0]) for row in connection.execute(check).fetchmany(SHOWN)]
    if complaints != ["ok"]:
        raise DatabaseDamagedError(path, "; ".join(complaints))
