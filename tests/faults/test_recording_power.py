"""Rows 19 and 20 of the fault catalogue: the plug is pulled while something is recorded."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import pytest

from disk_rig import HAS_DISKS, Disk, disk
from recorder_rig import CAMERA, Daemon, House, damage, frame_times, house, until
from tallyd.domain.model import EndReason, Outcome, Reason, Run

pytestmark = [
    pytest.mark.skipif(not HAS_DISKS or which("ffprobe") is None, reason="needs root and ffmpeg"),
    pytest.mark.timeout(900),
]

FULL = os.environ.get("FULL_FAULTS") == "1"
CUTS = 20 if FULL else 1
CUTS_OF_STOPS = 20 if FULL else 1
CUT_AFTER_S = (6, 9) if FULL else (5.5, 6)
OFF_FOR_S = 2
"""Longer than what a recording may lack and still count as whole."""
STOPPED_AFTER_S = 4 if FULL else 2.5
LOST_AT_MOST_S = 5.0
BACK_WITHIN_S = 10.0
CARELESS = """
import sys
from tallyd.drivers import files
from tallyd.drivers.ffmpeg import session
session.KEPT_EVERY_S = 3600
files._sync = lambda path: None
from tallyd.__main__ import main
main()
"""
CONTAINERS = {
    "matroska": CAMERA,
    "mpegts": CAMERA.replace('timestamps = "wallclock"', 'container = "mpegts"'),
    "mp4": CAMERA.replace('timestamps = "wallclock"', 'container = "mp4"'),
}
"""A camera for each; Matroska's frames carry the wall clock, those of the others count from 0."""


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Disk]:
    """Give a disk whose plug can be pulled."""
    with disk(tmp_path) as made:
        yield made


@pytest.fixture(name="place")
def _place(machine: Disk, tmp_path: Path) -> Iterator[House]:
    """Give an installation on it, with one camera for each container."""
    with house(machine.path / "house", tmp_path) as made:
        made.configure(*CONTAINERS.values())
        machine.sync()
        yield made
        made.put_down()


def cut(machine: Disk, place: House, daemon: Daemon) -> float:
    """Pull the plug, and plug in again; gives when it was pulled."""
    pids = [daemon.process.pid, *place.recorders()]
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    pulled_at = time.time()
    machine.lose_power()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    daemon.process.wait()
    until(lambda: not place.recorders())
    machine.unplug()
    machine.plug_in()
    return pulled_at


def boot(place: House) -> None:
    """Let the machine begin anew, after a second without power: its daemons see when that was."""
    time.sleep(1)
    up_s = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    place.before = ("unshare", "--time", f"--boottime=-{up_s}")


def last_frame_at(run: Run, number: int) -> float:
    """Give when the last frame was taken that the file of a part holds."""
    part = next(part for part in run.parts if part.number == number)
    assert part.first_data_at is not None
    times = frame_times(part.files[0])
    assert times, part
    counts_from_zero = times[0] < 1_000_000_000
    return times[-1] + (part.first_data_at.timestamp() if counts_from_zero else 0)


def salvaged(place: House, schedule: int, parts: int) -> Run | None:
    """Give a run once all parts but the last have their final names."""
    run = place.run_of(schedule)
    named = [file for part in run.parts[:parts] for file in part.files if file[-5:] != ".part"]
    return run if len(named) == parts else None


def test_row_19_a_power_cut_loses_seconds_and_the_rest_is_recorded(
    machine: Disk, place: House
) -> None:
    """Row 19: files are whole up to 5 s before each cut, and it records on 10 s after the start.

    What was cut off together with the machine is not blamed on the daemon.
    """
    rooms = range(len(CONTAINERS))
    daemon = place.start()
    booked = [place.book(room, 3_600) for room in rooms]
    daemon.heard("run.started", len(rooms))
    lost_s, back_s = [], []
    for number in range(1, CUTS + 1):
        time.sleep(random.uniform(*CUT_AFTER_S))  # noqa: S311 - any moment will do
        pulled_at = cut(machine, place, daemon)
        time.sleep(OFF_FOR_S)
        boot(place)
        daemon = place.start(ready=False)
        daemon.heard("run.started", len(rooms), part=number + 1)
        back_s.append(time.monotonic() - daemon.started_s)
        told = daemon.said("run.interrupted", part=number, end=EndReason.POWER_OFF)
        assert len(told) == len(rooms)
        for schedule in booked:
            run = until(lambda: salvaged(place, schedule, number))  # noqa: B023 - used at once
            lost_s.append(pulled_at - last_frame_at(run, number))
            (file,) = run.parts[number - 1].files
            assert damage(file) == "", file
            known = run.parts[number - 1].last_data_at
            assert known is not None
            assert known.timestamp() == pytest.approx(last_frame_at(run, number), abs=2.5)
    assert not list(place.recordings.rglob("*.copy"))
    print(f"lost at most {max(lost_s):.1f} s, back within {max(back_s):.1f} s")  # noqa: T201
    assert max(lost_s) < LOST_AT_MOST_S
    assert max(back_s) < BACK_WITHIN_S
    place.stop(*booked)
    for schedule in booked:
        run = place.finished(schedule)
        assert len(run.parts) == CUTS + 1, run.sentence
        assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.POWER_OFF)
        assert "the appliance was off" in str(run.sentence)
    assert daemon.end(signal.SIGINT) == 0


def test_row_19_control_without_syncing_more_is_lost(machine: Disk, place: House) -> None:
    """Row 19, control: a recorder's file that nobody syncs is empty, or lacks the most of it."""
    place.program = (sys.executable, "-c", CARELESS)
    daemon = place.start()
    booked = place.book(0, 3_600)
    daemon.heard("run.started")
    time.sleep(6.5)
    pulled_at = cut(machine, place, daemon)
    files = list(place.recordings.rglob("*.part"))
    assert all(pulled_at - (frame_times(file) or [0])[-1] > LOST_AT_MOST_S for file in files)
    assert place.run_of(booked).parts[0].files


def soon(_daemon: Daemon) -> None:
    """Wait for no moment in particular."""
    time.sleep(random.uniform(0, 0.15))  # noqa: S311 - any moment will do


def finished(daemon: Daemon) -> None:
    """Wait until a file has just got its final name."""
    daemon.heard("run.part_ended")


def cuts_of_stops(
    machine: Disk, place: House, rounds: int, moment: Callable[[Daemon], None]
) -> list[str]:
    """Pull the plug while a recording is finished; gives what is wrong with the files then."""
    wrong = []
    for _ in range(rounds):
        daemon = place.start()
        booked = place.book(0, 3_600)
        daemon.heard("run.started")
        time.sleep(STOPPED_AFTER_S)
        place.stop(booked)
        moment(daemon)
        cut(machine, place, daemon)
        left = list(place.recordings.rglob("*.mkv*"))
        finished = [file for file in left if file.suffix == ".mkv"]
        wrong += [f"{file} is cut" for file in finished if damage(file) or not frame_times(file)]
        daemon = place.start()
        run = place.finished(booked)
        named = [file for part in run.parts for file in part.files]
        wrong += [f"{file} is gone" for file in named if not Path(file).exists()]
        wrong += [f"{file} holds too little" for file in named if len(frame_times(file)) < 25]
        wrong += [] if named else ["nothing is left"]
        assert daemon.end(signal.SIGINT) == 0
    return wrong


def test_row_20_a_power_cut_while_a_file_is_finished(machine: Disk, place: House) -> None:
    """Row 20: it has the old name or the new one; under the new one it is whole."""
    assert cuts_of_stops(machine, place, CUTS_OF_STOPS, soon) == []


def test_row_20_control_a_rename_without_syncing_spoils_files(machine: Disk, place: House) -> None:
    """Row 20, control: renamed before its data is on the disk, a file is lost or cut."""
    place.program = (sys.executable, "-c", CARELESS)
    wrong: list[str] = []
    for _ in range(10):
        wrong += cuts_of_stops(machine, place, 1, finished)
        if wrong:
            break
    assert wrong


def test_what_no_row_knows_is_listed_and_left(machine: Disk, place: House) -> None:
    """A file that ends in `.part` and is of no run is named in the log, and nobody touches it."""
    place.recordings.mkdir(parents=True)
    stranger = place.recordings / "download.iso.part"
    stranger.write_bytes(b"not ours")
    os.utime(stranger, (0, datetime(2026, 1, 1, tzinfo=UTC).timestamp()))
    machine.sync()
    daemon = place.start()
    (line,) = daemon.heard("recording.found")
    assert (line["path"], line["bytes"], line["token"]) == (str(stranger), 8, None)
    assert stranger.read_bytes() == b"not ours"
