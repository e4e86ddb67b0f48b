"""Pictures that say which they are: made, and read again from whatever they went through."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

WIDTH, HEIGHT, RATE = 320, 180, 25
TICKS_PER_S = 90_000
_BITS = 16
_WHITE, _BLACK = 235, 16
_THRESHOLD = 128
FFMPEG = shutil.which("ffmpeg") or "ffmpeg"
_QUIET = (FFMPEG, "-hide_banner", "-nostdin", "-v", "error", "-y")
_RAW = ("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{_BITS}x2")
_LARGE = f"scale={WIDTH}:{HEIGHT}:flags=neighbor"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture says: whose it is, and its number from 0."""

    name: int
    number: int


def picture(mark: Mark) -> bytes:
    """Make a grey picture of two lines, a dot for each bit: the name above the number."""
    return _line(mark.name) + _line(mark.number)


def read(data: bytes) -> Mark:
    """Read a grey picture of two lines, a dot for each bit."""
    return Mark(_value(data[:_BITS]), _value(data[_BITS:]))


def film(path: Path, name: int, seconds: float) -> Path:
    """Make a film with a tone whose every picture is marked."""
    count = round(seconds * RATE)
    raw = b"".join(picture(Mark(name, number)) for number in range(count))
    tone = ("-f", "lavfi", "-i", f"sine=frequency={200 + 50 * name}:sample_rate=48000")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
    command = [*_QUIET, *_RAW, "-r", str(RATE), "-i", "pipe:0", *tone, "-vf", _LARGE, *coded]
    length = ("-t", f"{seconds}")
    subprocess.run([*command, *length, str(path)], input=raw, check=True, timeout=300)
    return path


def films_in(directory: Path) -> Callable[[int, float], Path]:
    """Give what makes films in a directory, each only once."""

    def made(name: int, seconds: float) -> Path:
        path = directory / f"{name}-{seconds}.mp4"
        return path if path.exists() else film(path, name, seconds)

    return made


def still(path: Path, name: int) -> Path:
    """Make a picture that stands: its number is 0."""
    command = [*_QUIET, *_RAW, "-i", "pipe:0", "-vf", _LARGE, "-frames:v", "1", str(path)]
    subprocess.run(command, input=picture(Mark(name, 0)), check=True, timeout=60)
    return path


@dataclass(frozen=True, slots=True)
class Found:
    """What a decoder made of a file: each picture with its time stamp, and its complaints."""

    pictures: list[tuple[int, Mark]]
    complaints: list[str]


def decoded(path: Path) -> Found:
    """Decode a file from end to end; time stamps are in ticks of 1/90000 s."""
    command = [FFMPEG, "-hide_banner", "-nostdin", "-v", "level+info", "-copyts", "-i", str(path)]
    shape = f"scale={_BITS}:2:flags=area,format=gray,showinfo=checksum=0"
    out = ("-map", "0:v:0", "-fps_mode", "passthrough", "-vf", shape, "-f", "rawvideo", "pipe:1")
    done = subprocess.run([*command, *out], capture_output=True, check=True, timeout=120)
    said = done.stderr.decode(errors="replace")
    base = re.search(r"config in time_base: (\d+)/(\d+)", said)
    assert base is not None, said[-2_000:]
    per_unit = Fraction(TICKS_PER_S * int(base[1]), int(base[2]))
    stamps = [round(int(each) * per_unit) for each in re.findall(r"\] n: *\d+ pts: *(\d+) ", said)]
    size = 2 * _BITS
    marks = [read(done.stdout[at : at + size]) for at in range(0, len(done.stdout), size)]
    complaints = [line for line in said.splitlines() if "[error]" in line or "[fatal]" in line]
    return Found(list(zip(stamps, marks, strict=True)), complaints)


def marks_of(path: Path) -> list[Mark]:
    """Read every picture of a file, in order; one that does not decode cleanly fails."""
    found = decoded(path)
    assert not found.complaints, found.complaints[-5:]
    return [mark for _, mark in found.pictures]


def stretches(marks: Iterable[Mark]) -> list[tuple[int, int, int]]:
    """Give what was shown in short: whose pictures, the number of the first and of the last."""
    found: list[tuple[int, int, int]] = []
    for mark in marks:
        if found and found[-1][0] == mark.name and mark.number >= found[-1][2]:
            found[-1] = (mark.name, found[-1][1], mark.number)
        else:
            found.append((mark.name, mark.number, mark.number))
    return found


def _line(value: int) -> bytes:
    bits = ((value >> (_BITS - 1 - column)) & 1 for column in range(_BITS))
    return bytes(_WHITE if bit else _BLACK for bit in bits)


def _value(line: bytes) -> int:
    value = 0
    for dot in line:
        value = value << 1 | (dot > _THRESHOLD)
    return value
