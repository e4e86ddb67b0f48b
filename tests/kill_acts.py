"""What is done to an installation's database while somebody kills whoever does it."""

import itertools
import shutil
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import anyio

from database_rig import NOON, Installation, book
from tallyd.bookings.entries import Asked, EntryBookings, OnAir
from tallyd.domain.accounts import Caller, Role
from tallyd.domain.model import Run
from tallyd.domain.resolution import Resolution
from tallyd.domain.window import Window
from tallyd.ports.store import StoreError
from tallyd.state_dir import StateDir
from tallyd.store import SqliteStore, durable, open_store
from tallyd.store.backup import write_copy
from tallyd.store.connection import WRITING, connect
from tallyd.store.generations import Generation
from tallyd.store.migrate import MIGRATIONS, Migration, migrate

Acknowledge = Callable[[str], None]

ATTEMPTS = 5
HOUR = Window(NOON, NOON + timedelta(hours=1))

BY_ADA = Asked(Caller(1, "ada", Role.OPERATOR), "channels.one")
REPLACE = Resolution.REPLACE
PLAYLIST = "f" * 32

NEXT = Migration(
    MIGRATIONS[-1].number + 1,
    "ALTER TABLE schedules ADD COLUMN colour TEXT;\n"
    "UPDATE schedules SET colour = 'blue';\n"
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT) STRICT;\n"
    "INSERT INTO notes SELECT id, name FROM schedules;\n",
)


def installation(directory: Path) -> Installation:
    """Give the installation in a directory."""
    return Installation(StateDir(directory))


def commit(directory: Path, acknowledge: Acknowledge) -> None:
    """Book three things, each acknowledged once it is committed."""
    with closing(connect(directory / "tallyd.db", WRITING)) as connection:
        for name in ("One", "Two", "Three"):
            book(connection, name)
            acknowledge(name)


def commit_without_journal(directory: Path, acknowledge: Acknowledge) -> None:
    """Book the same without a log: what a kill leaves is not whole."""
    with closing(connect(directory / "tallyd.db", {"journal_mode": "off"})) as connection:
        for name in ("One", "Two", "Three"):
            book(connection, name)
            acknowledge(name)


def migration(directory: Path, acknowledge: Acknowledge) -> None:
    """Save the database, then bring it to the next schema."""
    house = installation(directory)
    house.backups.make(house.now())
    acknowledge("saved")
    migrate(house.state.database, [*MIGRATIONS, NEXT])
    acknowledge("migrated")


def backup(directory: Path, acknowledge: Acknowledge) -> None:
    """Make a generation."""
    house = installation(directory)
    acknowledge(house.backups.make(house.now()).name)


def backup_in_place(directory: Path, acknowledge: Acknowledge) -> None:
    """Write a backup under its final name at once, over the one that is there."""
    house = installation(directory)
    (newest, *_) = house.backups.generations()
    path = house.backups.path_of(newest)
    path.unlink()
    with closing(connect(house.state.database, WRITING)) as connection:
        write_copy(connection, house.state.database, path, house.now())
    acknowledge(Generation(newest.serial, newest.made_at, newest.digest).name)


def boot(directory: Path, acknowledge: Acknowledge) -> None:
    """Start as a daemon does, and mend what has to be mended."""
    installation(directory).boot()
    acknowledge("ready")


def restore_in_place(directory: Path, acknowledge: Acknowledge) -> None:
    """Copy a backup over the damaged database, as one would by hand."""
    house = installation(directory)
    (newest, *_) = house.backups.generations()
    shutil.copyfile(house.backups.path_of(newest), house.state.database)
    acknowledge("ready")


def commit_endlessly(directory: Path, acknowledge: Acknowledge) -> None:
    """Book until the plug is pulled, as the store does."""
    _book_endlessly(directory, acknowledge, WRITING)


def commit_carelessly(directory: Path, acknowledge: Acknowledge) -> None:
    """Book until the plug is pulled, and never wait for the disk."""
    _book_endlessly(directory, acknowledge, {"journal_mode": "wal", "synchronous": 0})


def _book_endlessly(
    directory: Path, acknowledge: Acknowledge, pragmas: Mapping[str, int | str]
) -> None:
    with closing(connect(directory / "tallyd.db", pragmas)) as connection:
        for number in itertools.count():
            book(connection, f"Number {number}")
            acknowledge(f"Number {number}")


def commit_and_checkpoint(directory: Path, acknowledge: Acknowledge) -> None:
    """Book a dozen things as the store does, the log being brought in and begun anew meanwhile."""
    _book_a_dozen(directory, acknowledge, WRITING)


def commit_and_checkpoint_carelessly(directory: Path, acknowledge: Acknowledge) -> None:
    """Do the same, and never wait for the disk."""
    _book_a_dozen(directory, acknowledge, {"journal_mode": "wal", "synchronous": 0})


def _book_a_dozen(
    directory: Path, acknowledge: Acknowledge, pragmas: Mapping[str, int | str]
) -> None:
    brought_in = {3: "PASSIVE", 6: "RESTART", 9: "TRUNCATE"}
    with closing(connect(directory / "tallyd.db", pragmas)) as connection:
        for number in range(12):
            book(connection, f"Number {number}")
            acknowledge(f"Number {number}")
            if number in brought_in:
                connection.execute(f"PRAGMA wal_checkpoint({brought_in[number]})").fetchall()


def backup_endlessly(directory: Path, acknowledge: Acknowledge) -> None:
    """Book and save until the plug is pulled."""
    house = installation(directory)
    for number in itertools.count():
        house.book(f"Number {number}")
        acknowledge(house.backups.make(house.now()).name)


def backup_carelessly(directory: Path, acknowledge: Acknowledge) -> None:
    """Save until the plug is pulled, and never wait for the disk."""
    durable.sync = lambda _path: None
    house = installation(directory)
    while True:
        acknowledge(house.backups.make(house.now()).name)


def store_commits(directory: Path, acknowledge: Acknowledge) -> None:
    """Write rows as the daemon does: what was not stored for sure is written again."""

    async def until_stored(store: SqliteStore, run: Run) -> None:
        for _ in range(ATTEMPTS):
            with suppress(StoreError):
                await _store(store, run)
                return
        raise StoreError("given up")

    anyio.run(_write_rows, directory, acknowledge, until_stored)


def store_commits_unchecked(directory: Path, acknowledge: Acknowledge) -> None:
    """Acknowledge a row whatever the store said."""

    async def carelessly(store: SqliteStore, run: Run) -> None:
        with suppress(StoreError):
            await _store(store, run)

    anyio.run(_write_rows, directory, acknowledge, carelessly)


async def _write_rows(
    directory: Path,
    acknowledge: Acknowledge,
    write: Callable[[SqliteStore, Run], Awaitable[None]],
) -> None:
    async with open_store(directory / "tallyd.db") as store:
        for slot in ("One", "Two", "Three", "Four"):
            await write(store, Run(0, "rooms.aula", slot, HOUR, 1, slot))
            acknowledge(slot)


async def _store(store: SqliteStore, run: Run) -> None:
    async with store.write() as tx:
        await tx.insert_runs([run])


def range_delete(directory: Path, acknowledge: Acknowledge) -> None:
    """Withdraw three of the entries of a channel in one go."""

    async def work(entries: EntryBookings) -> None:
        period = Window(NOON + HOUR.length, NOON + 4 * HOUR.length)
        count = await entries.remove_range(BY_ADA, period, OnAir.CUT)
        acknowledge(f"deleted {count}")

    anyio.run(_with_entries, directory, work)


def playlist_add(directory: Path, acknowledge: Acknowledge) -> None:
    """Book a playlist of three in one go, in the place of what stands there."""

    async def work(entries: EntryBookings) -> None:
        start = NOON + HOUR.length
        booked = await entries.add_playlist(replace(BY_ADA, how=REPLACE), PLAYLIST, start)
        acknowledge(f"booked {len(booked)}")

    anyio.run(_with_entries, directory, work)


def range_delete_one_by_one(directory: Path, acknowledge: Acknowledge) -> None:
    """Withdraw the same three, each by itself."""

    async def work(entries: EntryBookings) -> None:
        for number in (1, 2, 3):
            await entries.remove(BY_ADA, f"{number:032x}")
        acknowledge("deleted 3")

    anyio.run(_with_entries, directory, work)


class _StoppedClock:
    """A clock that shows noon."""

    def now(self) -> datetime:
        return NOON


async def _with_entries(directory: Path, work: Callable[[EntryBookings], Awaitable[None]]) -> None:
    async with open_store(directory / "tallyd.db") as store:
        nudge = lambda: None  # noqa: E731 - nobody listens
        await work(EntryBookings(store, _StoppedClock(), nudge, (), HOUR.length))


ACTS: dict[str, Callable[[Path, Acknowledge], None]] = {
    act.__name__: act
    for act in (
        commit,
        commit_without_journal,
        migration,
        backup,
        backup_in_place,
        boot,
        restore_in_place,
        commit_endlessly,
        commit_carelessly,
        commit_and_checkpoint,
        commit_and_checkpoint_carelessly,
        backup_endlessly,
        backup_carelessly,
        store_commits,
        store_commits_unchecked,
        range_delete,
        playlist_add,
        range_delete_one_by_one,
    )
}
"""By name."""
