"""Row 33 of the fault catalogue: the disk of the recordings is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from disk_rig import HAS_DISKS, Disk, disk
from recordings_rig import CAMERA, SIMULATED, Site, site
from tallyd.domain.model import Outcome, Reason

pytestmark = [
    pytest.mark.skipif(not HAS_DISKS, reason="needs root, to mount"),
    pytest.mark.timeout(180),
]


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Disk]:
    """Give a disk for recordings, plugged in."""
    with disk(tmp_path) as made:
        yield made


@pytest.fixture(name="place")
def _place(tmp_path: Path, machine: Disk) -> Iterator[Site]:
    """Give an installation whose daemon has seen that disk."""
    with site(tmp_path, machine.path / "recordings") as made:
        made.configure(diskhall=CAMERA, rehearsal=SIMULATED)
        made.start()
        made.stop()
        yield made


def below_the_mount(machine: Disk) -> list[Path]:
    """Give what lies in the bare mount point."""
    return list(machine.path.iterdir())


def test_row_33_a_missing_disk_is_not_written_into(machine: Disk, place: Site) -> None:
    """Row 33: a boot without it records nothing there, says so, and records once it is back."""
    machine.unplug()
    place.start()
    assert place.heard("disk.troubled", state="missing")["level"] == "error"
    place.book({"diskhall": 60, "rehearsal": 60}, in_s=0.5)
    assert abs(place.heard("run.started", target="rooms.rehearsal")["late_ms"]) < 1_000
    refused = place.heard("run.retrying", target="rooms.diskhall")
    assert refused["end"] == "disk_missing"
    assert "nothing is mounted at" in refused["detail"]
    place.heard("run.late", target="rooms.diskhall")
    assert below_the_mount(machine) == []
    machine.plug_in()
    place.heard("run.started", target="rooms.diskhall")
    place.heard("disk.recovered")
    place.end_all()
    run = place.runs("diskhall")[0]
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.DISK_MISSING)
    assert len(place.files()) == 1


@pytest.mark.full_set
def test_row_33_a_late_start_names_the_disk(machine: Disk, place: Site) -> None:
    """Row 33: what was recorded late for it says so in the ledger; so does what never was."""
    machine.unplug()
    place.start()
    place.book({"diskhall": 3})
    run = place.finished("diskhall")
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DISK_MISSING)
    place.book({"diskhall": 22})
    place.heard("run.retrying", target="rooms.diskhall", run_id=run.id + 1)
    place.heard("run.late", run_id=run.id + 1)
    machine.plug_in()
    place.heard("run.started")
    run = place.finished("diskhall")
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.DISK_MISSING)
    assert below_the_mount(machine) != []
    place.stop()


@pytest.mark.full_set
def test_row_33_a_disk_that_goes_between_two_recordings(machine: Disk, place: Site) -> None:
    """Row 33: what was there when the daemon started need not be there when it records."""
    place.start()
    place.book({"diskhall": 1.5})
    place.finished("diskhall")
    machine.unplug()
    place.book({"diskhall": 3})
    assert place.heard("run.retrying")["end"] == "disk_missing"
    assert place.finished("diskhall").outcome is Outcome.FAILED
    assert below_the_mount(machine) == []
    place.stop()
    machine.plug_in()


@pytest.mark.full_set
def test_row_33_another_disk_in_its_place_is_as_good(machine: Disk, place: Site) -> None:
    """Row 33: who puts a new, empty disk there need tell nobody."""
    machine.wipe()
    place.start()
    place.book({"diskhall": 1.5})
    assert place.finished("diskhall").outcome is Outcome.RECORDED
    place.stop()


@pytest.mark.full_set
def test_row_33_required_from_the_first_start(tmp_path: Path) -> None:
    """Row 33: where the operator says that there must be a disk, one never seen is missed too."""
    with site(tmp_path, Path("/tallyd-never-mounted")) as made:
        made.configure(appliance='recordings_mount = "required"', diskhall=CAMERA)
        made.start()
        made.book({"diskhall": 2})
        assert made.finished("diskhall").reason is Reason.DISK_MISSING
        assert not made.recordings.exists()
        made.stop()


def test_row_33_control_else_the_bare_mount_point_is_written(machine: Disk, place: Site) -> None:
    """Row 33, control: told to ignore it, the daemon fills the disk below, unseen once mounted."""
    machine.unplug()
    place.configure(appliance='recordings_mount = "ignored"', diskhall=CAMERA)
    place.start()
    place.book({"diskhall": 1.5})
    assert place.finished("diskhall").outcome is Outcome.RECORDED
    assert below_the_mount(machine) != []
    place.stop()
    machine.plug_in()
    assert place.files() == []
