"""Rows 31, 36 and 37 of the fault catalogue: a disk that is full, that fails, that is read-only."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from shutil import which

import pytest

from database_rig import Installation, book, install, is_whole
from disk_rig import HAS_DISKS, fill, remount, small_disk
from kill_acts import installation
from kill_rig import Killer, killer
from tallyd.ports.store import StoreError
from tallyd.state_dir import StateDirError
from tallyd.store.wal import RESERVED_BYTES, reserve

MANY = 100
needs_disks = pytest.mark.skipif(not HAS_DISKS, reason="needs root, to mount")


@pytest.fixture(name="small")
def _small(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 16 MB."""
    with small_disk(tmp_path / "small", 16) as path:
        yield path


def stored_on_a_full_disk(house: Installation, disk: Path) -> int:
    """Fill the disk of an open database; gives how many bookings it still takes, of many."""
    stored = 0
    with closing(house.open()) as connection:
        fill(disk)
        with suppress(sqlite3.OperationalError):
            for number in range(MANY):
                book(connection, f"Number {number}")
                stored += 1
        (disk / "ballast").unlink()
    return stored


@needs_disks
def test_row_31_a_full_disk_takes_changes_in_the_room_kept_for_them(small: Path) -> None:
    """Row 31: a hundred bookings are stored on a disk without a free byte, and stay."""
    house = install(small / "state", "Before")
    with closing(house.open()):
        reserve(house.state.database)
        assert stored_on_a_full_disk(house, small) == MANY
    assert house.boot().restoration is None
    assert len(house.booked()) == 1 + MANY
    assert is_whole(house.state.database)


@needs_disks
def test_row_31_control_without_that_room_it_takes_none(small: Path) -> None:
    """Row 31, control: else a full disk refuses within a few bookings; nothing is torn by it."""
    house = install(small / "state", "Before")
    assert stored_on_a_full_disk(house, small) < MANY // 2
    assert is_whole(house.state.database)
    assert house.boot().restoration is None


@needs_disks
def test_row_31_backups_and_restores_wait_for_room(small: Path) -> None:
    """Row 31: on a full disk a backup leaves nothing; a restore ends once there is room."""
    house = install(small / "state", "Before")
    house.backups.make(house.now())
    ballast = fill(small)
    names = sorted(path.name for path in house.state.backups.iterdir())
    with pytest.raises(StoreError):
        house.backups.make(house.now())
    assert sorted(path.name for path in house.state.backups.iterdir()) == names
    house.state.database.unlink()
    fill(small)
    for _ in range(2):
        with pytest.raises(StoreError):
            house.boot()
    ballast.unlink()
    assert house.boot().restoration is not None
    assert house.booked() == ["Before"]


@needs_disks
def test_the_room_is_kept_once(small: Path) -> None:
    """What is reserved is not reserved again, and a disk without room says so."""
    house = install(small / "state", "Before")
    with closing(house.open()) as connection:
        connection.execute("SELECT * FROM meta").fetchall()
        fill(small)
        with pytest.raises(StoreError, match="keep room"):
            reserve(house.state.database)
        (small / "ballast").unlink()
        for _ in range(2):
            reserve(house.state.database)
            log = house.state.database.with_name("tallyd.db-wal")
            assert log.stat().st_size == RESERVED_BYTES
        book(connection, "After")
    assert house.booked() == ["Before", "After"]
    with pytest.raises(StoreError):
        reserve(house.state.database)


@needs_disks
def test_row_37_a_read_only_disk_is_no_damage(small: Path) -> None:
    """Row 37: the daemon does not start on it and says why; what is whole is not mended."""
    house = install(small / "state", "Before")
    house.backups.make(house.now())
    remount(small, "ro")
    with pytest.raises((StoreError, StateDirError), match="Read-only"):
        house.boot()
    remount(small, "rw")
    assert house.boot().restoration is None
    assert house.booked() == ["Before"]


@needs_disks
def test_row_37_control_what_is_damaged_is_mended_there(small: Path) -> None:
    """Row 37, control: the same start restores a backup where the file, not the disk, is bad."""
    house = install(small / "state", "Before")
    house.backups.make(house.now())
    house.state.database.write_bytes(b"not a database" * 100)
    remount(small, "ro")
    with pytest.raises((StoreError, StateDirError)):
        house.boot()
    remount(small, "rw")
    assert house.boot().restoration is not None
    assert house.booked() == ["Before"]


@pytest.fixture(scope="module", name="deadly")
def _deadly() -> Iterator[Killer]:
    """Give what runs acts with faults injected."""
    with killer() as made:
        yield made


FAULTS = [("fdatasync", "EIO"), ("fsync", "EIO")]
ALL = ["One", "Two", "Three", "Four"]
MORE_FAULTS = [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("ftruncate", "EIO")]


def rows(house: Installation) -> list[str]:
    """Give the slots that were written, in order."""
    with closing(sqlite3.connect(house.state.database)) as connection:
        found = connection.execute("SELECT slot FROM runs WHERE schedule_id = 1 ORDER BY id")
        return [slot for (slot,) in found if slot != "@1"]


def failing(
    deadly: Killer, act: str, house: Installation, scratch: Path, faults: list[tuple[str, str]]
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Let each call of some kinds fail in turn; gives what was acknowledged and what is there."""
    counting = scratch / "counting"
    shutil.copytree(house.state.path, counting)
    _, calls = deadly.writes(act, counting)
    for call, error in faults:
        for number in range(1, calls[call] + 1):
            directory = scratch / f"{call}-{error}-{number}"
            shutil.copytree(house.state.path, directory)
            ending = deadly.act(act, directory, f"{call}:error={error}:when={number}")
            found = installation(directory)
            assert found.boot().restoration is None
            yield f"{call} {error} {number}", list(ending.acknowledged), rows(found)


@pytest.mark.skipif(which("strace") is None, reason="needs strace")
def test_row_36_a_failed_fsync_loses_nothing_that_was_acknowledged(
    deadly: Killer, tmp_path: Path
) -> None:
    """Row 36: whichever sync fails, each row is there once and in order, and nothing else is."""
    house = install(tmp_path / "state", "Lecture")
    tried = 0
    for point, acknowledged, there in failing(deadly, "store_commits", house, tmp_path, FAULTS):
        assert acknowledged == there == ALL, point
        tried += 1
    assert tried > 4


@pytest.mark.full_set
@pytest.mark.skipif(which("strace") is None, reason="needs strace")
def test_row_36_nor_does_any_other_write_that_fails(deadly: Killer, tmp_path: Path) -> None:
    """Row 36: where the database cannot even be opened, nothing is acknowledged."""
    house = install(tmp_path / "state", "Lecture")
    for point, told, there in failing(deadly, "store_commits", house, tmp_path, MORE_FAULTS):
        acknowledged = [each for each in told if each in ALL]
        assert there[: len(acknowledged)] == acknowledged, point
        assert there == ALL[: len(there)], point


@pytest.mark.skipif(which("strace") is None, reason="needs strace")
def test_row_36_control_whoever_believes_a_failed_commit_loses_it(
    deadly: Killer, tmp_path: Path
) -> None:
    """Row 36, control: a row acknowledged in spite of the error is not there."""
    house = install(tmp_path / "state", "Lecture")
    act = "store_commits_unchecked"
    lost = [
        point
        for point, acknowledged, there in failing(deadly, act, house, tmp_path, FAULTS)
        if set(acknowledged) - set(there)
    ]
    assert lost


@pytest.mark.parametrize("suspect", [True, False])
def test_damage_found_by_a_thorough_look_is_mended_by_the_next_start(
    tmp_path: Path, *, suspect: bool
) -> None:
    """Row 38: what the quick look at each start does not see is restored once it was seen."""
    house = install(tmp_path / "state", *(f"Lecture {number}" for number in range(20)))
    house.backups.make(house.now())
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute("UPDATE runs SET target = 'rooms.nowhere' WHERE id = 3")
    if suspect:
        house.state.suspect("orphaned rows")
    ready = house.boot()
    assert (ready.restoration is not None) == suspect
    assert is_whole(house.state.database) == suspect
    assert not house.state.is_suspect()
