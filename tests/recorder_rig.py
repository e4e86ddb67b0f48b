"""Whole installations that record, for tests of faults: daemons, their recorders, and what is left.

Made for tests that kill and cut: nothing here asks a daemon for anything but its log.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import which
from typing import Any

from tallyd.drivers.outliving import find

PATIENCE_S = 30.0
CAMERA = (
    'driver = "ffmpeg"\noptions = { source = "test", size = "128x96", audio_codec = "none", '
    "rate = 25.0, %s }"
)
FRAME_S = 1 / 25


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
    before: Sequence[str] = ()
    daemons: list[Daemon] = field(default_factory=list[Daemon])

    @property
    def state(self) -> Path:
        """Its state directory."""
        return self.root / "state"

    @property
    def recordings(self) -> Path:
        """Where its recordings lie."""
        return self.state / "recordings"

    def configure(self, rooms: int, *, appliance: str = "", camera: str = CAMERA) -> None:
        """Write the configuration: rooms `r0`, `r1`, ..."""
        options = 'container = "matroska"'
        tables = (
            f"\n[rooms.r{n}]\n{camera % options if '%s' in camera else camera}\n"
            for n in range(rooms)
        )
        top = f'[appliance]\nstate_dir = "{self.state}"\nmin_piece = "0s"\n{appliance}\n'
        self.config.write_text(top + "".join(tables))

    @property
    def config(self) -> Path:
        """Its configuration; it lies where no power cut can hurt it."""
        return self.root.parent / f"{self.root.name}.toml"

    def tallyd(self, *words: str) -> Any:
        """Run a command to its end, and give its JSON."""
        done = subprocess.run(
            self._argv(*words, "--json"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def book(self, room: int, length_s: float, start: str = "now") -> int:
        """Book a room for so long, from now on; gives the id of the schedule."""
        words = ("schedule", "add", "--target", f"rooms.r{room}", "--name", f"Lecture {room}")
        length = f"{round(length_s * 1000)}ms"
        made: int = self.tallyd(*words, "--start", start, "--duration", length)["id"]
        return made

    def start(self, *, ready: bool = True, **more: Any) -> Daemon:
        """Start a daemon, and wait until it is ready."""
        log = self.root.parent / f"{self.root.name}-{len(self.daemons)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*self.before, *self._argv("run")],
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

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "tallyd", "--config", str(self.config), *words]

    def recorders(self, room: int | None = None) -> list[int]:
        """Give the pids of the ffmpegs that record here, or in one room."""
        prefix = "comment=tallyd " if room is None else f"comment=tallyd rooms.r{room} "
        own = str(self.root)
        return [who.pid for who, words in find(prefix) if any(own in word for word in words)]

    def runs(self) -> dict[int, dict[str, Any]]:
        """Give the runs by the id of their schedules."""
        return {run["schedule_id"]: run for run in self.tallyd("runs")}

    def finished(self, *schedules: int) -> list[dict[str, Any]]:
        """Wait until these have their outcomes, and give their runs."""

        def look() -> list[dict[str, Any]] | None:
            runs = self.runs()
            found = [runs[each] for each in schedules if each in runs]
            over = len(found) == len(schedules) and all(run["outcome"] for run in found)
            return found if over else None

        found: list[dict[str, Any]] = until(look)
        return found

    def statuses(self) -> dict[int, str]:
        """Give how the runs stand, by schedule, as the database has it."""
        with closing(sqlite3.connect(f"file:{self.state}/tallyd.db?mode=ro", uri=True)) as db:
            return dict(db.execute("SELECT schedule_id, status FROM runs").fetchall())

    def put_down(self) -> None:
        """End whatever this installation still runs."""
        for daemon in self.daemons:
            daemon.kill()
        for pid in self.recorders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.recorders())


@contextmanager
def house(root: Path, before: Sequence[str] = ()) -> Iterator[House]:
    """Have an installation, and end whatever it runs afterwards."""
    root.mkdir(exist_ok=True)
    made = House(root, before)
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
    argv = (which("ffmpeg") or "ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stderr


def instant(text: str) -> datetime:
    """Read an instant as reports and logs write it."""
    return datetime.fromisoformat(text)
