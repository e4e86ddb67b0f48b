"""Rows 4 and 6 of the fault catalogue: kill -9 at every write of whatever writes the database."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import which

import pytest

from database_rig import DAMAGES, Installation, booked, install, is_whole
from kill_acts import NEXT, installation
from kill_rig import Killer, every_kill, killer
from tallyd.ports.store import StoreError
from tallyd.store.integrity import require_sound

pytestmark = pytest.mark.skipif(which("strace") is None, reason="needs strace")

FULL = os.environ.get("FULL_FAULTS") == "1"
STEP = 1 if FULL else 5
"""The full set kills at each write, the fast one at each fifth."""

BEFORE = [f"Lecture {number}" for number in range(20)]
NEW = ["One", "Two", "Three"]


@pytest.fixture(scope="module", name="deadly")
def _deadly() -> Iterator[Killer]:
    """Give what kills."""
    with killer() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation with lectures and a backup of them."""
    made = install(tmp_path / "state", *BEFORE)
    made.backups.make(made.now())
    return made


def schema(path: Path) -> tuple[int, bool, bool]:
    """Give a database's version, and whether what the next one brings is there."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(schedules)")]
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'notes'")
        return version, "colour" in columns, tables.fetchone() is not None


def tidy(directory: Path) -> bool:
    """Tell whether nothing half-made lies about."""
    return not [path for path in directory.rglob(".new-*") if path.is_file()]


def test_row_4_a_kill_at_every_write_of_a_commit(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Row 4: what was acknowledged is there, what was not is there whole or not at all."""
    killed = 0
    for point, directory, ending in every_kill(deadly, "commit", house.state.path, tmp_path, STEP):
        found = installation(directory)
        ready = found.boot()
        assert ready.restoration is None, point
        assert is_whole(found.state.database), point
        kept = found.booked()[len(BEFORE) :]
        assert kept == NEW[: len(kept)], point
        assert len(ending.acknowledged) <= len(kept) <= len(ending.acknowledged) + 1, point
        killed += ending.killed
    assert killed > 20 // STEP


def test_row_4_control_without_a_log_commits_are_torn(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Row 4, control: the same kills tear bookings apart in a database that keeps no log."""
    acts = every_kill(deadly, "commit_without_journal", house.state.path, tmp_path, STEP)
    torn = [point for point, directory, _ in acts if not is_whole(directory / "tallyd.db")]
    assert torn


def test_row_6_a_kill_at_every_write_of_a_migration(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Row 6: the schema is the old or the new one, never between, and the old is beside it."""
    old, seen = (NEXT.number - 1, False, False), set()
    acts = every_kill(deadly, "migration", house.state.path, tmp_path, STEP)
    for point, directory, ending in acts:
        found = installation(directory)
        state = schema(found.state.database)
        assert state in {old, (NEXT.number, True, True)}, point
        assert booked(found.state.database) == BEFORE, point
        if "saved" in ending.acknowledged:
            newest = found.backups.newest_good(found.state.appliance_id())
            assert newest is not None
            assert newest.serial == 2, point
            assert schema(found.backups.path_of(newest)) == old, point
        seen.add(state)
    assert len(seen) == 2


def test_a_kill_at_every_write_of_a_backup(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Before and after there is a good backup, never a bad one, and nothing is left half-made."""
    serials = set()
    for point, directory, ending in every_kill(deadly, "backup", house.state.path, tmp_path, STEP):
        found = installation(directory)
        for generation in found.backups.generations():
            found.backups.verify(generation, found.state.appliance_id())
        newest = found.backups.newest_good(found.state.appliance_id())
        assert newest is not None, point
        assert newest.serial == 2 or not ending.acknowledged, point
        serials.add(newest.serial)
        assert found.boot().restoration is None
        assert tidy(directory), point
        assert found.booked() == BEFORE
    assert serials == {1, 2}


def test_a_kill_at_every_write_of_a_backup_control(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Control: a backup that is written in the place of the last one leaves none when killed."""
    bad = 0
    for _, directory, _ in every_kill(deadly, "backup_in_place", house.state.path, tmp_path, STEP):
        found = installation(directory)
        bad += found.backups.newest_good(found.state.appliance_id()) is None
    assert bad > 0


@pytest.mark.parametrize("damage", [*DAMAGES] if FULL else ["header zeroed", "gone"])
def test_a_kill_at_every_write_of_a_restore(
    deadly: Killer, house: Installation, tmp_path: Path, damage: str
) -> None:
    """The next start ends what was begun: all schedules back, the damaged file still there."""
    DAMAGES[damage](house.state.database)
    rubbish = house.state.database.read_bytes() if house.state.database.exists() else None
    for point, directory, _ in every_kill(deadly, "boot", house.state.path, tmp_path, STEP):
        found = installation(directory)
        ready = found.boot()
        assert found.booked() == BEFORE, point
        assert ready.ledger_ends is not None, point
        assert tidy(directory), point
        if rubbish is not None:
            aside = [path.read_bytes() for path in directory.glob("tallyd.db.damaged-*")]
            assert rubbish in aside, point


def test_a_kill_at_every_write_of_a_restore_control(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Control: a backup copied over the database by hand leaves half of one, nothing kept aside."""
    DAMAGES["header zeroed"](house.state.database)
    broken = 0
    for _, directory, _ in every_kill(deadly, "restore_in_place", house.state.path, tmp_path, STEP):
        found = installation(directory)
        try:
            require_sound(found.state.database)
        except StoreError:
            broken += 1
        assert not list(directory.glob("*.damaged-*"))
    assert broken > 0
