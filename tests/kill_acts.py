"""What is done to an installation's database while somebody kills whoever does it."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from database_rig import Installation, book
from tallyd.state_dir import StateDir
from tallyd.store.backup import write_copy
from tallyd.store.connection import WRITING, connect
from tallyd.store.generations import Generation
from tallyd.store.migrate import MIGRATIONS, Migration, migrate

Acknowledge = Callable[[str], None]

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
    write_copy(house.state.database, path, house.now(), lambda file: connect(file, WRITING))
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
    )
}
"""By name."""
