"""Rows 46 and 49: no descriptors, no threads or memory left, and nobody who reads the log."""

import fcntl
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import which

import anyio
import pytest

from house_rig import House, eventually, house_at
from media import BUNDLED, Media
from tallyd.domain.model import Outcome, Schedule

pytestmark = pytest.mark.timeout(180)

CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'
SIMULATED = 'driver = "simulated"'
PIPE_BYTES = 4_096
CROWD = 600
WAITING = 4_096
MANY = 1 << 20
LECTURE_S = 20 if os.environ.get("FULL_FAULTS") == "1" else 10
SOMEBODY = 61_234
"""A user of whom no process runs on any machine."""

ON_TIME = timedelta(seconds=1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty installation."""
    with house_at(tmp_path) as built:
        yield built


def limit(house: House, pid: int, what: str, most: int) -> None:
    """Set how many of something a daemon may have from now on; only its own user may do so."""
    command = (*house.within, "prlimit", f"--pid={pid}", f"--{what}={most}:")
    subprocess.run(command, check=True)


def open_descriptors(pid: int) -> int:
    """Give how many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def lecture_goes_on(house: House, lecture: Schedule) -> None:
    """End a lecture that was recorded all the time, and see that nothing of it is missing."""
    await house.stop(lecture)
    run = await house.finished(lecture)
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1), run.sentence
    (part,) = run.parts
    recorded_s = (part.last_data_at - part.first_data_at).total_seconds()
    assert await Media().whole_length_s(part.files[0]) == pytest.approx(recorded_s, abs=0.7)


@pytest.mark.skipif(os.geteuid() != 0 or which("prlimit") is None, reason="needs root")
async def test_row_46_without_descriptors_or_threads_recordings_go_on_and_starts_are_retried(
    house: House,
) -> None:
    """Row 46: what records is not touched; what cannot start says so, and starts once it can.

    So it is where no descriptor is left, and where no process and no thread can be made, as at
    `TasksMax=`. Control: without a limit the same starts at once.
    """
    house.configure(zaal=CAMERA, labo=CAMERA, aula=CAMERA, hal=CAMERA, sim=SIMULATED)
    house.state.mkdir()
    os.chown(house.state, SOMEBODY, SOMEBODY)
    for above in (house.root, *house.root.parents):
        if above.stat().st_mode & 0o077 == 0:
            above.chmod(0o711)
    house.within = ("setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}", "--clear-groups")
    daemon = await house.start()
    lecture = await house.book("zaal", 600)
    await daemon.heard("run.started", target="rooms.zaal")

    seminar = await house.book("labo", 600, in_s=1)
    rehearsal = await house.book("sim", 2, in_s=1.5)
    await anyio.sleep(0.5)
    limit(house, daemon.pid, "nofile", open_descriptors(daemon.pid))
    told = await daemon.heard("run.retrying", target="rooms.labo")
    assert "Too many open files" in told["detail"]
    await daemon.heard("run.started", target="rooms.sim")
    limit(house, daemon.pid, "nofile", 1_024)
    await daemon.heard("run.started", target="rooms.labo")

    colloquium = await house.book("aula", 600, in_s=1)
    await anyio.sleep(0.5)
    limit(house, daemon.pid, "nproc", 1)
    await daemon.heard("run.retrying", target="rooms.aula")
    limit(house, daemon.pid, "nproc", 4_096)
    await daemon.heard("run.started", target="rooms.aula")

    control = await house.book("hal", 2)
    run = await house.finished(control)
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1), run.sentence
    assert daemon.said("run.retrying", target="rooms.hal") == []
    await lecture_goes_on(house, lecture)
    for late in (seminar, colloquium):
        await house.stop(late)
        assert (await house.finished(late)).parts[-1].files
    run = await house.finished(rehearsal)
    assert run.outcome is Outcome.RECORDED
    assert abs(run.parts[0].first_data_at - run.planned.start) < ON_TIME
    assert await daemon.end() == 0


def memory_group(name: str) -> Path | None:
    """Make a group of processes whose memory can be limited; None where the kernel has none."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            group = Path(where) / name
            with suppress(OSError):
                group.mkdir()
                return group
    return None


async def test_row_46_a_recorder_that_runs_out_of_memory_costs_itself_only(house: House) -> None:
    """Row 46: the kernel kills it, which is told; it records once it fits; the other goes on."""
    group = memory_group(f"tallyd-test-{os.getpid()}")
    if group is None:
        pytest.skip("no group of processes with limited memory can be made here")
    try:
        (group / "memory.limit_in_bytes").write_text("3M")
        limited = house.root / "ffmpeg"
        enter = f"echo $$ > {group}/cgroup.procs"
        limited.write_text(f'#!/bin/sh\n{enter}\nexec {BUNDLED} "$@"\n')
        limited.chmod(0o755)
        binary = f'size = "320x180", binary = "{limited}"'
        house.configure(zaal=CAMERA, labo=CAMERA.replace('size = "320x180"', binary))
        daemon = await house.start()
        lecture = await house.book("zaal", 600)
        await daemon.heard("run.started", target="rooms.zaal")
        seminar = await house.book("labo", 600)
        told = await daemon.heard("run.retrying", target="rooms.labo")
        assert "signal 9" in told["detail"]
        (group / "memory.limit_in_bytes").write_text("1G")
        await daemon.heard("run.started", target="rooms.labo")
        await lecture_goes_on(house, lecture)
        await house.stop(seminar)
        assert (await house.finished(seminar)).parts[-1].files
        assert await daemon.end() == 0
    finally:
        house.put_down()
        await eventually(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


class Reader(threading.Thread):
    """Reads what a daemon says once it is started, until nobody writes any more."""

    def __init__(self, pipe: int) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.heard = b""

    def run(self) -> None:
        """Read."""
        while chunk := os.read(self._pipe, MANY):
            self.heard += chunk


async def test_row_49_nobody_reads_the_log_and_nothing_waits(house: House) -> None:
    """Row 49: recordings start and end on time; what could not be said is counted and said."""
    crowd = dict.fromkeys((f"r{number}" for number in range(CROWD)), SIMULATED)
    changed = dict.fromkeys(crowd, f"{SIMULATED}\noptions = {{ start_ms = 1 }}")
    house.configure(zaal=CAMERA, **crowd)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    daemon = house.launch(stdout=writing)
    os.close(writing)

    def reloads() -> int:
        return json.loads(house.snapshot.read_text())["reload"]["serial"]

    await eventually(lambda: house.snapshot.exists() and "zaal" in house.snapshot.read_text())
    lecture = await house.book("zaal", LECTURE_S)
    for serial in range(1, 2 + WAITING // CROWD + 1):
        house.configure(zaal=CAMERA, **(changed if serial % 2 else crowd))
        os.kill(daemon.pid, signal.SIGHUP)
        await eventually(lambda serial=serial: reloads() >= serial)
    seminar = await house.book("r7", 2, in_s=2)
    run = await house.finished(seminar)
    assert run.outcome is Outcome.RECORDED
    assert abs(run.parts[0].first_data_at - run.planned.start) < ON_TIME
    reader = Reader(reading)
    reader.start()
    await eventually(lambda: b'"logs.dropped"' in reader.heard)
    run = await house.finished(lecture)
    assert run.outcome is Outcome.RECORDED, run.sentence
    assert await Media().whole_length_s(run.parts[0].files[0]) == pytest.approx(LECTURE_S, abs=0.7)
    assert await daemon.end() == 0
    await anyio.to_thread.run_sync(reader.join)
    os.close(reading)
    lines = [json.loads(line) for line in reader.heard.splitlines()]
    dropped = sum(line["lines"] for line in lines if line["event"] == "logs.dropped")
    assert dropped > 0
    assert lines[0]["event"] == "daemon.started"
    assert lines[-1]["event"] == "daemon.stopped"


def test_row_49_control_whoever_writes_to_that_pipe_itself_stands_still(tmp_path: Path) -> None:
    """Row 49, control: a full pipe does stop a program that writes its own lines into it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    code = "import pathlib, sys\nprint('x' * 9_999, flush=True)\npathlib.Path('done').touch()"
    with subprocess.Popen(("python3", "-c", code), stdout=writing, cwd=tmp_path) as naive:
        with pytest.raises(subprocess.TimeoutExpired):
            naive.wait(1)
        assert not (tmp_path / "done").exists()
        naive.kill()
    os.close(reading)
    os.close(writing)
