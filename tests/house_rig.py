"""Whole installations: a directory, a configuration, and the daemon as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from tallyd import app
from tallyd.clock import SystemClock
from tallyd.config import Settings, load
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Run, Schedule, Status
from tallyd.logs.events import EVENTS

WITHIN_S = 20.0
"""How long a test waits for anything; a shared machine can be slow, and no promise is tested so."""

LOOK_AGAIN_S = 0.02


async def eventually(look: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Wait until `look` gives something true, and give that."""
    with anyio.fail_after(within_s):
        while not (found := look()):  # noqa: ASYNC110 - what another process does sets no event
            await anyio.sleep(LOOK_AGAIN_S)
    return found


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLYD_")}


class Daemon:
    """One `tallyd run`, its log line by line, and its end."""

    def __init__(
        self,
        config: Path,
        log: Path,
        environment: Mapping[str, str],
        stdout: int | None = None,
        within: Sequence[str] = (),
    ) -> None:
        self._log = log
        with log.open("ab") as out, log.with_suffix(".stderr").open("ab") as err:
            self._process = subprocess.Popen(
                [*within, sys.executable, "-m", "tallyd", "--config", str(config), "run"],
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                env={**_inherited(), **environment},
            )
        self.pid = self._process.pid

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; a line that is no JSON object fails the test."""
        with self._log.open("rb") as log:
            return [json.loads(line) for line in log if line.endswith(b"\n")]

    @property
    def stderr(self) -> str:
        """What it said on stderr."""
        return self._log.with_suffix(".stderr").read_text()

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Give the lines of an event that have these fields."""
        return [
            line for line in self.lines if line["event"] == event and fields.items() <= line.items()
        ]

    async def heard(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait for an event, and give its line; a daemon that ended without it fails the test."""

        def look() -> list[dict[str, Any]]:
            over = self._process.poll() is not None
            found = self.said(event, **fields)
            assert found or not over, f"the daemon ended without {event}: {self.stderr}"
            return found

        return (await eventually(look))[-1]

    async def ended(self) -> int:
        """Wait for its end, and give its exit status."""
        await eventually(lambda: self._process.poll() is not None, within_s=40)
        return self._process.returncode

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal, wait for its end, and give its exit status."""
        self._process.send_signal(number)
        return await self.ended()

    def put_down(self) -> None:
        """End it for sure, if it still runs."""
        self._process.kill()
        self._process.wait()


class House:
    """One installation, from empty: configure it, book in it, run daemons on it.

    `within` are the words of a command that runs the daemon, `more` are lines of configuration.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "tallyd.toml"
        self.state = root / "state"
        self.database = self.state / "tallyd.db"
        self.clock = SystemClock()
        self.on_stop = "finish"
        self.within: tuple[str, ...] = ()
        self.more = ""
        self.daemons: list[Daemon] = []

    def configure(self, **rooms: str) -> None:
        """Write the configuration: for each room, the lines of its table."""
        tables = "".join(f"\n[rooms.{name}]\n{lines}\n" for name, lines in rooms.items())
        self.config.write_text(
            f'[appliance]\nstate_dir = "state"\nmin_piece = "0s"\n'
            f'on_stop = "{self.on_stop}"\n{self.more}{tables}',
            encoding="utf-8",
        )

    async def settings(self) -> Settings:
        """Give the configuration as the daemon reads it."""
        return await anyio.to_thread.run_sync(load, self.config)

    def launch(self, *, stdout: int | None = None, **environment: str) -> Daemon:
        """Start a daemon and wait for nothing; its log goes to a file, or to `stdout`."""
        log = self.root / f"daemon-{len(self.daemons)}.log"
        daemon = Daemon(self.config, log, environment, stdout, self.within)
        self.daemons.append(daemon)
        return daemon

    async def start(self, **environment: str) -> Daemon:
        """Start a daemon and wait until it is ready."""
        daemon = self.launch(**environment)
        await daemon.heard("daemon.ready")
        return daemon

    async def book(
        self, room: str, length_s: float, *, in_s: float = 0.0, name: str = "Lecture"
    ) -> Schedule:
        """Book a one-shot as the command line does: into the database, and nudge."""
        async with app.open_for_changes(await self.settings()) as appliance:
            change = await appliance.bookings.add(
                lambda now: Draft(
                    target=f"rooms.{room}",
                    name=name,
                    start=InstantStart(now + timedelta(seconds=in_s)),
                    duration=timedelta(seconds=length_s),
                )
            )
        assert change.after is not None
        return change.after

    async def remove(self, schedule: Schedule) -> None:
        """Remove a booking as the command line does, and let what it records end."""
        async with app.open_for_changes(await self.settings()) as appliance:
            await appliance.bookings.remove_and_stop(schedule.id)

    async def stop(self, schedule: Schedule) -> None:
        """Let what is recorded of a booking end now, as the command line does."""
        run = await self.run_of(schedule)
        async with app.open_for_changes(await self.settings()) as appliance:
            await appliance.bookings.stop_run(run.id)

    async def run_of(self, schedule: Schedule) -> Run:
        """Give the one row of a one-shot, as reports show it."""
        async with app.open_for_reports(await self.settings()) as appliance:
            runs = await appliance.reports.runs(None, schedule.target, 100)
        (run,) = (run for run in runs if run.schedule_id == schedule.id)
        return run

    async def finished(self, schedule: Schedule) -> Run:
        """Wait until a one-shot has its outcome, and give its row."""
        with anyio.fail_after(WITHIN_S):
            while True:
                run = await self.run_of(schedule)
                if run.status is Status.FINISHED:
                    return run
                await anyio.sleep(0.1)

    @property
    def snapshot(self) -> Path:
        """The file in which the daemon publishes what it does."""
        return self.state / "run" / "state.json"

    def picture(self, room: str) -> dict[str, Any]:
        """Give what the daemon publishes of a room."""
        whole = json.loads(self.snapshot.read_text(encoding="utf-8"))
        found: dict[str, Any] = whole["targets"][f"rooms.{room}"]
        return found

    async def shows(self, room: str, status: str) -> dict[str, Any]:
        """Wait until the published picture of a room has this status, and give it."""
        return await eventually(
            lambda: (seen := self.picture(room))["status"] == status and seen,
        )

    def recorders(self) -> list[int]:
        """Give the pids of the ffmpegs that record into this installation, ended ones left out."""
        marker = str(self.root).encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"ffmpeg" in words[0] and any(marker in word for word in words):
                    found.append(int(entry.name))
        return found

    def put_down(self) -> None:
        """End whatever this installation still runs."""
        for daemon in self.daemons:
            daemon.put_down()
        for pid in self.recorders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def house_at(root: Path) -> Iterator[House]:
    """Have an empty installation; whatever it runs is ended afterwards."""
    built = House(root)
    try:
        yield built
    finally:
        built.put_down()
    for line in (line for daemon in built.daemons for line in daemon.lines):
        assert line["event"] in EVENTS, f"not in the list of events: {line}"
        assert line["event"] not in {"task.failed", "library.logged"}, line
