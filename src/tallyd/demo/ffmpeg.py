"""The ffmpeg that the demo needs: whether it can record, and what its recordings decode to."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from subprocess import DEVNULL, CompletedProcess

import anyio

from tallyd.demo.comparison import Decoded
from tallyd.demo.errors import DemoError
from tallyd.drivers.ffmpeg.binary import AUTO, find_ffmpeg
from tallyd.ports.drivers import GiveUpError

AT_ONCE = 2
"""How many files are decoded at a time."""

_BOUND_S = 20.0
_TRIAL = (
    *("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=0.2"),
    *("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=0.2"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    *("-f", "matroska", "-y", "/dev/null"),
)


async def find_working_ffmpeg() -> str:
    """Give the ffmpeg that recordings will use, once it has made a short one into nowhere.

    So the programs lie in memory, and the first recording of a fresh machine is as punctual as any.

    Raises:
        DemoError: there is none, or it cannot record.
    """
    try:
        binary = find_ffmpeg(AUTO)
    except GiveUpError as error:
        raise DemoError(error.sentence) from error
    await make(binary, "record a test picture", *_TRIAL)
    return binary


async def make(binary: str, what: str, *arguments: str) -> None:
    """Run an ffmpeg that is to do `what`.

    Raises:
        DemoError: it cannot.
    """
    done = await _run(binary, *arguments)
    if not isinstance(done, CompletedProcess):
        raise DemoError(f"{binary} {done}")
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise DemoError(f"{binary} cannot {what}: {said}")


async def decode_all(binary: str, files: Iterable[Path]) -> dict[Path, Decoded]:
    """Decode every frame of each file; a file that is missing is one that does not decode."""
    limiter = anyio.CapacityLimiter(AT_ONCE)
    decoded: dict[Path, Decoded] = {}

    async def decode(file: Path) -> None:
        async with limiter:
            decoded[file] = await _decode(binary, file)

    async with anyio.create_task_group() as tasks:
        for file in files:
            tasks.start_soon(decode, file)
    return decoded


async def _decode(binary: str, file: Path) -> Decoded:
    done = await _run(binary, "-i", f"file:{file}", "-progress", "pipe:1", "-f", "null", "-")
    if not isinstance(done, CompletedProcess):
        return Decoded(0, timedelta(0), done)
    frames, length = read_progress(done.stdout.decode(errors="replace"))
    said = done.stderr.decode(errors="replace").strip().splitlines()
    error = said[0] if said else None
    if error is None and done.returncode != 0:
        error = f"ffmpeg ended with status {done.returncode}"
    if error is None and frames == 0:
        error = "it has no picture"
    return Decoded(frames, length, error)


def read_progress(text: str) -> tuple[int, timedelta]:
    """Give the frames and the length of the last report that has them; zero where none has.

    Frames that ffmpeg made up where some were missing, or dropped, are not counted as such.
    """
    found = dict.fromkeys(("frame", "dup_frames", "drop_frames", "out_time_us"), 0)
    for line in text.splitlines():
        key, _, value = line.strip().partition("=")
        if key in found and value.strip().isdecimal():
            found[key] = int(value)
    frames = found["frame"] - found["dup_frames"] + found["drop_frames"]
    return frames, timedelta(microseconds=found["out_time_us"])


async def _run(binary: str, *arguments: str) -> CompletedProcess[bytes] | str:
    """Run an ffmpeg to its end; gives what it said, or why that was not to be had."""
    command = [binary, "-hide_banner", "-nostdin", "-nostats", "-v", "error", *arguments]
    try:
        with anyio.fail_after(_BOUND_S):
            return await anyio.run_process(command, stdin=DEVNULL, check=False)
    except TimeoutError:
        return f"did not come to an end within {_BOUND_S:g} s"
    except OSError as error:
        return f"cannot be run: {error.strerror}"
