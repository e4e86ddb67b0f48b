"""Rows 31 and 32 of the fault catalogue: a disk is full, that of the recordings or the other."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from disk_rig import HAS_DISKS, Disk, disk, fill, small_disk
from recordings_rig import CAMERA, SIMULATED, Site, site, until
from tallyd.domain.model import EndReason, Outcome, Reason, Status

pytestmark = [
    pytest.mark.skipif(not HAS_DISKS, reason="needs root, to mount"),
    pytest.mark.timeout(180),
]

OFTEN = "from tallyd.engine import retention; retention.LOOK_EVERY_S = 1.0"
FAST = """driver = "ffmpeg"
options = { source = "test", size = "1280x720", video_bitrate_kbps = 8000 }"""


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Disk]:
    """Give a disk for recordings."""
    with disk(tmp_path) as made:
        yield made


@pytest.fixture(name="place")
def _place(tmp_path: Path, machine: Disk) -> Iterator[Site]:
    """Give an installation that records to it, and has an older recording there."""
    with site(tmp_path, machine.path / "recordings") as made:
        made.configure(diskhall=FAST, rehearsal=SIMULATED)
        made.start()
        made.book({"diskhall": 2})
        assert made.finished("diskhall").outcome is Outcome.RECORDED
        yield made


def test_row_32_a_disk_that_fills_while_recording(machine: Disk, place: Site) -> None:
    """Row 32: the recording ends and keeps what it has, others go on, the next part follows."""
    older = place.files()
    place.book({"diskhall": 60, "rehearsal": 60})
    place.heard("run.started", target="rooms.rehearsal")
    place.heard("run.started", target="rooms.diskhall", run_id=place.runs("diskhall")[0].id)
    until(lambda: max(path.stat().st_size for path in place.paths(".part")) > 1_000_000)
    ballast = fill(machine.path)
    place.heard("run.part_ended", end="disk_full")
    place.heard("disk.troubled", state="full", level="error")
    refused = until(lambda: place.said("run.retrying", end="disk_full"))
    assert "is full" in refused[0]["detail"]
    ballast.unlink()
    until(lambda: [p for p in place.runs("diskhall")[0].parts if p.number == 2 and p.first_data_at])
    assert place.said("run.part_ended", target="rooms.rehearsal") == []
    place.end_all()
    first, second = place.runs("diskhall")[0].parts
    assert (first.end, second.end) == (EndReason.DISK_FULL, EndReason.PLANNED)
    assert place.runs("diskhall")[0].reason is Reason.DISK_FULL
    assert min(first.bytes, second.bytes) > 100_000
    assert set(older) < set(place.files())
    assert len(place.files()) == len(older) + 2


@pytest.mark.full_set
def test_row_32_a_start_on_a_full_disk(machine: Disk, place: Site) -> None:
    """Row 32: it is refused with its reason, others start on time, and it starts with the room."""
    ballast = fill(machine.path)
    place.book({"diskhall": 40, "rehearsal": 40}, in_s=1)
    assert place.heard("run.started", target="rooms.rehearsal")["late_ms"] < 1_000
    assert place.heard("run.retrying", target="rooms.diskhall")["end"] == "disk_full"
    place.heard("run.late", target="rooms.diskhall")
    assert not place.paths(".part")
    ballast.unlink()
    newest = place.runs("diskhall")[0].id
    place.heard("run.started", run_id=newest)
    place.end_all()
    assert place.runs("diskhall")[0].reason is Reason.DISK_FULL


def test_row_32_retention_makes_room_where_the_operator_wants_it(
    machine: Disk, place: Site
) -> None:
    """Row 32, control: told to keep room, it removes the older recording, and says and shows so."""
    (older,) = place.files()
    place.stop()
    room = '[retention]\nmin_free = "60MB"'  # more than the disk has: nothing can help
    place.configure(tables=room, diskhall=FAST, rehearsal=SIMULATED)
    place.start(patch=OFTEN)
    place.heard("retention.short")
    assert place.files() == [older]
    place.stop()
    ballast = fill(machine.path)
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - (8 << 20))
    place.configure(tables='[retention]\nmin_free = "9MB"', diskhall=FAST, rehearsal=SIMULATED)
    place.start(patch=OFTEN)
    removed = place.heard("recording.removed")
    assert (removed["why"], removed["level"]) == ("room", "info")
    assert removed["file"].endswith(older)
    assert place.files() == []
    assert list(place.recordings.iterdir()) == []
    (part,) = until(lambda: [p for p in place.runs("diskhall")[0].parts if p.removed])
    assert [each.path for each in part.removed] == [removed["file"]]
    place.stop()


def has_settled(place: Site, since: str) -> bool:
    """Tell whether a daemon has shown since then that nothing waits for its database."""
    picture = json.loads((place.root / "run" / "state.json").read_text())
    return bool(picture["heartbeat_at"] > since and picture["ledger_waiting"] == 0)


FORGETFUL = """
from tallyd.app import upkeep
from tallyd.engine.journal import Journal
upkeep.reserve_log = lambda _: None
Journal._put_back = lambda *_: None
"""
"""A daemon that keeps no room, nor what the disk refused, for a control."""


@pytest.mark.full_set
def test_row_31_control_else_the_ledger_misses_what_happened(tmp_path: Path) -> None:
    """Row 31, control: what was refused and not kept is missing once there is room again."""
    with (
        small_disk(tmp_path / "small", 24) as state,
        site(tmp_path, tmp_path / "recordings", state / "state") as place,
    ):
        place.configure(rehearsal=SIMULATED)
        place.start(patch=FORGETFUL)
        place.book({"rehearsal": 4}, in_s=2)
        ballast = fill(state)
        ended = place.heard("run.finished", target="rooms.rehearsal", outcome="recorded")
        until(lambda: has_settled(place, ended["timestamp"]))
        assert place.said("store.failed")
        ballast.unlink()
        with pytest.raises(AssertionError, match="nothing came of it"):
            until(lambda: place.runs("rehearsal")[0].status is Status.FINISHED, within_s=8)


@pytest.mark.full_set
def test_row_31_a_full_disk_below_the_database(tmp_path: Path) -> None:
    """Row 31: what records goes on and the next starts on time; the ledger catches up."""
    with (
        small_disk(tmp_path / "small", 24) as state,
        site(tmp_path, tmp_path / "recordings", state / "state") as place,
    ):
        place.configure(diskhall=CAMERA, rehearsal=SIMULATED)
        place.start()
        place.book({"diskhall": 12})
        place.book({"rehearsal": 4}, in_s=5)
        place.heard("run.started", target="rooms.diskhall")
        ballast = fill(state)
        assert place.heard("run.started", target="rooms.rehearsal")["late_ms"] < 1_000
        place.heard("run.finished", target="rooms.rehearsal", outcome="recorded")
        ballast.unlink()
        assert place.finished("diskhall").outcome is Outcome.RECORDED
        assert place.finished("rehearsal").outcome is Outcome.RECORDED
        place.stop()
