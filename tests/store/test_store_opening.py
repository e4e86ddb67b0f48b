"""Which files the store opens, which it refuses, and that a refused file is left as it was."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tallyd.ports.store import StoreError
from tallyd.store import (
    DatabaseDamagedError,
    DatabaseForeignError,
    DatabaseMissingError,
    DatabaseOldError,
    DatabaseTooNewError,
    initialise,
    migrate,
    open_store,
)
from tallyd.store.connection import APPLICATION_ID, READING, WRITING, connect
from tallyd.store.migrate import SCHEMA_VERSION, check


def change(path: Path, *statements: str) -> None:
    """Change a database behind the store's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def contents(directory: Path) -> dict[str, bytes]:
    """Give every file of a directory with its bytes."""
    return {file.name: file.read_bytes() for file in directory.iterdir()}


async def open_and_close(path: Path) -> None:
    """Open the store and do nothing."""
    async with open_store(path):
        pass


@pytest.mark.parametrize("pragmas", [WRITING, READING])
def test_a_connection_keeps_every_pragma(database, pragmas):
    """Durability is what SQLite says it does, not what it was asked for."""
    with closing(connect(database, pragmas)) as connection:
        kept = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas}
    assert kept == pragmas
    assert kept["journal_mode"] == "wal"
    assert kept["synchronous"] == 2
    assert kept["foreign_keys"] == 1


@pytest.mark.parametrize("pragma", [{"synchronos": 2}, {"page_size": 1000}])
def test_a_pragma_that_is_not_taken_is_an_error(database, pragma):
    """A pragma that SQLite ignores in silence does not pass for one that it keeps."""
    with pytest.raises(StoreError, match=next(iter(pragma))):
        connect(database, pragma)


async def test_a_reading_connection_cannot_write(store, database):
    """What only reads is not able to change anything by mistake."""
    with closing(connect(database, READING)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM targets")
    async with store.read() as reader:
        assert len(await reader.targets()) == 1


async def test_the_file_says_what_it_is(database):
    """The header shows WAL, our application id and the schema, to file(1) and to a stranger."""
    await open_and_close(database)
    header = database.read_bytes()[:100]
    assert header[18:20] == b"\x02\x02"
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == SCHEMA_VERSION


async def test_closing_leaves_one_file(database):
    """Once the last process has gone there is no log left beside the database."""
    await open_and_close(database)
    assert [file.name for file in database.parent.iterdir()] == [database.name]


async def test_a_missing_database_is_not_made_up(tmp_path):
    """A database that has gone is an error, not a new and empty appliance."""
    path = tmp_path / "tallyd.db"
    with pytest.raises(DatabaseMissingError):
        await open_and_close(path)
    with pytest.raises(DatabaseMissingError):
        migrate(path)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda path: path.write_bytes(b""), DatabaseDamagedError),
        (lambda path: path.write_bytes(b"\x00" * 8192), DatabaseDamagedError),
        (lambda path: path.write_bytes(b"not a database at all " * 99), DatabaseDamagedError),
        (lambda path: path.write_bytes(path.read_bytes()[:5000]), DatabaseDamagedError),
        (lambda path: change(path, "PRAGMA user_version = 0"), DatabaseDamagedError),
        (lambda path: change(path, "DELETE FROM meta"), DatabaseDamagedError),
        (lambda path: change(path, "DROP TABLE meta"), DatabaseDamagedError),
        (lambda path: change(path, "PRAGMA application_id = 77"), DatabaseForeignError),
    ],
    ids=["empty", "zeroed", "garbage", "truncated", "version", "meta", "table", "foreign"],
)
async def test_a_file_that_is_no_database_of_ours_is_left_alone(database, damage, error):
    """Damage and other people's databases are told apart, refused, and not touched."""
    damage(database)
    before = contents(database.parent)
    with pytest.raises(error) as caught:
        await open_and_close(database)
    with pytest.raises(error):
        migrate(database)
    assert caught.value.path == database
    assert str(database) in str(caught.value)
    assert contents(database.parent) == before


async def test_a_database_of_the_future_is_left_alone(database):
    """After a roll-back to an older release the newer data is refused, and not a byte changes."""
    future = SCHEMA_VERSION + 2
    change(
        database,
        f"PRAGMA user_version = {future}",
        "UPDATE meta SET compat_version = 1000",
    )
    before = contents(database.parent)
    with pytest.raises(DatabaseTooNewError) as caught:
        await open_and_close(database)
    with pytest.raises(DatabaseTooNewError):
        migrate(database)
    assert (caught.value.version, caught.value.known) == (future, SCHEMA_VERSION)
    assert contents(database.parent) == before


async def test_a_database_of_the_future_is_left_alone_with_its_log(database, tmp_path):
    """Looking does not tidy up: what a newer release left in its log stays there."""
    copied = tmp_path / "copy"
    copied.mkdir()
    with closing(sqlite3.connect(database, isolation_level=None)) as newer:
        newer.execute("PRAGMA user_version = 99")
        newer.execute("UPDATE meta SET compat_version = 99")
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", copied)
    before = contents(copied)
    with pytest.raises(DatabaseTooNewError):
        await open_and_close(copied / database.name)
    after = contents(copied)
    assert {name: after[name] for name in before} == before


async def test_a_newer_database_that_allows_us_is_opened(database):
    """A newer release that only added something can be rolled back."""
    change(database, "PRAGMA user_version = 99")
    assert migrate(database) == ()
    async with open_store(database) as store, store.read() as reader:
        assert await reader.revision() == 0


async def test_an_older_database_waits_for_the_daemon(database):
    """Only the daemon migrates: everyone else is told to wait, and changes nothing."""
    before = contents(database.parent)
    with pytest.raises(DatabaseOldError) as caught:
        check(database, SCHEMA_VERSION + 1)
    assert (caught.value.version, caught.value.known) == (SCHEMA_VERSION, SCHEMA_VERSION + 1)
    assert contents(database.parent) == before


@pytest.mark.parametrize("call", [initialise, migrate])
def test_what_the_system_refuses_is_a_store_error(tmp_path, call):
    """A path through something that is no directory fails with a sentence, not a traceback."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        call(tmp_path / "file" / "tallyd.db")


async def test_a_directory_is_no_database(tmp_path):
    """A directory in the place of the database is refused with a sentence."""
    with pytest.raises(StoreError, match=tmp_path.name):
        await open_and_close(tmp_path)
    with pytest.raises(StoreError, match=tmp_path.name):
        connect(tmp_path, WRITING)


@pytest.mark.parametrize("name", ["tally d.db", "täll?y#1%20.db", "a&mode=memory.db"])
async def test_any_file_name_will_do(tmp_path, name):
    """Characters that mean something in a URI mean nothing in the name of the database."""
    path = tmp_path / name
    assert initialise(path)
    await open_and_close(path)
    assert [file.name for file in tmp_path.iterdir()] == [name]
