"""What a decoded file is said to hold, from ffmpeg's own reports; and files that are none."""

from datetime import timedelta
from pathlib import Path

import anyio
import imageio_ffmpeg
import pytest

from tallyd.demo.ffmpeg import decode_all, read_progress

BINARY = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.mark.parametrize(
    ("text", "frames", "length_ms"),
    [
        ("frame=10\nout_time_us=400000\nprogress=continue\n", 10, 400),
        ("frame=10\nout_time_us=400000\nframe= 25\nout_time_us=1000000\nprogress=end\n", 25, 1000),
        ("frame=50\nout_time_us=2000000\ndup_frames=8\ndrop_frames=1\n", 43, 2000),
        ("frame=0\nout_time_us=N/A\nprogress=end\n", 0, 0),
        ("frame=3\nout_time_us=-9223372036854775807\n", 3, 0),
        ("", 0, 0),
    ],
)
def test_the_last_report_counts(text: str, frames: int, length_ms: int):
    """It reports as it goes, and says N/A where it knows no time yet."""
    assert read_progress(text) == (frames, timedelta(milliseconds=length_ms))


async def test_what_cannot_be_decoded_is_told_from_what_can(tmp_path: Path):
    """Missing, empty, broken and soundless-only files each fail; decoding goes on with the rest."""
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    await make(whole, "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25:duration=1")
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 2] + bytes(64) + content[len(content) // 2 :])
    sound = tmp_path / "sound.mkv"
    await make(sound, "-f", "lavfi", "-i", "sine=duration=1")
    empty, missing = tmp_path / "empty.mkv", tmp_path / "missing.mkv"
    empty.write_bytes(b"")

    decoded = await decode_all(BINARY, [whole, cut, sound, empty, missing])

    assert (decoded[whole].frames, decoded[whole].error) == (25, None)
    assert decoded[whole].length == pytest.approx(timedelta(seconds=1), abs=timedelta(0.05))
    assert decoded[sound].error == "it has no picture"
    for file in (cut, empty, missing):
        assert decoded[file].error, file


async def test_an_ffmpeg_that_is_gone_is_what_is_wrong_with_the_file(tmp_path: Path):
    """The report names it instead of ending in a traceback."""
    file = tmp_path / "a.mkv"
    (decoded,) = (await decode_all("/nowhere/ffmpeg", [file])).values()
    assert decoded.error == "cannot be run: No such file or directory"


async def make(file: Path, *source: str) -> None:
    """Make a small file."""
    await anyio.run_process([BINARY, "-v", "error", *source, str(file)])
