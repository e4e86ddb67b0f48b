"""Real ffmpegs of both kinds, recorders over them, and ways to look into what they record."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import anyio
import imageio_ffmpeg
import pytest

from tallyd.clock import SystemClock
from tallyd.domain.window import Window
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.ports.drivers import DriverContext, StartOrder

PART = "t1"
BUNDLED = imageio_ffmpeg.get_ffmpeg_exe()


def system_program(name: str) -> str:
    """Give the path of a program that the tests need; without it they fail, they do not skip."""
    path = shutil.which(name)
    assert path is not None, f"install {name}: these tests use the real one"
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

    def recorder(self, capacity: int = 1, **options: object) -> FfmpegRecorder:
        """Build a recorder; by default of the test source."""
        if "inputs" not in options:
            options.setdefault("source", "test")
        context = DriverContext("rooms.aula", capacity, self.clock, self._spawn, self.root)
        return FfmpegRecorder(context, FfmpegRecorder.Options.model_validate(options))

    def order(self, token: str = PART, *, on_input: int = 0, length_s: float = 60) -> StartOrder:
        """Order a part that begins now."""
        now = self.clock.now()
        piece = Window(now, now + timedelta(seconds=length_s))
        return StartOrder("rooms.aula", on_input, token, "Lecture", piece, self.root / token)


@pytest.fixture
def room(tmp_path: Path, tasks) -> Room:
    """Give a room whose recordings lie in the test's own directory."""
    return Room(tmp_path, tasks.start_soon)


class Media:
    """Looks into what was recorded, with the system's ffmpeg and ffprobe."""

    async def damage(self, path: Path) -> str:
        """Decode a file from end to end; gives what the decoder complains of."""
        # At its own frame times: a null output of a fixed rate would complain of any jitter.
        times = ("-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
        argv = (system_program("ffmpeg"), "-v", "error", "-i", str(path), *times, "-f", "null", "-")
        return (await anyio.run_process(argv, check=False)).stderr.decode()

    async def packet_times(self, path: Path, stream: str = "v") -> list[float]:
        """Give the presentation times of a stream's packets, in order."""
        entries = ("-show_entries", "packet=pts_time", "-of", "json", str(path))
        argv = (
            system_program("ffprobe"),
            "-v",
            "error",
            "-select_streams",
            f"{stream}:0",
            *entries,
        )
        done = await anyio.run_process(argv, check=False)
        return sorted(float(packet["pts_time"]) for packet in json.loads(done.stdout)["packets"])

    async def length_s(self, path: Path) -> float:
        """Give how long the picture of a file lasts, its last frame included."""
        times = await self.packet_times(path)
        return (times[-1] - times[0]) * len(times) / (len(times) - 1)


@pytest.fixture
def media() -> Media:
    """Eyes for recorded files."""
    return Media()


@pytest.fixture
def room_class() -> type[Room]:
    """For tests that run their own tasks."""
    return Room
