"""ffmpeg before it is needed: read from the disk, and never in the way."""

import anyio
import imageio_ffmpeg
import pytest

from tallyd.clock import SystemClock
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.ports.drivers import DriverContext, TryAgainError, WarmsUp


async def warm_up(binary: str, within_s: float = 20.0) -> None:
    """Have a recorder with that ffmpeg warm up."""
    async with anyio.create_task_group() as tasks:
        context = DriverContext("rooms.a", 1, SystemClock(), tasks.start_soon)
        recorder = FfmpegRecorder(context, FfmpegRecorder.Options(source="test", binary=binary))
        assert isinstance(recorder, WarmsUp)
        with anyio.move_on_after(within_s):
            await recorder.warm_up()


def program(path, *lines: str) -> str:
    """Write a program."""
    path.write_text("\n".join(("#!/bin/sh", *lines)))
    path.chmod(0o755)
    return str(path)


async def test_it_runs_once_to_its_end(tmp_path):
    """It is told to do nothing."""
    noted = tmp_path / "noted"
    await warm_up(program(tmp_path / "ffmpeg", f'echo "$@" >> {noted}'))
    assert noted.read_text() == "-version\n"
    await warm_up(imageio_ffmpeg.get_ffmpeg_exe())


async def test_one_that_hangs_is_ended_at_the_deadline(tmp_path):
    """Nothing of it is left when the start comes."""
    began = anyio.current_time()
    await warm_up(program(tmp_path / "ffmpeg", "exec sleep 60"), within_s=0.2)
    assert anyio.current_time() - began < 10


async def test_one_that_cannot_be_run_is_an_answer(tmp_path):
    """The start itself will say so, too."""
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    with pytest.RaisesGroup(TryAgainError):
        await warm_up(str(broken))


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({"source": "test"}, None),
        ({"source": "rtsp://192.0.2.1/a", "video_bitrate_kbps": 800}, None),
        ({"source": "test", "video_bitrate_kbps": 872}, 125_000),
        ({"source": "test", "video_bitrate_kbps": 800, "audio_codec": "none"}, 100_000),
        ({"inputs": ("test", "test"), "video_bitrate_kbps": 872}, 125_000),
    ],
)
def test_the_rate_of_files_is_known_where_the_options_say_it(options, rate):
    """What is copied grows as its source likes."""
    assert FfmpegRecorder.Options(**options).bytes_per_s == rate
