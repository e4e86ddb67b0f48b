"""Real ffmpegs of both kinds, recorders over them, and ways to look into what they record."""

import os
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from media import BUNDLED, Media
from tallyd.clock import SystemClock
from tallyd.domain.window import Window
from tallyd.drivers.outliving import find
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.ports.drivers import DriverContext, StartOrder

PART = "t1"


def system_program(name: str) -> str:
    """Give the path of a program of the system's; where it is missing, CI does not pass."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"install {name}: this test uses the real one")
    return path


@pytest.fixture(params=["system", "bundled"])
def binary(request: pytest.FixtureRequest) -> str:
    """Both kinds of ffmpeg, one after the other: five years lie between them."""
    return BUNDLED if request.param == "bundled" else system_program("ffmpeg")


@pytest.fixture
async def tasks():
    """Give a task group that is cancelled at the end, as the daemon's is."""
    async with anyio.create_task_group() as group:
        yield group
        group.cancel_scope.cancel()


class Room:
    """A recorder over a directory, and the orders it is given."""

    def __init__(self, root: Path, spawn: Callable) -> None:
        self.root = root
        self.clock = SystemClock()
        self._spawn = spawn
        self._recorders = 0

    def recorder(self, capacity: int = 1, **options: object) -> FfmpegRecorder:
        """Build a recorder; by default of the test source."""
        if "inputs" not in options:
            options.setdefault("source", "test")
        self._recorders += 1
        locks = self.root.with_name(f"{self.root.name}-locks-{self._recorders}")
        context = DriverContext("rooms.aula", capacity, self.clock, self._spawn, self.root, locks)
        return FfmpegRecorder(context, FfmpegRecorder.Options.model_validate(options))

    def order(self, token: str = PART, *, on_input: int = 0, length_s: float = 60) -> StartOrder:
        """Order a part that begins now."""
        now = self.clock.now()
        piece = Window(now, now + timedelta(seconds=length_s))
        return StartOrder("rooms.aula", on_input, token, "Lecture", piece, self.root / token)


@pytest.fixture(autouse=True)
def _no_recorder_stays(tmp_path: Path):
    """End the recorders that a test leaves running: they outlive it as they outlive a daemon."""
    yield
    for identity, words in find("comment=tallyd "):
        if any(str(tmp_path) in word for word in words):
            os.kill(identity.pid, signal.SIGKILL)


@pytest.fixture
def room(tmp_path: Path, tasks) -> Room:
    """Give a room whose recordings lie in the test's own directory."""
    return Room(tmp_path, tasks.start_soon)


@pytest.fixture
def media() -> Media:
    """Eyes for recorded files."""
    return Media()


@pytest.fixture
def room_class() -> type[Room]:
    """For tests that run their own tasks."""
    return Room
