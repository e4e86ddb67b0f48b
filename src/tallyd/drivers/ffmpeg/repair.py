"""Makes a recording whole that was cut off: gives it the index and the length that it lacks.

Its media are copied into a new file, which takes the recording's name only once it has been read
through; until then the damaged one stays. Which recordings need that is seen by a few bytes.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from tallyd.domain.health import Room
from tallyd.drivers.ending import ProcessError
from tallyd.drivers.ffmpeg.command import CONTAINERS
from tallyd.drivers.ffmpeg.session import Surroundings
from tallyd.drivers.files import Reservation, begin_copy, put_in_place
from tallyd.drivers.marks import mark_of
from tallyd.drivers.process import Child, spawn_child

T = TypeVar("T")

_FORMATS = {".mkv": "matroska", ".mp4": "mp4"}
_SEGMENT = b"\x18\x53\x80\x67"
_UNKNOWN_LENGTH = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_HEADER_BYTES = 256
_INDEX_END = b"mfro"
_INDEX_END_BYTES = 16
_LEAST_URGENT = 19
_US_PER_S = 1_000_000


class NotMendedError(Exception):
    """A recording stays as it is: why, for the operator."""


@dataclass(slots=True)
class _Copied:
    """How much ffmpeg says that it has copied."""

    packets: int = 0
    media_us: int = 0

    def read(self, line: str) -> None:
        """Take in a line of its progress."""
        key, _, value = line.strip().partition("=")
        with suppress(ValueError):
            if key == "frame":
                self.packets = int(value)
            elif key == "out_time_us":
                self.media_us = int(value)

    def holds(self, other: "_Copied") -> bool:
        """Tell whether there is as much here as there, but for the length of a last packet."""
        return self.packets >= other.packets and self.media_us >= other.media_us - _US_PER_S


def lacks_its_end(path: Path, ending: str) -> bool:
    """Tell whether a recording was never brought to its end. Blocks on the disk.

    Matroska then has no length and no index, fragmented MP4 no index. MPEG-TS never has any.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        match ending:
            case ".mkv":
                header = file.read(_HEADER_BYTES)
                at = header.find(_SEGMENT) + len(_SEGMENT)
                return header[at : at + len(_UNKNOWN_LENGTH)] == _UNKNOWN_LENGTH
            case ".mp4":
                file.seek(-min(_INDEX_END_BYTES, path.stat().st_size), os.SEEK_END)
                return _INDEX_END not in file.read()
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends recordings with one ffmpeg, one at a time and behind everything else."""

    binary: str
    around: Surroundings

    async def mend(self, file: Reservation) -> tuple[Path, int]:
        """Put a whole copy of a cut-off recording in its place; gives its name and size in bytes.

        Raises:
            NotMendedError: it cannot be, and nothing was changed.
            OSError: the disk does not do as told.
        """
        placed = await self._in_thread(lambda: _mended_before(file))
        if placed is None:
            made = await self._in_thread(lambda: _begin(file))
            try:
                await self._copy(file, made)
                placed = await self._in_thread(lambda: put_in_place(made, file))
            finally:
                with anyio.CancelScope(shield=True):
                    await self._in_thread(lambda: made.unlink(missing_ok=True))
        await self._in_thread(file.part.unlink)
        return placed

    async def _copy(self, file: Reservation, made: Path) -> None:
        kept = ("-map", "0", "-c", "copy", "-copyts", *CONTAINERS[_FORMATS[file.ending]])
        copied = await self._run(*_input(file.part), *kept, f"file:{made}")
        there = await self._run(*_input(made), "-map", "0", "-c", "copy", "-f", "null", "-")
        if copied.media_us == 0 or not there.holds(copied):
            raise NotMendedError("the copy does not hold all of it")

    async def _run(self, *arguments: str) -> _Copied:
        """Run ffmpeg to its end; cancelled, it is killed."""
        copied = _Copied()
        usual = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y")
        try:
            child = await spawn_child(
                (self.binary, *usual, "-progress", "pipe:1", *arguments),
                on_line=copied.read,
                spawn=self.around.spawn,
                limiter=self.around.limiter,
            )
            status = await _waited_for(child)
        except ProcessError as error:
            raise NotMendedError(str(error)) from error
        if status != 0:
            said = child.tail[-1] if child.tail else "nothing"
            raise NotMendedError(f"ffmpeg ended with {status} and said: {said}")
        return copied

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self.around.limiter)


async def _waited_for(child: Child) -> int:
    with suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, child.pid, _LEAST_URGENT)
    try:
        return await child.wait()
    finally:
        if child.returncode is None:
            with anyio.CancelScope(shield=True):
                await child.kill()


def _mended_before(file: Reservation) -> tuple[Path, int] | None:
    """Give the whole copy that has its place already: only the damaged one was left to remove."""
    final = file.part.with_suffix("")
    if not final.exists() or lacks_its_end(final, file.ending):
        return None
    own = mark_of(file.part)
    if own is None or mark_of(final) != own:
        return None
    return final, final.stat().st_size


def _begin(file: Reservation) -> Path:
    size = file.part.stat().st_size
    usage = shutil.disk_usage(file.part.parent)
    if usage.free - size < Room(usage.free, usage.total).reserved:
        raise NotMendedError(f"there is no room for a copy of {size} bytes")
    return begin_copy(file)


def _input(path: Path) -> list[str]:
    # Nothing that lies in a file may lead anywhere else.
    return ["-protocol_whitelist", "file", "-i", f"file:{path}"]
