"""An installation in a temporary directory, with its daemon as a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from uuid import uuid4

import anyio
from anyio import to_thread

from bench.wire_driver import ENTRY_POINTS
from tallyd import nudge
from tallyd.app import open_for_changes
from tallyd.bookings import Bookings, nothing_told
from tallyd.clock import SystemClock
from tallyd.config import Settings, load
from tallyd.domain.drafts import Draft, to_schedule
from tallyd.domain.model import InstantStart, Run, Status
from tallyd.domain.window import floor_ms
from tallyd.store import SqliteStore, open_store

READY_WITHIN_S = 120.0
ENDS_WITHIN_S = 60.0
LOOK_EVERY_S = 0.01


class Call(NamedTuple):
    """The name of a schedule, its planned start in ms, and when its driver was called, in ns."""

    name: str
    planned_ms: int
    called_ns: int


@dataclass(frozen=True, slots=True)
class House:
    """An installation whose daemon may run, and the database that it works from."""

    settings: Settings
    store: SqliteStore
    clock: SystemClock
    root: Path

    async def book(self, drafts: Iterable[Draft]) -> None:
        """Store many wishes at once, as if each had been booked just now; nothing is checked."""
        now = floor_ms(self.clock.now())
        async with self.store.write() as tx:
            for draft in drafts:
                await tx.add_schedule(to_schedule(draft, now, uuid4().hex))

    async def book_now(self, room: str, name: str, length: timedelta) -> int:
        """Book a recording that begins now; gives when the daemon was nudged, in ns."""
        sent_ns: list[int] = []

        def tell() -> None:
            sent_ns.append(time.time_ns())
            nudge.send(self.settings.appliance.run_dir)

        bookings = Bookings(self.store, self.clock, tell, nothing_told)
        await bookings.add(lambda now: Draft(f"rooms.{room}", name, InstantStart(now), length))
        return sent_ns[0]

    @asynccontextmanager
    async def daemon(self, program: str = "bench.daemon") -> AsyncIterator[subprocess.Popen[bytes]]:
        """Run the daemon, ready at once, and end it in order; it notes what `program` notes."""
        (self.settings.appliance.run_dir / "state.json").unlink(missing_ok=True)
        with _daemon(self.root, program) as daemon:
            try:
                await self._ready(daemon)
                yield daemon
            finally:
                daemon.terminate()
                await to_thread.run_sync(daemon.wait, ENDS_WITHIN_S)

    async def finished_runs(self, count: int, within_s: float) -> tuple[Run, ...]:
        """Wait until so many runs have their outcome, and give them in order of start."""
        with anyio.fail_after(within_s):
            while True:
                async with self.store.read() as reader:
                    runs = await reader.runs()
                over = [run for run in runs if run.status is Status.FINISHED]
                if len(over) >= count:
                    return tuple(sorted(over, key=lambda run: run.planned.start))
                await self.clock.sleep(1)

    def calls(self) -> list[Call]:
        """Give every call of a driver's start, once the daemon has ended."""
        return [Call(*json.loads(line)[:3]) for line in self.noted()]

    def calls_under_deadline(self) -> float:
        """Give the share of those calls for which the engine had set a deadline."""
        each: list[bool] = [json.loads(line)[3] for line in self.noted()]
        return sum(each) / len(each)

    def noted(self) -> list[str]:
        """Give the lines that the daemon's program has noted, once the daemon has ended."""
        return (self.root / "noted.jsonl").read_text().splitlines()

    def log(self) -> str:
        """Give what the daemon has logged."""
        return (self.root / "daemon.log").read_text()

    async def _ready(self, daemon: subprocess.Popen[bytes]) -> None:
        await until(lambda: daemon.poll() is not None or "daemon.ready" in self.log(), self.clock)
        if daemon.poll() is not None:
            raise RuntimeError(f"the daemon ended with status {daemon.returncode}")


@asynccontextmanager
async def house(rooms: Mapping[str, str], more: str = "") -> AsyncIterator[House]:
    """Make an installation with these rooms; a room's value is the lines of its table.

    `more` is written below them.
    """
    with TemporaryDirectory(prefix="tallyd-bench-") as directory:
        root = Path(directory)
        config = root / "tallyd.toml"
        tables = "".join(f"\n[rooms.{name}]\n{lines}\n" for name, lines in rooms.items())
        _offer_recorders(root)
        appliance = 'state_dir = "state"\nmin_piece = "0s"\non_stop = "finish"'
        config.write_text(f"[appliance]\n{appliance}\n{tables}\n{more}")
        settings = load(config)
        async with (
            open_for_changes(settings),
            open_store(settings.appliance.state_dir / "tallyd.db") as store,
        ):
            yield House(settings, store, SystemClock(), root)


@asynccontextmanager
async def running_house(rooms: Mapping[str, str]) -> AsyncIterator[House]:
    """Run a daemon with these rooms and no wishes."""
    async with house(rooms) as made, made.daemon():
        yield made


def _offer_recorders(root: Path) -> None:
    """Let the daemon find the bench's own recorders as it finds anybody's: by entry point."""
    metadata = root / "tallyd_bench-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tallyd-bench\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)


def _daemon(root: Path, program: str) -> subprocess.Popen[bytes]:
    words = ("-m", program, root / "noted.jsonl", "--config", root / "tallyd.toml", "run")
    paths = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    surroundings = {**os.environ, "PYTHONPATH": paths}
    with (root / "daemon.log").open("wb") as out:
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, *words], stdout=out, env=surroundings
        )


async def until(look: Callable[[], bool], clock: SystemClock) -> None:
    """Wait until something is so."""
    with anyio.fail_after(READY_WITHIN_S):
        while not look():
            await clock.sleep(LOOK_EVERY_S)
