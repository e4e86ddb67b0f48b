"""Rows 34 and 37 of the fault catalogue: a disk hangs, or turns read-only, under a daemon."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from disk_rig import Disk, can_freeze, disk, frozen, remount
from recordings_rig import (
    CAMERA,
    COMMAND,
    HUNG_DEVICE,
    IN_THE_LOOP,
    SIMULATED,
    Site,
    late_s,
    site,
    until,
)
from tallyd.domain.model import EndReason, Outcome, Reason

pytestmark = [
    pytest.mark.skipif(not can_freeze(), reason="needs root, to hang a disk"),
    pytest.mark.timeout(240),
]

OTHERS = {"command": COMMAND, **{f"room{number}": SIMULATED for number in range(8)}}
IMPATIENT = CAMERA.replace(" }", ", stall_timeout_s = 3.0 }")
RESIGNED = """
from tallyd.engine.attempts import Attempts
Attempts.may_try = lambda self, now: self.count == 0
"""
"""A daemon that takes the first refusal of a disk for its last word, for a control."""

NO_LOCKS_YET = """
from tallyd.drivers.recorders import ffmpeg
ffmpeg.make_places = lambda *_: None
"""
"""A daemon that makes what a start needs only with the first one, for a control."""


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Disk]:
    """Give a disk."""
    with disk(tmp_path) as made:
        yield made


@pytest.fixture(name="place")
def _place(tmp_path: Path, machine: Disk) -> Iterator[Site]:
    """Give an installation that records to it, with rooms that do not, and one that hangs."""
    with site(tmp_path, machine.path / "recordings") as made:
        made.configure(diskhall=IMPATIENT, annex=CAMERA, broken=HUNG_DEVICE, **OTHERS)
        yield made


@contextmanager
def watchdog(root: Path) -> Iterator[socket.socket]:
    """Give what hears the daemon say that it is alive."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(root / "notify"))
        heard.settimeout(0)
        yield heard


def beats(heard: socket.socket) -> int:
    """Count how often it said so since it was asked last."""
    count = 0
    while True:
        try:
            count += b"WATCHDOG=1" in heard.recv(4096)
        except BlockingIOError:
            return count


def latest_of(place: Site, rooms: list[str]) -> float:
    """Wait until all rooms have started; gives how late the last of them was, in seconds."""
    lines = [place.heard("run.started", target=f"rooms.{room}") for room in rooms]
    return max(map(late_s, lines))


def test_row_34_a_hung_disk_and_a_hung_device_delay_nobody_else(
    tmp_path: Path, machine: Disk, place: Site
) -> None:
    """Row 34: others start within a second and go on, the watchdog is beaten, and it thaws well."""
    with watchdog(tmp_path) as heard:
        place.start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="2000000")
        place.book({"diskhall": 60})
        place.heard("run.started", target="rooms.diskhall")
        place.book({"annex": 60, "broken": 60, **dict.fromkeys(OTHERS, 60)}, in_s=2)
        with frozen(machine.path):
            assert latest_of(place, list(OTHERS)) < 1.0
            assert place.heard("run.retrying", target="rooms.annex")["end"] == "disk"
            place.heard("disk.troubled", state="unknown", level="error")
            beats(heard)
            place.heard("run.stop_failed", target="rooms.diskhall")
            assert beats(heard) >= 3
            assert place.said("run.part_ended", target="rooms.command") == []
        place.heard("run.started", target="rooms.annex")
        until(
            lambda: [
                p for p in place.runs("diskhall")[0].parts if p.number == 2 and p.first_data_at
            ]
        )
        place.heard("disk.recovered")
    place.end_all()
    first, second = place.runs("diskhall")[0].parts
    assert (first.end, second.end) == (EndReason.STALLED, EndReason.PLANNED)
    assert place.runs("annex")[0].reason is Reason.DISK
    assert all(Path(path).exists() for part in (first, second) for path in part.files)
    assert not place.paths(".part")


def test_row_34_control_else_everybody_waits_for_the_disk(machine: Disk, place: Site) -> None:
    """Row 34, control: a daemon that waits for disks itself starts nobody while one hangs."""
    place.start(patch=IN_THE_LOOP)
    place.book({"diskhall": 60})
    place.heard("run.started", target="rooms.diskhall")
    place.book(dict.fromkeys(OTHERS, 60), in_s=3)
    with frozen(machine.path), pytest.raises(AssertionError, match="nothing came of it"):
        until(lambda: place.said("run.started", target="rooms.room0"), within_s=5.5)
    assert latest_of(place, list(OTHERS)) > 1.0


@pytest.mark.full_set
def test_row_34_threads_do_not_pile_up(machine: Disk, place: Site) -> None:
    """Row 34: however long a disk hangs, only so many threads wait for it."""
    place.start()
    place.book({"annex": 120}, in_s=1)
    with frozen(machine.path):
        until(lambda: len(place.said("run.starting", target="rooms.annex")) >= 4, within_s=100)
        assert threads_of(place.pid) < 20
    place.heard("run.started", target="rooms.annex")
    place.stop()


def threads_of(pid: int) -> int:
    """Count the threads of a process."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@pytest.mark.full_set
@pytest.mark.parametrize("patch", ["", NO_LOCKS_YET], ids=["", "control"])
def test_row_34_a_hung_disk_below_the_database(tmp_path: Path, machine: Disk, patch: str) -> None:
    """Row 34: recordings go on and start on time from memory, and are in the ledger afterwards.

    Control: a daemon that makes the locks of inputs with the first start waits for that disk.
    """
    with (
        watchdog(tmp_path) as heard,
        site(tmp_path, tmp_path / "recordings", machine.path / "state") as place,
    ):
        place.configure(diskhall=CAMERA, annex=CAMERA, rehearsal=SIMULATED)
        place.start(patch=patch, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="2000000")
        place.book({"diskhall": 16})
        place.book({"annex": 6, "rehearsal": 6}, in_s=4)
        place.heard("run.started", target="rooms.diskhall")
        with frozen(machine.path):
            assert latest_of(place, ["rehearsal"]) < 1.0
            if patch:
                with pytest.raises(AssertionError, match="nothing came of it"):
                    until(lambda: place.said("run.started", target="rooms.annex"), within_s=5)
                return
            assert latest_of(place, ["annex"]) < 1.0
            beats(heard)
            place.heard("run.finished", target="rooms.annex", outcome="recorded")
            assert beats(heard) >= 3
            assert place.said("run.part_ended", target="rooms.diskhall") == []
        for room in ("diskhall", "annex", "rehearsal"):
            assert place.finished(room).outcome is Outcome.RECORDED, room
        place.stop()


def refused_while_read_only(machine: Disk, place: Site) -> None:
    """Have a start refused by a disk that is read-only for as long as that takes."""
    remount(machine.path, "ro")
    place.book({"annex": 40, "room0": 40}, in_s=1)
    assert place.heard("run.started", target="rooms.room0")["late_ms"] < 1_000
    refused = place.heard("run.retrying", target="rooms.annex")
    assert refused["end"] == "disk"
    assert "Read-only file system" in refused["detail"]
    place.heard("run.late", target="rooms.annex")
    remount(machine.path, "rw")


@pytest.mark.full_set
def test_row_37_a_disk_that_is_read_only(machine: Disk, place: Site) -> None:
    """Row 37: starts there are refused with a reason, others are not; it goes on once it is not."""
    place.start()
    refused_while_read_only(machine, place)
    place.heard("run.started", target="rooms.annex")
    place.end_all()
    assert place.runs("annex")[0].reason is Reason.DISK


@pytest.mark.full_set
def test_row_37_control_else_it_never_starts(machine: Disk, place: Site) -> None:
    """Row 37, control: a daemon that does not try again does not record when it could."""
    place.start(patch=RESIGNED)
    refused_while_read_only(machine, place)
    with pytest.raises(AssertionError, match="nothing came of it"):
        until(lambda: place.said("run.started", target="rooms.annex"), within_s=20)
