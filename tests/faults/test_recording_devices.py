"""Rows 8 to 12, 16 and 17 of the fault catalogue: recorders that lie, hang, or will not end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from disk_rig import HAS_DISKS, disk
from recorder_rig import CAMERA, House, frame_times, holes, house, until
from tallyd.domain.model import EndReason, Outcome, Reason

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


def test_row_8_an_end_that_nobody_asked_for_is_a_failure(place: House) -> None:
    """Row 8: a recorder that exits with 0 too early is started again and again, until the end."""
    place.configure(camera(place, "ends early"))
    daemon = place.start()
    booked = place.book(0, 8)
    run = place.finished(booked)
    assert run.outcome is Outcome.PARTIAL
    assert run.reason is Reason.DEVICE_ENDED
    assert [part.end for part in run.parts[:-1]] == [EndReason.DIED] * (len(run.parts) - 1)
    assert len(run.parts) >= 3
    assert all(len(frame_times(part.files[0])) > 10 for part in run.parts[:2])
    assert daemon.said("run.part_ended", end="died")


def test_row_8_control_one_that_does_not_is_one_part(place: House) -> None:
    """Row 8, control: the same booking with a recorder that keeps on is one part, and whole."""
    place.configure(CAMERA)
    place.start()
    run = place.finished(place.book(0, 4))
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1)


def test_row_9_a_recorder_that_writes_nothing_is_replaced(place: House) -> None:
    """Row 9: silence is noticed, the next part begins, and the hole is told."""
    place.configure(CAMERA.replace(" }", ", stall_timeout_s = 2.0 }"))
    daemon = place.start()
    booked = place.book(0, 600)
    daemon.heard("run.started")
    time.sleep(2)
    (frozen,) = place.recorders()
    os.kill(frozen, signal.SIGSTOP)
    daemon.heard("run.part_ended", end="stalled")
    daemon.heard("run.started", part=2)
    assert frozen not in place.recorders()
    time.sleep(1)
    place.stop(booked)
    run = place.finished(booked)
    assert run.reason is Reason.STALLED
    assert len(holes(run)) == 1


def test_row_10_a_recorder_that_ignores_its_stop_delays_no_other(place: House) -> None:
    """Row 10: it is killed in the end; what comes next in the room begins on time meanwhile."""
    place.configure(camera(place, "never ends"))
    daemon = place.start()
    first, second = place.book(0, 4), place.book(0, 20, in_s=4)
    daemon.heard("run.started")
    (stubborn,) = place.recorders()
    (line,) = daemon.heard("run.started", schedule_id=second)
    assert line["late_ms"] < 1_000
    assert stubborn in place.recorders()
    until(lambda: stubborn not in place.recorders(), within_s=15)
    assert place.finished(first).outcome is Outcome.RECORDED


def test_row_16_what_says_nothing_has_not_started(place: House) -> None:
    """Row 16: a process that runs is no recording: without data it is ended and tried again."""
    place.configure(camera(place, "says nothing", start_timeout_s="1.0"))
    daemon = place.start()
    run = place.finished(place.book(0, 5))
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_TIMEOUT)
    assert daemon.said("run.started") == []
    assert len(daemon.said("run.starting")) > 1
    assert place.recorders() == []
    assert not list(place.recordings.rglob("*.mkv*"))


def test_row_17_what_is_no_longer_due_is_stopped_by_the_next_daemon(place: House) -> None:
    """Row 17: a recorder left by a dead daemon ends with the first look of the next one."""
    place.configure(CAMERA)
    daemon = place.start()
    booked = place.book(0, 600)
    daemon.heard("run.started")
    time.sleep(1)
    daemon.kill()
    place.change(lambda bookings: bookings.remove_and_stop(booked))
    time.sleep(1)
    # The control: without a next daemon nobody stops it.
    (left,) = place.recorders()
    place.start()
    until(lambda: left not in place.recorders(), within_s=5)
    run = place.finished(booked)
    assert frame_times(run.parts[0].files[0])


def test_row_17_one_that_the_ledger_does_not_know_is_stopped(place: House) -> None:
    """Row 17: also where the database it was started from is no more; its file stays."""
    place.configure(CAMERA)
    daemon = place.start()
    place.book(0, 600)
    daemon.heard("run.started")
    time.sleep(1)
    daemon.kill()
    for path in (*place.state.glob("tallyd.db*"), *place.state.glob("backups/*")):
        path.unlink()
    (place.state / "appliance-id").unlink()
    daemon = place.start()
    daemon.heard("recorder.stray")
    until(lambda: place.recorders() == [])
    (file,) = place.recordings.rglob("*.mkv")
    assert frame_times(file)


FULL = os.environ.get("FULL_FAULTS") == "1"
HUNG = {
    "start": 'driver = "simulated"\noptions = { hang_start = true }',
    "stop": 'driver = "simulated"\noptions = { hang_stop = true }',
    "probe": 'driver = "simulated"\noptions = { hang_probe = true }',
}


@pytest.mark.parametrize("hung", [*HUNG, "says nothing"] if FULL else ["start"])
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
def test_row_12_a_call_that_hangs_in_the_kernel_delays_no_other(
    place: House, tmp_path: Path
) -> None:
    """Row 12: a thread that nothing can end, on a disk that hangs, costs its own room only."""
    place.configure(*[CAMERA] * 4)
    with disk(tmp_path) as hanging:
        (hanging.path / "r0").mkdir()
        place.recordings.mkdir(parents=True)
        (place.recordings / "r0").mkdir()
        mounted = str(place.recordings / "r0")
        subprocess.run(["mount", "--bind", str(hanging.path), mounted], check=True)
        daemon = place.start()
        subprocess.run(["fsfreeze", "-f", str(hanging.path)], check=True)
        try:
            booked = [place.book(room, 4, in_s=3) for room in range(4)]
            started = [daemon.heard("run.started", schedule_id=each)[0] for each in booked[1:]]
            late = [line["late_ms"] for line in started]
            print(f"hung disk: at most {max(late)} ms late")  # noqa: T201
            assert max(late) <= 1_000
            assert all(place.finished(each).outcome is Outcome.RECORDED for each in booked[1:])
            assert daemon.said("run.started", schedule_id=booked[0]) == []
        finally:
            subprocess.run(["fsfreeze", "-u", str(hanging.path)], check=True)
            place.put_down()
            subprocess.run(["umount", mounted], check=True)
