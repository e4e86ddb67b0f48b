"""An installation in a temporary directory, with its daemon as a process of its own."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from tallyd.clock import SystemClock
from tallyd.config import Settings, load
from tallyd.domain.model import Run, Status
from tallyd.store import SqliteStore, open_store

READY_WITHIN_S = 30.0
LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class House:
    """A daemon that runs, and the database that it works from."""

    settings: Settings
    store: SqliteStore
    clock: SystemClock

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


@asynccontextmanager
async def running_house(rooms: Mapping[str, str]) -> AsyncIterator[House]:
    """Run a daemon with these rooms; a room's value is the lines of its table."""
    with TemporaryDirectory(prefix="tallyd-bench-") as directory:
        root = Path(directory)
        config = root / "tallyd.toml"
        tables = "".join(f"\n[rooms.{name}]\n{lines}\n" for name, lines in rooms.items())
        config.write_text(f'[appliance]\nstate_dir = "state"\nmin_piece = "0s"\n{tables}')
        settings = load(config)
        clock = SystemClock()
        with _daemon(config, root / "daemon.log") as daemon:
            try:
                await _ready(daemon, settings.appliance.run_dir / "state.json", clock)
                async with open_store(settings.appliance.state_dir / "tallyd.db") as store:
                    yield House(settings, store, clock)
            finally:
                daemon.terminate()


def _daemon(config: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(  # noqa: S603 - this Python and our own words
            [sys.executable, "-m", "tallyd", "--config", str(config), "run"], stdout=out
        )


async def _ready(daemon: subprocess.Popen[bytes], snapshot: Path, clock: SystemClock) -> None:
    def ready() -> bool:
        return snapshot.exists() and json.loads(snapshot.read_text())["ready"]

    await _until(lambda: daemon.poll() is not None or ready(), clock)
    if daemon.poll() is not None:
        raise RuntimeError(f"the daemon ended with status {daemon.returncode}")


async def _until(look: Callable[[], bool], clock: SystemClock) -> None:
    with anyio.fail_after(READY_WITHIN_S):
        while not look():
            await clock.sleep(LOOK_EVERY_S)
