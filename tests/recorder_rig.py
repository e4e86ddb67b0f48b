"""Whole installations that record, for tests of faults: daemons, their recorders, and what is left.

Made for tests that kill and cut: nothing here asks a daemon for anything but its log.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import Any

import anyio

from tallyd import app
from tallyd.config import load
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Run
from tallyd.drivers.outliving import find

PATIENCE_S = 30.0
CAMERA = """
driver = "ffmpeg"
options = { source = "test", size = "128x96", audio_codec = "none", timestamps = "wallclock" }
"""
HOLE_S = 0.5
"""A frame is a twenty-fifth of a second; what is shorter than this is a busy machine."""


def until(look: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """Look until there is something to see, and give that."""
    give_up = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(0.01)
    return seen


@dataclass
class Daemon:
    """One `tallyd run`, as a process, and its log."""

    process: subprocess.Popen[bytes]
    log: Path
    started_s: float

    def lines(self) -> list[dict[str, Any]]:
        """Give what it has logged so far."""
        with self.log.open("rb") as log:
            return [json.loads(line) for line in log if line.endswith(b"\n")]

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Give the lines of an event that have these fields."""
        found = (line for line in self.lines() if line["event"] == event)
        return [line for line in found if fields.items() <= line.items()]

    def heard(self, event: str, count: int = 1, **fields: object) -> list[dict[str, Any]]:
        """Wait for so many lines of an event, and give them."""

        def look() -> list[dict[str, Any]] | None:
            over = self.process.poll() is not None
            found = self.said(event, **fields)
            assert len(found) >= count or not over, f"it ended: {self.log.read_text()[-2000:]}"
            return found if len(found) >= count else None

        found: list[dict[str, Any]] = until(look)
        return found

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it in order, and give its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@dataclass
class House:
    """One installation, with as many rooms as wanted, each with a camera of its own."""

    root: Path
    outside: Path
    before: Sequence[str] = ()
    program: Sequence[str] = (sys.executable, "-m", "tallyd")
    daemons: list[Daemon] = field(default_factory=list[Daemon])

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.root / "state"

    @property
    def recordings(self) -> Path:
        """Where its recordings lie."""
        return self.state / "recordings"

    def configure(self, *cameras: str) -> None:
        """Write the configuration: for each room, `r0`, `r1`, ..., the lines of its table."""
        tables = (f"\n[rooms.r{n}]\n{camera}\n" for n, camera in enumerate(cameras))
        top = f'[appliance]\nstate_dir = "{self.state}"\nmin_piece = "0s"\n'
        self.config.write_text(top + "".join(tables))

    @property
    def config(self) -> Path:
        """Its configuration; it lies where no power cut can hurt it."""
        return self.outside / f"{self.root.name}.toml"

    def book(self, room: int, length_s: float, *, in_s: float = 0.0) -> int:
        """Book a room for so long, as the command line does; gives the id of the schedule."""
        settings, length = load(self.config), timedelta(seconds=length_s)

        async def add() -> int:
            async with app.open_for_changes(settings) as appliance:
                change = await appliance.bookings.add(
                    lambda now: Draft(
                        target=f"rooms.r{room}",
                        name=f"Lecture {room}",
                        start=InstantStart(now + timedelta(seconds=in_s)),
                        duration=length,
                    )
                )
            assert change.after is not None
            return change.after.id

        return anyio.run(add)

    def change(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Change wishes, as the command line does: `work` is given the bookings."""
        settings = load(self.config)

        async def do() -> Any:
            async with app.open_for_changes(settings) as appliance:
                return await work(appliance.bookings)

        return anyio.run(do)

    def stop(self, *schedules: int) -> None:
        """Let these runs end now."""
        for run in [self.run_of(each) for each in schedules]:
            self.change(lambda bookings, run=run: bookings.stop_run(run.id))

    def start(self, *, ready: bool = True, **more: Any) -> Daemon:
        """Start a daemon, and wait until it is ready."""
        log = self.outside / f"{self.root.name}-{len(self.daemons)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*self.before, *self.program, "--config", str(self.config), "run"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                **more,
            )
        daemon = Daemon(process, log, time.monotonic())
        self.daemons.append(daemon)
        if ready:
            daemon.heard("daemon.ready")
        return daemon

    def recorders(self, room: int | None = None) -> list[int]:
        """Give the pids of the ffmpegs that record here, or in one room."""
        prefix = "comment=tallyd " if room is None else f"comment=tallyd rooms.r{room} "
        own = str(self.root)
        return [who.pid for who, words in find(prefix) if any(own in word for word in words)]

    def run_of(self, schedule: int) -> Run:
        """Give the one run of a one-shot."""
        settings = load(self.config)

        async def read() -> tuple[Run, ...]:
            async with app.open_for_reports(settings) as appliance:
                return await appliance.reports.runs(None, None, 10_000)

        (run,) = (run for run in anyio.run(read) if run.schedule_id == schedule)
        return run

    def finished(self, schedule: int) -> Run:
        """Wait until a run has its outcome, and all of its files their names."""

        def look() -> Run | None:
            run = self.run_of(schedule)
            named = all(not file.endswith(".part") for part in run.parts for file in part.files)
            return run if run.outcome and named else None

        found: Run = until(look)
        return found

    def put_down(self) -> None:
        """End whatever this installation still runs."""
        for daemon in self.daemons:
            daemon.kill()
        for pid in self.recorders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.recorders())


@contextmanager
def house(root: Path, outside: Path) -> Iterator[House]:
    """Have an installation, and end whatever it runs afterwards; `outside` are its logs."""
    root.mkdir(exist_ok=True)
    made = House(root, outside)
    try:
        yield made
    finally:
        made.put_down()


def frame_times(path: Path | str) -> list[float]:
    """Give when each frame of a recording is shown, in seconds; [] where there is none."""
    done = subprocess.run(
        [
            *(which("ffprobe") or "ffprobe", "-v", "error", "-select_streams", "v:0"),
            *("-show_entries", "packet=pts_time", "-of", "csv=p=0", str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted(float(line.split(",")[0]) for line in done.stdout.split() if line[:1].isdigit())


def damage(path: Path | str) -> str:
    """Decode a file from end to end; gives what the decoder complains of."""
    # At its own frame times: a null output of a fixed rate would complain of any jitter.
    times = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
    argv = (which("ffmpeg") or "ffmpeg", "-v", "error", "-i", str(path), *times, "-f", "null", "-")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    # On a busy machine two frames are captured in one millisecond, and honestly stamped so.
    said = [line for line in done.stderr.splitlines() if "monotonically" not in line]
    return "\n".join(said)


def holes(run: Run) -> list[float]:
    """Give how long nothing was recorded before each frame of a run that is not the next one.

    In seconds, over all of its parts; its cameras stamp each frame with the wall clock.
    """
    times = sorted(at for part in run.parts for file in part.files for at in frame_times(file))
    between = (after - before for before, after in pairwise(times))
    return [hole for hole in between if hole > HOLE_S]
