"""Rooms and channels over commands, programs that misbehave, and a device to be switched."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio

from tallyd.clock import SystemClock
from tallyd.domain.window import Window
from tallyd.drivers.feeds.command import CommandFeed
from tallyd.drivers.recorders.command import CommandRecorder
from tallyd.ports.drivers import DriverContext, StartOrder

PART = "t1"


def python(code: str, *arguments: str) -> list[str]:
    """Give the argument list of a Python program."""
    return [sys.executable, "-S", "-c", code, *arguments]


WRITER = python(
    """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    while True:
        file.write(b"data")
        time.sleep(0.005)
""",
    "{file}",
)
"""Records into {file} until a signal ends it."""

WITNESS = """
import json, os, sys, time
seen = dict(argv=sys.argv[1:], env=dict(os.environ), cwd=os.getcwd())
with open(sys.argv[1], "w") as file:
    json.dump(seen, file)
time.sleep(60)
"""
"""Writes into {file}, its first argument, how it was called."""


async def eventually(look: Callable[[], Any], within_s: float = 10) -> Any:
    """Wait until `look` gives something true, and give that."""
    with anyio.fail_after(within_s):
        while not (found := look()):  # noqa: ASYNC110 - processes are asked; they set no event
            await anyio.sleep(0.01)
    return found


def processes_with(text: str) -> list[int]:
    """Give the processes, dead ones included, that have `text` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if text.encode() in (path / "cmdline").read_bytes():
                found.append(int(path.name))
    return found


def zombies() -> list[int]:
    """Give the children of ours that have ended and were not collected."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state == "Z" and int(parent) == os.getpid():
                found.append(int(path.parent.name))
    return found


def open_descriptors() -> int:
    """Count what this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class Rig:
    """One target over a directory of its own, and the orders it is given."""

    def __init__(self, root: Path, spawn: Callable) -> None:
        self.root = root
        self.clock = SystemClock()
        self._spawn = spawn

    def context(self, target: str, capacity: int) -> DriverContext:
        """Give what a driver is given at birth."""
        return DriverContext(target, capacity, self.clock, self._spawn, self.root)

    def recorder(self, capacity: int = 1, **options: object) -> CommandRecorder:
        """Build a recorder; its files end in .data where it writes some."""
        lists = [options.get(name, []) for name in ("run", "start", "stop")]
        if any("{file}" in argument for arguments in lists for argument in arguments):
            options.setdefault("file_ending", ".data")
        checked = CommandRecorder.Options.model_validate(options)
        return CommandRecorder(self.context("rooms.aula", capacity), checked)

    def feed(self, **options: object) -> CommandFeed:
        """Build a feed."""
        checked = CommandFeed.Options.model_validate(options)
        return CommandFeed(self.context("channels.one", 1), checked)

    def order(self, token: str = PART, **changes: Any) -> StartOrder:
        """Order a part of a minute that begins now."""
        now = self.clock.now()
        piece = Window(now, now + timedelta(minutes=1))
        order = StartOrder("rooms.aula", 0, token, "Lecture", piece, self.root / token)
        return replace(order, **changes)


def witnessed(path: Path) -> dict[str, Any]:
    """Give what `WITNESS` saw."""
    return json.loads(path.read_text())


@dataclass
class Switch:
    """A device that commands switch; what a command does can be changed by a line of sh."""

    root: Path
    acts: dict[str, str] = field(
        default_factory=lambda: {"start": "touch on", "stop": "rm -f on", "status": "test -e on"}
    )

    def __post_init__(self) -> None:
        """Put it there."""
        self.root.mkdir()
        for command in self.acts:
            self.when(command, self.acts[command])

    def when(self, command: str, act: str) -> None:
        """Change what a command does."""
        new = self.root / f"{command}.new"
        new.write_text(f'cd {self.root}\necho "{command} $@" >> log\n{act}\n')
        new.rename(self.root / command)

    def argv(self, command: str, *arguments: str) -> list[str]:
        """Give a command's argument list."""
        return ["sh", str(self.root / command), *arguments]

    @property
    def options(self) -> dict[str, list[str]]:
        """The options of a driver of this device."""
        return {command: self.argv(command) for command in self.acts}

    @property
    def heard(self) -> list[str]:
        """The commands but for questions, in order."""
        log = self.root / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.strip() for line in lines if not line.startswith("status")]

    @property
    def on(self) -> bool:
        """Whether it is running."""
        return (self.root / "on").exists()
