"""An installation whose recordings lie on a disk of the test's own, with daemons as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from tallyd import app
from tallyd.config import load
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Run, Status

PATIENCE_S = 40.0
CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'
SIMULATED = 'driver = "simulated"'
HUNG_DEVICE = 'driver = "simulated"\noptions = { hang_start = true, hang_probe = true }'
COMMAND = """driver = "command"
options = { run = ["/bin/sleep", "600"] }"""

IN_THE_LOOP = """
import anyio.to_thread
async def at_once(work, *arguments, abandon_on_cancel=False, limiter=None):
    return work(*arguments)
anyio.to_thread.run_sync = at_once
"""
"""A daemon that waits for every disk itself, for controls."""


def until(look: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """Look until there is something to see."""
    give_up = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(0.05)
    return seen


class Site:
    """One installation: `recordings` is where its recordings go."""

    def __init__(self, root: Path, recordings: Path, state: Path | None = None) -> None:
        self.root = root
        self.recordings = recordings
        self.state = state or root / "state"
        self.config = root / "tallyd.toml"
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._log = root / "log"
        self.pid = 0

    def configure(self, *, appliance: str = "", tables: str = "", **rooms: str) -> None:
        """Write the configuration: for each room the lines of its table."""
        written = "".join(f"\n[rooms.{name}]\n{lines}\n" for name, lines in rooms.items())
        self.config.write_text(
            f'[appliance]\nstate_dir = "{self.state}"\nrecordings_dir = "{self.recordings}"\n'
            f'run_dir = "{self.root / "run"}"\nmin_piece = "0s"\non_stop = "finish"\n'
            f"{appliance}\n{tables}\n{written}"
        )

    def start(self, *, patch: str = "", under: Sequence[str] = (), **environment: str) -> None:
        """Start a daemon, under a tracer and with some code run first, and wait for it."""
        self._log.write_bytes(b"")
        main = ["-c", f"{patch}\nfrom tallyd.__main__ import main\nmain()"] if patch else None
        inherited = {key: value for key, value in os.environ.items() if "TALLYD_" not in key}
        with self._log.open("ab") as log, (self.root / "stderr").open("ab") as complaints:
            daemon = subprocess.Popen(
                [
                    *under,
                    sys.executable,
                    *(main or ("-m", "tallyd")),
                    "--config",
                    self.config,
                    "run",
                ],
                stdout=log,
                stderr=complaints,
                env={**inherited, **environment},
            )
        self._daemons.append(daemon)
        self.pid = 0
        until(lambda: self.said("daemon.ready") or daemon.poll() is not None)
        assert daemon.poll() is None, (self.root / "stderr").read_text()
        self.pid = self.said("daemon.started")[0]["pid"]

    def stop(self) -> None:
        """End the daemon in order."""
        daemon = self._daemons.pop()
        os.kill(self.pid, signal.SIGTERM)
        self.pid = 0
        assert daemon.wait(PATIENCE_S) == 0, (self.root / "stderr").read_text()

    def put_down(self) -> None:
        """End all that this installation runs, for sure; no disk may hang any more."""
        for daemon in self._daemons:
            if self.pid and daemon.poll() is None:  # under a tracer it is not the child itself
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            daemon.kill()
            daemon.wait()
        for pid in self.recorders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not self.recorders())

    def recorders(self) -> list[int]:
        """Give the ffmpegs that record to this installation."""
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"ffmpeg" in words[0] and os.fsencode(self.recordings) in b" ".join(words):
                    found.append(int(entry.name))
        return found

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Give the lines of an event in the log of the daemon that was started last."""
        with self._log.open("rb") as log:
            lines = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    def heard(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait for an event, and give its first line."""
        found: dict[str, Any] = until(lambda: self.said(event, **fields))[0]
        return found

    def book(self, lengths_s: Mapping[str, float], *, in_s: float = 0.0) -> datetime:
        """Book each room for so long, all at one instant, and give that."""
        at = datetime.now(UTC) + timedelta(seconds=in_s)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)

        settings = load(self.config)

        async def book() -> None:
            async with app.open_for_changes(settings) as appliance:
                for room, length_s in lengths_s.items():
                    await appliance.bookings.add(
                        lambda now, room=room, length_s=length_s: Draft(
                            target=f"rooms.{room}",
                            name=f"Lecture in {room}",
                            start=InstantStart(max(at, now)),
                            duration=timedelta(seconds=length_s),
                        )
                    )

        anyio.run(book)
        return at

    def end_all(self) -> None:
        """End every run that has begun, as an operator does, and then the daemon."""
        settings = load(self.config)

        async def end() -> None:
            async with app.open_for_changes(settings) as appliance:
                await appliance.bookings.stop_all_runs()

        anyio.run(end)
        until(lambda: not any(run.status is not Status.FINISHED for run in self.every_run()))
        self.stop()

    def every_run(self) -> list[Run]:
        """Give all runs, newest first."""
        settings = load(self.config)

        async def look() -> list[Run]:
            async with app.open_for_reports(settings) as appliance:
                return list(await appliance.reports.runs(None, None, 100))

        return anyio.run(look)

    def runs(self, room: str) -> list[Run]:
        """Give the runs of a room, newest first."""
        return [run for run in self.every_run() if run.target == f"rooms.{room}"]

    def finished(self, room: str) -> Run:
        """Wait until the newest run of a room is over, and give it."""

        def look() -> Run | None:
            run = next(iter(self.runs(room)), None)
            return run if run is not None and run.status is Status.FINISHED else None

        run: Run = until(look)
        return run

    def files(self) -> list[str]:
        """Give the names of the files that the recordings directory holds, below it."""
        return [str(path.relative_to(self.recordings)) for path in self.paths()]

    def paths(self, ending: str = "") -> list[Path]:
        """Give the files that the recordings directory holds, or those whose names end so."""
        found = self.recordings.rglob(f"*{ending}")
        return sorted(path for path in found if path.is_file())


def late_s(line: Mapping[str, Any]) -> float:
    """Give how late data flowed, by a line of the log that says so."""
    return max(line["late_ms"], line["command_late_ms"]) / 1_000


@contextmanager
def site(root: Path, recordings: Path, state: Path | None = None) -> Iterator[Site]:
    """Have an installation; whatever it runs is ended afterwards."""
    made = Site(root, recordings, state)
    try:
        yield made
    finally:
        made.put_down()
