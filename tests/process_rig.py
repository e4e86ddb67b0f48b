"""A daemon and commands as processes, in an installation of their own, with rules to be broken."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from tallyd import app
from tallyd.config import load
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart

PATIENCE_S = 50.0
LOOK_AGAIN_S = 0.02


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    give_up = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(LOOK_AGAIN_S)
    return seen


class Processes:
    """One installation: its configuration, its commands, and its daemon."""

    def __init__(self, root: Path, rooms: str, **environment: str) -> None:
        self.root = root
        self._config = root / "tallyd.toml"
        self._config.write_text(f'[appliance]\nstate_dir = "state"\n{rooms}')
        self._log = root / "log"
        self._environment = environment
        self._daemon: subprocess.Popen[bytes] | None = None

    def tallyd(self, *words: str) -> Any:
        """Run a command to its end, and give its JSON."""
        done = subprocess.run(
            [*self._command(""), *words, "--json"],
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def reload(self) -> None:
        """Have the daemon read its configuration, and the zones, anew."""
        command = [*self._command(""), "reload", "--wait"]
        subprocess.run(command, env=self._env(), check=True, capture_output=True)

    def book(self, room: str, name: str, start: datetime, duration: str) -> int:
        """Book a room from an instant on."""
        told = ("--target", f"rooms.{room}", "--name", name, "--duration", duration)
        found: int = self.tallyd(
            "schedule", "add", *told, "--start", f"{start:%Y-%m-%dT%H:%M:%SZ}"
        )["id"]
        return found

    def book_here(self, room: str, start: datetime, length: timedelta) -> int:
        """Book a room without a process of its own: that takes no second."""
        settings = load(self._config)

        async def book() -> int:
            async with app.open_for_changes(settings) as appliance:
                draft = Draft(f"rooms.{room}", room, InstantStart(start), length)
                change = await appliance.bookings.add(lambda _now: draft)
            assert change.after is not None
            return change.after.id

        return anyio.run(book)

    def start(self, broken: str = "") -> None:
        """Start the daemon and wait until it is ready; `broken` is Python that breaks a rule."""
        with self._log.open("wb") as log:
            command = [*self._command(broken), "run"]
            self._daemon = subprocess.Popen(command, stdout=log, env=self._env())
        until(lambda: self.said("daemon.ready"))

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def kill(self) -> None:
        """End the daemon at once, if it runs."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        self._daemon = None

    def said(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Give the lines of an event that have these fields, of the daemon started last."""
        with self._log.open("rb") as log:
            lines = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [each for each in lines if each["event"] == event and fields.items() <= each.items()]

    def run_of(self, schedule: int) -> dict[str, Any]:
        """Give what became of a booking."""
        found: dict[str, Any]
        (found,) = (run for run in self.tallyd("runs") if run["schedule_id"] == schedule)
        return found

    def _command(self, broken: str) -> list[str]:
        program = f"{broken}\nfrom tallyd.__main__ import main\nmain()"
        return [sys.executable, "-c", program, "--config", str(self._config)]

    def _env(self) -> Mapping[str, str]:
        return {**os.environ, **self._environment}


@contextmanager
def processes(root: Path, rooms: str, **environment: str) -> Iterator[Processes]:
    """Have an installation; its daemon is ended afterwards."""
    made = Processes(root, rooms, **environment)
    try:
        yield made
    finally:
        made.kill()
