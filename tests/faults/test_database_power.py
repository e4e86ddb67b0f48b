"""Rows 18 and 21 of the fault catalogue: the plug is pulled while the database is written."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest

from database_rig import DAMAGES, Installation, booked, install, is_whole
from disk_rig import HAS_DISKS, Disk, disk
from kill_acts import NEXT, installation
from kill_rig import Ending, Killer, killer
from tallyd.state_dir import StateDir

pytestmark = [
    pytest.mark.skipif(not HAS_DISKS or which("strace") is None, reason="needs root and ext4"),
    pytest.mark.timeout(600),
]

FULL = os.environ.get("FULL_FAULTS") == "1"
CUTS = 200 if FULL else 8
TRIES = 20
"""So often a control may try at most; most often once is enough."""

BEFORE = [f"Lecture {number}" for number in range(20)]


@pytest.fixture(scope="module", name="deadly")
def _deadly() -> Iterator[Killer]:
    """Give what runs the acts."""
    with killer() as made:
        yield made


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Give a disk."""
    with disk(tmp_path_factory.mktemp("machine")) as made:
        yield made


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation, to be copied to the disk before each cut."""
    made = install(tmp_path / "state", *BEFORE)
    made.backups.make(made.now())
    return made


def cut(
    machine: Disk, deadly: Killer, prepared: Installation, act: str, longest_s: float
) -> tuple[Installation, Ending]:
    """Begin an act, pull the plug in the midst of it, and plug in again."""
    shutil.rmtree(machine.path / "state", ignore_errors=True)
    shutil.copytree(prepared.state.path, machine.path / "state")
    machine.sync()
    pid = deadly.begin(act, machine.path / "state")
    time.sleep(random.uniform(0.0, longest_s))  # noqa: S311 - any moment will do
    # Nothing may be acknowledged when the plug is out already. What has ended cannot be stopped.
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(0.001)
    machine.lose_power()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    ending = deadly.end()
    machine.unplug()
    machine.plug_in()
    return installation(machine.path / "state"), ending


def test_row_18_no_acknowledged_change_is_lost(
    machine: Disk, deadly: Killer, house: Installation
) -> None:
    """Row 18: whenever the power goes, what was acknowledged is there, whole, and nothing else."""
    acknowledged = 0
    for number in range(CUTS):
        found, ending = cut(machine, deadly, house, "commit_endlessly", 0.3)
        ready = found.boot()
        assert ready.restoration is None, number
        assert is_whole(found.state.database), number
        kept = found.booked()[len(BEFORE) :]
        assert kept[: len(ending.acknowledged)] == list(ending.acknowledged), number
        assert len(kept) <= len(ending.acknowledged) + 1, number
        acknowledged += len(ending.acknowledged)
    assert acknowledged > CUTS


def test_row_18_control_without_waiting_for_the_disk_changes_are_lost(
    machine: Disk, deadly: Killer, house: Installation
) -> None:
    """Row 18, control: the same cuts lose changes where SQLite does not wait for the disk."""
    lost = 0
    for _ in range(TRIES):
        found, ending = cut(machine, deadly, house, "commit_carelessly", 0.3)
        found.boot()
        lost += len(ending.acknowledged) - (len(found.booked()) - len(BEFORE))
        if lost:
            break
    assert lost > 0


def test_row_21_a_power_cut_during_a_backup(
    machine: Disk, deadly: Killer, house: Installation
) -> None:
    """Row 21: the backups of before are whole, so is each that was acknowledged, none is half."""
    for number in range(CUTS // 2):
        found, ending = cut(machine, deadly, house, "backup_endlessly", 0.2)
        assert found.boot().restoration is None, number
        generations = found.backups.generations()
        for generation in generations:
            found.backups.verify(generation, found.state.appliance_id())
        newest = int(ending.acknowledged[-1].split("-")[0]) if ending.acknowledged else 1
        assert generations[0].serial in {newest, newest + 1}, number
        assert not list(found.state.backups.glob(".new-*")), number


def test_row_21_control_backups_that_are_not_synced_are_lost(
    machine: Disk, deadly: Killer, house: Installation
) -> None:
    """Row 21, control: the same cuts spoil backups that were only renamed."""
    spoilt = 0
    for _ in range(TRIES):
        found, ending = cut(machine, deadly, house, "backup_carelessly", 0.3)
        good = {
            each.name
            for each in found.backups.generations()
            if booked_or_nothing(found.backups.path_of(each))
        }
        spoilt += len(set(ending.acknowledged[-10:]) - good)
        if spoilt:
            break
    assert spoilt > 0


def booked_or_nothing(path: Path) -> list[str]:
    """Give what a backup holds; nothing where it cannot be read."""
    try:
        return booked(path)
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return []


@pytest.mark.parametrize("damage", ["header zeroed", "gone"])
def test_a_power_cut_during_a_restore(
    machine: Disk, deadly: Killer, house: Installation, damage: str
) -> None:
    """The next start ends what was begun, and knows from when on the ledger has a gap."""
    DAMAGES[damage](house.state.database)
    for number in range(CUTS // 4):
        found, _ = cut(machine, deadly, house, "boot", 0.04)
        ready = found.boot()
        assert found.booked() == BEFORE, number
        assert ready.ledger_ends is not None, number


def test_row_6_a_power_cut_during_a_migration(
    machine: Disk, deadly: Killer, house: Installation
) -> None:
    """Row 6: the old schema or the new one, and every schedule in it."""
    versions = set()
    for number in range(CUTS // 4):
        found, _ = cut(machine, deadly, house, "migration", 0.06)
        assert booked(found.state.database) == BEFORE, number
        header = found.state.database.read_bytes()[60:64]
        versions.add(int.from_bytes(header, "big"))
        newest = Installation(StateDir(found.state.path)).backups.newest_good(None)
        assert newest is not None, number
    assert versions <= {NEXT.number - 1, NEXT.number}
