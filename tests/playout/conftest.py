"""A channel over real ffmpegs, marked films for it to play, and somebody who watches."""

import os
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from tests import marks_rig
from tests.command_rig import zombies
from tests.marks_rig import Mark
from tests.playout_rig import off_loop

from tallyd.clock import SystemClock
from tallyd.domain.window import Window
from tallyd.drivers.feeds.ffmpeg import FfmpegFeed
from tallyd.drivers.outliving import find, holds_one_of
from tallyd.drivers.places import held
from tallyd.drivers.playout.asrun import aired
from tallyd.drivers.playout.transport import Demuxer, Pid
from tallyd.drivers.playout.wire import AS_RUN
from tallyd.drivers.process import kernel_facts
from tallyd.ports.as_run import Aired
from tallyd.ports.drivers import DriverContext, StartOrder
from tallyd.ports.programme import Programme

TARGET = "channels.test"
_PORTS = range(20_000, 32_000)
"""Below those that Linux chooses from: any other test could be given one of these at any time."""


@dataclass
class Viewer:
    """Receives a channel over UDP, and notes when each datagram came."""

    port: int
    clock: SystemClock
    came: list[tuple[datetime, bytes]] = field(default_factory=list)

    async def watch(self) -> None:
        """Receive until cancelled."""
        async with await anyio.create_udp_socket(
            family=socket.AF_INET, local_host="127.0.0.1", local_port=self.port
        ) as link:
            async for data, _ in link:
                self.came.append((self.clock.now(), data))

    def pictures(self, directory: Path) -> list[tuple[datetime, int, Mark]]:
        """Give each picture: when it came, its time stamp, what it shows."""
        demuxer = Demuxer()
        given = [
            (at, unit.at)
            for at, data in self.came
            for unit in demuxer.feed(data)
            if unit.pid is Pid.PICTURE
        ]
        # A picture is given when the next one begins to come: the first is nobody's successor.
        stamps = [(at, stamp) for (at, _), (_, stamp) in pairwise([(self.came[0][0], 0), *given])]
        path = directory / "watched.ts"
        path.write_bytes(b"".join(data for _, data in self.came))
        marks = marks_rig.marks_of(path)
        assert abs(len(marks) - len(stamps)) <= 1
        return [(*stamp, mark) for stamp, mark in zip(stamps, marks, strict=False)]


class Channel:
    """The feed of one channel, as a daemon has it; `succeed` gives that of the next daemon."""

    def __init__(self, root: Path, tasks: anyio.abc.TaskGroup) -> None:
        self.root = root
        self.clock = SystemClock()
        self.viewer = Viewer(free_port(), self.clock)
        self.said: list[tuple[str, object]] = []
        self._tasks = tasks
        self._scopes: list[anyio.CancelScope] = []
        tasks.start_soon(self.viewer.watch)

    def feed(
        self, *, live: str | None = None, ad_slate: Path | None = None, **options: object
    ) -> FfmpegFeed:
        """Build a feed; it is published to the viewer."""
        chosen: dict[str, object] = {
            "outputs": [f"udp://127.0.0.1:{self.viewer.port}"],
            "size": f"{marks_rig.WIDTH}x{marks_rig.HEIGHT}",
            "video_bitrate_kbps": 800,
            "archive_keep_s": 0,
            **options,
        }
        context = DriverContext(
            target=TARGET,
            capacity=1,
            clock=self.clock,
            spawn=self._spawn,
            root=self.root,
            locks=self.root / "locks",
            state=self.root / "state",
            live=live,
            ad_slate=ad_slate,
            say=lambda event, **facts: self.said.append((event, facts.get("error"))),
        )
        return FfmpegFeed(context, FfmpegFeed.Options.model_validate(chosen))

    def order(
        self, token: str, start: datetime, seconds: float, programme: Programme | None = None
    ) -> StartOrder:
        """Order an entry."""
        piece = Window(start, start + timedelta(seconds=seconds))
        output = self.root / token
        return StartOrder(TARGET, 0, token, token, piece, output, programme=programme)

    def aired(self, since: datetime) -> tuple[Aired, ...]:
        """Give what the as-run log says."""
        now = self.clock.now()
        period = Window(since, now)
        found = off_loop(lambda: aired(self.root / "state" / AS_RUN, period, now)) or ()
        common = [(each, each.window.common(period)) for each in found]
        return tuple(replace(each, window=window) for each, window in common if window is not None)

    def daemon_dies(self) -> None:
        """End all that runs beside the feed."""
        for scope in self._scopes:
            scope.cancel()
        self._scopes.clear()

    def _spawn(self, task: Callable) -> None:
        scope = anyio.CancelScope()
        self._scopes.append(scope)

        async def run() -> None:
            with scope:
                await task()

        self._tasks.start_soon(run)


def free_port() -> int:
    """Give a port that nobody uses now, neither way, and that the system gives to nobody itself."""
    for port in random.sample(_PORTS, 100):
        with (
            suppress(OSError),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
        ):
            packets.bind(("127.0.0.1", port))
            stream.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


def playouts(locks: Path) -> list[int]:
    """Give the pids of the playouts that hold one of these locks."""

    def look() -> list[int]:
        locked = held(locks)
        return [each.pid for each, _ in find("playout=") if holds_one_of(each.pid, locked)]

    return off_loop(look)


def end_playouts(locks: Path) -> None:
    """Kill the playouts that hold one of these locks, and collect all that have ended."""
    for pid in playouts(locks):
        os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):  # another process started it
            os.waitpid(pid, 0)
    for pid in zombies():
        os.waitpid(pid, 0)


def children_of(parent: int, word: str) -> list[int]:
    """Give the children of a process that have a word in their arguments."""

    def look() -> list[int]:
        pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return [pid for pid in pids if is_one(pid)]

    def is_one(pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            return int(kernel_facts(pid)[1]) == parent and word.encode() in words
        except OSError:
            return False

    return off_loop(look)


@pytest.fixture
async def channel(tmp_path: Path):
    """Give a channel that is off the air afterwards, whatever the test did."""
    async with anyio.create_task_group() as tasks:
        yield Channel(tmp_path, tasks)
        tasks.cancel_scope.cancel()
    end_playouts(tmp_path / "locks")


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """Give a directory that no disk holds up: servers here write it down before they pass it on."""
    shared = Path("/dev/shm")  # noqa: S108 - it is made with a name of its own
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, float], Path]:
    """Make marked films, each only once."""
    return marks_rig.films_in(tmp_path_factory.mktemp("films"))
