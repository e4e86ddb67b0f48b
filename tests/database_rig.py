"""An installation's database with wishes in it, ways to damage it, and what should become of it."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallyd.app.readiness import Readiness, backups_of, make_ready
from tallyd.state_dir import StateDir
from tallyd.store import Backups
from tallyd.store.connection import WRITING, connect

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
PAGE = 4096

_SCHEDULE = """
INSERT INTO schedules (
  revision, uid, target, name, start_ms, duration_ms, priority, dst_gap, dst_overlap,
  effective_from_ms, created_ms, description, origin, external_id, template, shared_users,
  shared_groups
) SELECT revision, lower(hex(randomblob(16))), 'rooms.aula', :name, 0, 1000, 0, 'shift', 'first',
  0, 0, '', '', '', '{}', '[]', '[]' FROM meta
"""
_RUN = """
INSERT INTO runs (
  schedule_id, slot, target, name, planned_start_ms, planned_stop_ms, status, outcome, sentence
) VALUES (:id, '@' || :id, 'rooms.aula', :name, 0, 1000, 'finished', 'recorded', 'Recorded.')
"""
_PART = """
INSERT INTO parts (
  run_id, number, input, piece_start_ms, piece_stop_ms, token, commanded_at_ms, lead_ms,
  spread_ms, first_data_at_ms, files, bytes
) VALUES (:run, 1, 0, 0, 1000, 'token-' || :run, 0, 0, 0, 5, '[]', 0)
"""
_TARGET = """
INSERT OR IGNORE INTO targets VALUES (
  'rooms.aula', 'Aula', 1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'UTC', 1, 0, 1, NULL
)
"""


@dataclass
class Installation:
    """A state directory in which a daemon would live, and a clock that ticks when it is read."""

    state: StateDir
    time: datetime = NOON

    @property
    def backups(self) -> Backups:
        """Its backups."""
        return backups_of(self.state)

    def now(self) -> datetime:
        """Give the time, a second later than the last time."""
        self.time += timedelta(seconds=1)
        return self.time

    def boot(self) -> Readiness:
        """Do what a daemon does with the database as it starts."""
        with self.state.locked():
            return make_ready(self.state, self.now)

    def open(self) -> sqlite3.Connection:
        """Open the database as the store does."""
        return connect(self.state.database, WRITING)

    def book(self, *names: str) -> None:
        """Book schedules, each in a transaction of its own."""
        with closing(self.open()) as connection:
            book(connection, *names)

    def booked(self) -> list[str]:
        """Give the names of what is booked."""
        return booked(self.state.database)


def book(connection: sqlite3.Connection, *names: str) -> None:
    """Book schedules and write a run of each, in one transaction for each name."""
    for name in names:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_TARGET)
        connection.execute("UPDATE meta SET revision = revision + 1")
        number = connection.execute(_SCHEDULE, {"name": name}).lastrowid
        run = connection.execute(_RUN, {"id": number, "name": name}).lastrowid
        connection.execute(_PART, {"run": run})
        connection.execute("COMMIT")


def booked(path: Path) -> list[str]:
    """Give the names of what is booked in a sound database."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT name FROM schedules ORDER BY id")
        return [name for (name,) in rows]


def install(directory: Path, *names: str) -> Installation:
    """Make an installation with things booked."""
    state = StateDir(directory)
    state.prepare()
    made = Installation(state)
    made.boot()
    made.book(*names)
    return made


def is_whole(path: Path) -> bool:
    """Tell whether each booking in a database is there with all that belongs to it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        counts = {
            connection.execute(count).fetchone()[0]
            for count in (
                "SELECT count(*) FROM schedules",
                "SELECT count(*) FROM runs",
                "SELECT count(*) FROM parts",
            )
        }
        (revision,) = connection.execute("SELECT revision FROM meta").fetchone()
        return (
            connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            and connection.execute("PRAGMA foreign_key_check").fetchall() == []
            and counts == {revision}
        )
    return False


def overwrite(offset: int, data: bytes) -> Callable[[Path], None]:
    """Give what writes over part of a file."""

    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return damage


def damage_page_of(table: str, data: Callable[[], bytes]) -> Callable[[Path], None]:
    """Give what writes over the first leaf of a table that is more than one page."""

    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            (root,) = connection.execute(
                "SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]
            ).fetchone()
        overwrite((root - 1) * PAGE, data())(path)

    return damage


def alter_text(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Give what turns some bytes over in a text: no check of the file alone can see it."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return damage


def truncate_half(path: Path) -> None:
    """Cut a file in the middle, at a page."""
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def make_foreign(path: Path) -> None:
    """Put the database of another program there."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 77")
        connection.execute("CREATE TABLE theirs (a)")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "header zeroed": overwrite(0, bytes(100)),
    "page of rubbish": damage_page_of("schedules", lambda: os.urandom(PAGE)),
    "page of zeros": damage_page_of("runs", lambda: bytes(PAGE)),
    "byte turned in a text": alter_text(b"Lecture 17", b"Lecture 1Z"),
    "rubbish at the beginning": overwrite(0, os.urandom(10 * PAGE)),
    "cut in half": truncate_half,
    "empty": lambda path: os.truncate(path, 0),
    "gone": Path.unlink,
    "of another program": make_foreign,
    "a directory of ours lost": lambda path: path.write_bytes(b"lost+found" * 999),
}
"""Eight kinds of damage and two more, by name."""
