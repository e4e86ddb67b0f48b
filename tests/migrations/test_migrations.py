"""How a database comes to be and grows up: whole, once, and the same by every way."""

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from importlib.resources import files

import pytest

from tallyd.ports.store import StoreError
from tallyd.store import initialise, migrate
from tallyd.store.connection import READING, connect
from tallyd.store.migrate import (
    FILE_NAME,
    MIGRATIONS,
    SCHEMA_VERSION,
    Migration,
    check,
    statements,
)

NEXT = Migration(
    SCHEMA_VERSION + 1,
    """
    -- A comment; with a semicolon.
    CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL DEFAULT ';') STRICT;
    CREATE TRIGGER notes_count AFTER INSERT ON notes BEGIN
      UPDATE meta SET revision = revision + 1;
      UPDATE meta SET revision = revision + 1;
    END;
    INSERT INTO notes DEFAULT VALUES;
    """,
)
LATER = (*MIGRATIONS, NEXT)

SHIPPED = (
    "8d7f0a8e3cf48082e541aee298c6a91ce1d7e99b8633694e35a9ce4f47779aa1",
    "99e580b51d848c26180a98939ee7bf1b0a445cd586258cd6d045ba832f7ac5d8",
    "264d61370a93934c81f8b2cb49f0de1b292429a79f9bf1eab05aca5a39d0b35a",
    "924b45434d65ea30d5d5388b5dbc6308ae4170bdd892b826b132772ac0b1e806",
    "0cf3fe56443197381ccb7b95a43cbbb3a45a6355dc90d1685ae2599d791d09c7",
)
"""The SHA-256 of each migration; a new one is added here with the release that brings it."""


def dump(path):
    """Give everything that a database says of itself, its rows included, less whose it is."""
    with closing(connect(path, READING)) as connection:
        header = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        ]
        (own,) = connection.execute("SELECT appliance_id FROM meta").fetchone()
        return [*header, *(line.replace(own, "") for line in connection.iterdump())]


@pytest.fixture
def database(tmp_path):
    """Give the path of a new database."""
    path = tmp_path / "tallyd.db"
    initialise(path)
    return path


def test_files_are_named_and_numbered_in_a_row():
    """A migration that is misnamed or skipped would never be applied."""
    names = [file.name for file in files("tallyd.store").joinpath("migrations").iterdir()]
    assert all(FILE_NAME.fullmatch(name) for name in names)
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(names) + 1))


def test_a_migration_never_changes():
    """A database that has been through one would never see what was changed in it afterwards."""
    digests = [sha256(migration.script.encode()).hexdigest() for migration in MIGRATIONS]
    assert digests == list(SHIPPED)


def test_a_new_database_is_whole(tmp_path):
    """Creating leaves the newest schema, sound, and nothing beside it."""
    path = tmp_path / "tallyd.db"
    assert initialise(path) is True
    assert [file.name for file in tmp_path.iterdir()] == ["tallyd.db"]
    check(path)
    with closing(connect(path, READING)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_what_is_there_is_never_created_over(tmp_path):
    """A file in the place of the database is left alone, whatever it holds."""
    path = tmp_path / "tallyd.db"
    path.write_bytes(b"")
    assert initialise(path) is False
    assert [file.name for file in tmp_path.iterdir()] == ["tallyd.db"]
    assert path.read_bytes() == b""


def test_many_create_and_one_does(tmp_path):
    """The daemon and a first booking may create the database at once: one of them does."""
    path = tmp_path / "tallyd.db"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(initialise, [path] * 8))
    assert sorted(made) == [False] * 7 + [True]
    check(path)


def test_a_creation_that_fails_leaves_nothing(tmp_path):
    """A broken step leaves no half of a database behind."""
    with pytest.raises(StoreError, match="create"):
        initialise(tmp_path / "tallyd.db", [*MIGRATIONS, Migration(2, "SELECT * FROM nothing;")])
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_migrated_once(database):
    """The second start after an upgrade finds nothing to do, and the first did all."""
    assert migrate(database, LATER) == (NEXT.number,)
    after = dump(database)
    assert migrate(database, LATER) == ()
    assert dump(database) == after
    check(database, NEXT.number)


def test_migrated_is_the_same_as_new(database, tmp_path):
    """An appliance that was upgraded holds what a new one holds."""
    migrate(database, LATER)
    fresh = tmp_path / "fresh.db"
    initialise(fresh, LATER)
    assert dump(database) == dump(fresh)


@pytest.mark.parametrize("number", range(1, SCHEMA_VERSION))
def test_every_earlier_release_can_be_upgraded(tmp_path, number):
    """However old the appliance, what it holds after the upgrade is what a new one holds."""
    old, fresh = tmp_path / "old.db", tmp_path / "fresh.db"
    initialise(old, MIGRATIONS[:number])
    assert migrate(old) == tuple(range(number + 1, SCHEMA_VERSION + 1))
    initialise(fresh)
    assert dump(old) == dump(fresh)


def test_the_present_release_changes_nothing_by_migrating(database):
    """Opening twice is opening once."""
    before = dump(database)
    assert migrate(database) == ()
    assert migrate(database) == ()
    assert dump(database) == before


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("CREATE TABLE a (b); CREATE TABLE meta (c);", "one statement"),
        ("CREATE TABLE a (b);\nCREATE TABLE meta (c);", "already exists"),
        ("CREATE TABLE a (b);\nCREATE TABLE", "does not end"),
        (
            "INSERT INTO overrides VALUES (4711, '@1', 1, NULL, 0);\n",
            "1 orphaned",
        ),
    ],
)
def test_a_step_that_fails_changes_nothing(database, broken, message):
    """A database is at one version or at the next, never between."""
    before = dump(database)
    with pytest.raises(StoreError, match=message):
        migrate(database, [*MIGRATIONS, Migration(NEXT.number, broken)])
    assert dump(database) == before


def test_steps_before_a_broken_one_stay(database):
    """Each step is durable by itself: the next start goes on from where it broke."""
    broken = Migration(NEXT.number + 1, "SELECT * FROM nothing;")
    with pytest.raises(StoreError):
        migrate(database, [*LATER, broken])
    check(database, NEXT.number)


def test_statements_end_where_sqlite_says():
    """Semicolons in comments, text and triggers do not cut a statement."""
    found = list(statements(NEXT.script))
    assert [re.findall(r"CREATE \w+|INSERT", statement)[0] for statement in found] == [
        "CREATE TABLE",
        "CREATE TRIGGER",
        "INSERT",
    ]
    with closing(sqlite3.connect(":memory:")) as connection:
        assert all(sqlite3.complete_statement(statement) for statement in found)
        connection.execute(found[0])
