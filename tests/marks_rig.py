"""Pictures that say which they are: made, and read again from whatever they went through."""

import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, RATE = 320, 180, 25
_BITS = 16
_COLUMN = WIDTH // _BITS
_WHITE, _BLACK = 235, 16
_THRESHOLD = 128
FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
_QUIET = (FFMPEG, "-hide_banner", "-nostdin", "-v", "error", "-y")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture says: whose it is, and its number from 0."""

    name: int
    number: int


def picture(mark: Mark) -> bytes:
    """Make a grey picture: above the bits of the name, below those of the number."""
    half = HEIGHT // 2
    return _row(mark.name) * half + _row(mark.number) * half


def read(data: bytes) -> Mark:
    """Read a grey picture."""
    return Mark(_value(data, HEIGHT // 4), _value(data, 3 * HEIGHT // 4))


def film(path: Path, name: int, seconds: float) -> Path:
    """Make a film with a tone whose every picture is marked."""
    count = round(seconds * RATE)
    raw = b"".join(picture(Mark(name, number)) for number in range(count))
    shape = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE))
    tone = ("-f", "lavfi", "-i", f"sine=frequency={200 + 50 * name}:sample_rate=48000")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    command = [FFMPEG, "-v", "error", "-y", *shape, "-i", "pipe:0", *tone, *coded]
    length = ("-t", f"{seconds}")
    subprocess.run([*command, *length, str(path)], input=raw, check=True, timeout=60)
    return path


def films_in(directory: Path) -> Callable[[int, float], Path]:
    """Give what makes films in a directory, each only once."""

    def made(name: int, seconds: float) -> Path:
        path = directory / f"{name}-{seconds}.mp4"
        return path if path.exists() else film(path, name, seconds)

    return made


def marks_of(path: Path) -> list[Mark]:
    """Read every picture of a file, in order; one that does not decode cleanly fails."""
    command = [*_QUIET, "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    shape = ("-vf", f"scale={WIDTH}:{HEIGHT},format=gray", "-f", "rawvideo", "pipe:1")
    done = subprocess.run([*command, *shape], capture_output=True, check=True, timeout=120)
    assert not done.stderr, done.stderr.decode()[-2_000:]
    size = WIDTH * HEIGHT
    return [read(done.stdout[at : at + size]) for at in range(0, len(done.stdout), size)]


def stretches(marks: Iterable[Mark]) -> list[tuple[int, int, int]]:
    """Give what was shown in short: whose pictures, the number of the first and of the last."""
    found: list[tuple[int, int, int]] = []
    for mark in marks:
        if found and found[-1][0] == mark.name and mark.number >= found[-1][2]:
            found[-1] = (mark.name, found[-1][1], mark.number)
        else:
            found.append((mark.name, mark.number, mark.number))
    return found


def _row(value: int) -> bytes:
    bits = ((value >> (_BITS - 1 - column)) & 1 for column in range(_BITS))
    return b"".join(bytes([_WHITE if bit else _BLACK]) * _COLUMN for bit in bits)


def _value(data: bytes, line: int) -> int:
    value = 0
    for column in range(_BITS):
        pixel = data[line * WIDTH + column * _COLUMN + _COLUMN // 2]
        value = value << 1 | (pixel > _THRESHOLD)
    return value
