"""What is in a media file: its length and its streams, as ffprobe tells it. Everything blocks."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.window import MILLISECOND
from tallyd.drivers.process import child_environment

PROBED_WITHIN_S: Final = 60
_LONGEST_ANSWER: Final = 300


def probe(file: Path) -> tuple[timedelta, tuple[str, ...]]:
    """Give the length of a media file, and what its streams are: `video h264 1920x1080`.

    Raises:
        InvalidBooking: it cannot be read or played, has no length, or there is no ffprobe.
    """
    program = shutil.which("ffprobe")
    if program is None:
        raise _problem(file, "there is no ffprobe: install your system's package of ffmpeg")
    if not file.is_file():
        raise _problem(file, "there is no such file")
    done = _run(program, file)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[:_LONGEST_ANSWER]
        raise _problem(file, f"it cannot be played: {said}")
    found = cast("dict[str, Any]", json.loads(done.stdout))
    streams = tuple(_streams(found))
    length = _length(found.get("format", {}))
    if length is None or not streams:
        raise _problem(file, "it has neither picture nor sound of a known length")
    return length, streams


def _run(program: str, file: Path) -> subprocess.CompletedProcess[bytes]:
    # Only files, and as a path that looks like nothing else: a playlist in it leads nowhere.
    argv = [program, "-v", "error", "-protocol_whitelist", "file", "-of", "json"]
    argv += ["-show_format", "-show_streams", f"file:{file.absolute()}"]
    try:
        return subprocess.run(  # noqa: S603 - no shell, and an absolute path
            argv,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
            timeout=PROBED_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise _problem(file, f"it was looked at for {PROBED_WITHIN_S} s, in vain") from None
    except OSError as error:
        raise _problem(file, f"ffprobe cannot be run: {error.strerror}") from error


def _length(about: Mapping[str, Any]) -> timedelta | None:
    try:
        length = timedelta(seconds=float(about["duration"]))
    except (KeyError, ValueError, OverflowError):
        return None
    whole = length - length % MILLISECOND
    return whole if whole >= MILLISECOND else None


def _streams(found: Mapping[str, Any]) -> Iterator[str]:
    for stream in found.get("streams", ()):
        kind = stream.get("codec_type")
        if kind not in {"video", "audio"}:
            continue
        size = f" {stream['width']}x{stream['height']}" if "width" in stream else ""
        yield f"{kind} {stream.get('codec_name', 'unknown')}{size}"


def _problem(file: Path, fix: str) -> InvalidBooking:
    return InvalidBooking(Problem("file", str(file), fix))
