"""Rows 8 to 12, 16 and 17 of the fault catalogue: recorders that lie, hang, or will not end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import pytest

from disk_rig import HAS_DISKS, disk
from recorder_rig import CAMERA, Daemon, House, frame_times, holes, house, until
from tallyd.domain.model import EndReason, Outcome, Reason, Run

pytestmark = [
    pytest.mark.skipif(which("ffprobe") is None, reason="needs ffmpeg"),
    pytest.mark.timeout(240),
]

FAKES = {
    "ends early": """
exec(["-t" if word == "-t" else ("1.5" if before == "-t" else word) for before, word in pairs])
""",
    "never ends": """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
frames = 0
while True:
    frames += 5
    with open(sys.argv[-1].removeprefix("file:"), "ab") as file:
        file.write(bytes(1000))
    print(f"frame={frames}", f"out_time_us={frames * 40_000}", "progress=continue", sep="\\n")
    sys.stdout.flush()
    time.sleep(0.2)
""",
    "says nothing": """
time.sleep(3600)
""",
}
"""Programs that are commanded as ffmpeg is."""

_HEAD = f"""#!{sys.executable}
import os, sys, time
words = sys.argv[1:]
pairs = list(zip(["", *words], words))
def exec(words):
    os.execv("{which("ffmpeg")}", ["ffmpeg", *words])
"""


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[House]:
    """Give an installation."""
    with house(tmp_path / "house", tmp_path) as made:
        yield made


def camera(place: House, fake: str, **options: str) -> str:
    """Give the lines of a room whose ffmpeg is a fake."""
    program = place.outside / fake.replace(" ", "-")
    program.write_text(_HEAD + FAKES[fake])
    program.chmod(0o755)
    more = "".join(f", {name} = {value}" for name, value in options.items())
    return CAMERA.replace(" }", f', binary = "{program}"{more} }}')


LENGTHS_S = {
    "ends early": 8,
    "sound": 4,
    "falls silent": 600,
    "never ends": 4,
    "says nothing": 5,
}


@dataclass
class Ward:
    """A daemon with one recorder for each kind of fault; what is booked by the kind."""

    place: House
    daemon: Daemon
    booked: dict[str, int]
    frozen: int = 0
    """The pid of the recorder that fell silent."""

    def recorders(self, kind: str) -> list[int]:
        """Give the pids of those that record in the room of a kind."""
        return self.place.recorders([*LENGTHS_S].index(kind))

    def finished(self, kind: str) -> Run:
        """Wait for what becomes of the booking of a kind."""
        return self.place.finished(self.booked[kind])


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """Have them record next to one another, which costs none of them anything."""
    root = tmp_path_factory.mktemp("ward")
    with house(root / "house", root) as place:
        place.configure(
            camera(place, "ends early"),
            CAMERA,
            CAMERA.replace(" }", ", stall_timeout_s = 2.0 }"),
            camera(place, "never ends"),
            camera(place, "says nothing", start_timeout_s="1.0"),
        )
        made = Ward(place, place.start(), {})
        for room, (kind, length_s) in enumerate(LENGTHS_S.items()):
            made.booked[kind] = place.book(room, length_s)
        made.daemon.heard("run.started", schedule_id=made.booked["falls silent"])
        time.sleep(1)
        (made.frozen,) = made.recorders("falls silent")
        os.kill(made.frozen, signal.SIGSTOP)
        yield made


def test_row_10_a_recorder_that_ignores_its_stop_delays_no_other(ward: Ward) -> None:
    """Row 10: it is killed in the end; what comes next in the room begins on time meanwhile."""
    ward.daemon.heard("run.started", schedule_id=ward.booked["never ends"])
    (stubborn,) = ward.recorders("never ends")
    left_s = ward.place.run_of(ward.booked["never ends"]).planned.stop - datetime.now(UTC)
    room = [*LENGTHS_S].index("never ends")
    second = ward.place.book(room, 20, in_s=left_s.total_seconds())
    (line,) = ward.daemon.heard("run.started", schedule_id=second)
    assert line["late_ms"] < 1_000
    assert stubborn in ward.recorders("never ends")
    until(lambda: stubborn not in ward.recorders("never ends"), within_s=15)
    assert ward.finished("never ends").outcome is Outcome.RECORDED


def test_row_9_a_recorder_that_writes_nothing_is_replaced(ward: Ward) -> None:
    """Row 9: silence is noticed, the next part begins, and the hole is told."""
    booked = ward.booked["falls silent"]
    ward.daemon.heard("run.part_ended", schedule_id=booked, end="stalled")
    ward.daemon.heard("run.started", schedule_id=booked, part=2)
    assert ward.frozen not in ward.place.recorders()
    time.sleep(1)
    ward.place.stop(booked)
    run = ward.finished("falls silent")
    assert run.reason is Reason.STALLED
    assert len(holes(run)) == 1


def test_row_8_an_end_that_nobody_asked_for_is_a_failure(ward: Ward) -> None:
    """Row 8: a recorder that exits with 0 too early is started again and again, until the end."""
    run = ward.finished("ends early")
    assert run.outcome is Outcome.PARTIAL
    assert run.reason is Reason.DEVICE_ENDED
    assert [part.end for part in run.parts[:-1]] == [EndReason.DIED] * (len(run.parts) - 1)
    assert len(run.parts) >= 3
    assert all(len(frame_times(part.files[0])) > 10 for part in run.parts[:2])
    assert ward.daemon.said("run.part_ended", schedule_id=run.schedule_id, end="died")


def test_row_8_control_one_that_does_not_is_one_part(ward: Ward) -> None:
    """Row 8, control: in the same daemon a recorder that keeps on makes one part, and whole."""
    run = ward.finished("sound")
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1)


def test_row_9_control_else_it_goes_on_recording_nothing(place: House) -> None:
    """Row 9, control: where silence may last for long a frozen recorder keeps its room."""
    place.configure(CAMERA.replace(" }", ", stall_timeout_s = 600.0 }"))
    daemon = place.start()
    booked = place.book(0, 600)
    daemon.heard("run.started")
    (frozen,) = place.recorders()
    os.kill(frozen, signal.SIGSTOP)
    with pytest.raises(AssertionError):
        until(lambda: daemon.said("run.part_ended"), within_s=6)
    assert place.recorders() == [frozen]
    os.kill(frozen, signal.SIGCONT)
    place.stop(booked)
    assert len(place.finished(booked).parts) == 1


def test_row_16_what_says_nothing_has_not_started(ward: Ward) -> None:
    """Row 16: a process that runs is no recording: without data it is ended and tried again."""
    run = ward.finished("says nothing")
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_TIMEOUT)
    of_it = {"schedule_id": run.schedule_id}
    assert ward.daemon.said("run.started", **of_it) == []
    assert len(ward.daemon.said("run.starting", **of_it)) > 1
    assert ward.recorders("says nothing") == []
    room = f"r{[*LENGTHS_S].index('says nothing')}"
    assert not list((ward.place.recordings / room).rglob("*.mkv*"))


def test_row_17_what_is_no_longer_due_is_stopped_by_the_next_daemon(place: House) -> None:
    """Row 17: a recorder left by a dead daemon ends with the first look of the next one.

    So does one that the ledger does not know, where the database it was started from is no more;
    its file stays.
    """
    place.configure(CAMERA, CAMERA)
    daemon = place.start()
    removed, unknown = (place.book(room, 600) for room in range(2))
    daemon.heard("run.started", 2)
    time.sleep(1)
    daemon.kill()
    place.change(lambda bookings: bookings.remove_and_stop(removed))
    time.sleep(1)
    # The control: without a next daemon nobody stops it.
    (left,), (stray,) = place.recorders(0), place.recorders(1)
    daemon = place.start()
    until(lambda: left not in place.recorders(), within_s=5)
    run = place.finished(removed)
    assert frame_times(run.parts[0].files[0])
    daemon.heard("run.adopted", schedule_id=unknown)
    daemon.kill()
    assert place.recorders() == [stray]
    for path in (*place.state.glob("tallyd.db*"), *place.state.glob("backups/*")):
        path.unlink()
    (place.state / "appliance-id").unlink()
    daemon = place.start()
    daemon.heard("recorder.stray")
    (file,) = until(lambda: [*(place.recordings / "r1").rglob("*.mkv")])
    assert place.recorders() == []
    assert frame_times(file)


HUNG = {
    "start": 'driver = "simulated"\noptions = { hang_start = true }',
    "stop": 'driver = "simulated"\noptions = { hang_stop = true }',
    "probe": 'driver = "simulated"\noptions = { hang_probe = true }',
}


@pytest.mark.full_set
@pytest.mark.parametrize("hung", [*HUNG, "says nothing"])
def test_row_11_a_device_that_hangs_delays_no_other(place: House, hung: str) -> None:
    """Row 11: whatever call of one device hangs, all others start within a second."""
    first = HUNG[hung] if hung in HUNG else camera(place, hung)
    place.configure(first, *[CAMERA] * 3)
    daemon = place.start()
    if hung == "stop":
        place.book(0, 1)
        time.sleep(2)
    booked = [place.book(room, 4, in_s=3) for room in range(4)]
    late = [daemon.heard("run.started", schedule_id=each)[0]["late_ms"] for each in booked[1:]]
    print(f"{hung}: at most {max(late)} ms late")  # noqa: T201
    assert max(late) <= 1_000
    assert all(place.finished(each).outcome is Outcome.RECORDED for each in booked[1:])


@pytest.mark.skipif(not HAS_DISKS or which("fsfreeze") is None, reason="needs root and fsfreeze")
def test_row_11_and_row_12_calls_that_hang_in_a_device_or_the_kernel_delay_no_other(
    place: House, tmp_path: Path
) -> None:
    """Row 12: a thread that nothing can end, on a disk that hangs, costs its own room only.

    Row 11: nor does a device that hangs in the same instant cost the others anything.
    """
    place.configure(*[CAMERA] * 4, HUNG["start"])
    with disk(tmp_path) as hanging:
        (hanging.path / "r0").mkdir()
        place.recordings.mkdir(parents=True)
        (place.recordings / "r0").mkdir()
        mounted = str(place.recordings / "r0")
        subprocess.run(["mount", "--bind", str(hanging.path), mounted], check=True)
        daemon = place.start()
        subprocess.run(["fsfreeze", "-f", str(hanging.path)], check=True)
        try:
            hung_disk, *sound, hung_device = (place.book(room, 2, in_s=3) for room in range(5))
            started = [daemon.heard("run.started", schedule_id=each)[0] for each in sound]
            late = [line["late_ms"] for line in started]
            print(f"hung disk: at most {max(late)} ms late")  # noqa: T201
            assert max(late) <= 1_000
            assert all(place.finished(each).outcome is Outcome.RECORDED for each in sound)
            for hung in (hung_disk, hung_device):
                assert daemon.said("run.started", schedule_id=hung) == []
        finally:
            subprocess.run(["fsfreeze", "-u", str(hanging.path)], check=True)
            place.put_down()
            subprocess.run(["umount", mounted], check=True)
