"""Row 22 of the fault catalogue: the disk keeps what it was not asked to keep, in any order."""

import os
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which

import pytest

from database_rig import Installation, install, is_whole
from kill_acts import installation
from kill_rig import Killer, killer
from reorder_rig import Cuts, deeds

pytestmark = pytest.mark.skipif(which("strace") is None, reason="needs strace")

FULL = os.environ.get("FULL_FAULTS") == "1"
STATES = 3_000 if FULL else 150
BEFORE = [f"Lecture {number}" for number in range(20)]


@pytest.fixture(scope="module", name="deadly")
def _deadly() -> Iterator[Killer]:
    """Give what runs the acts."""
    with killer() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation with lectures and a backup of them."""
    made = install(tmp_path / "state", *BEFORE)
    made.backups.make(made.now())
    return made


def cuts(deadly: Killer, house: Installation, act: str, tmp_path: Path) -> Cuts:
    """Do an act once, and give what power cuts in its midst can leave of it."""
    worked_on = tmp_path / "worked-on"
    trace = deadly.trace(act, house.state.path, worked_on)
    return Cuts(house.state.path, deeds(trace, worked_on), random.Random(22))  # noqa: S311 - replayed


def test_row_22_no_order_of_writes_loses_what_was_acknowledged(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Row 22: whatever the disk kept of what it was not asked to sync, the database is whole."""
    acknowledged = 0
    made = cuts(deadly, house, "commit_and_checkpoint", tmp_path)
    for after, promised in made.draw(STATES, tmp_path / "cut"):
        found = installation(tmp_path / "cut")
        assert found.boot().restoration is None, after
        assert is_whole(found.state.database), after
        kept = found.booked()[len(BEFORE) :]
        assert kept[: len(promised)] == list(promised), after
        assert len(kept) <= len(promised) + 1, after
        acknowledged += len(promised)
    assert acknowledged > STATES


def test_row_22_control_without_syncs_the_same_disk_loses_changes(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Row 22, control: where SQLite waits for nothing, the same disk loses what it promised."""
    lost = 0
    made = cuts(deadly, house, "commit_and_checkpoint_carelessly", tmp_path)
    for _, promised in made.draw(20, tmp_path / "cut"):
        found = installation(tmp_path / "cut")
        restored = found.boot().restoration is not None
        with suppress(AssertionError):  # it is damaged
            if not restored and set(promised) <= set(found.booked()):
                continue
        lost += 1
    assert lost > 0
