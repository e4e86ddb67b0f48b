"""What a channel has put out, in files of some seconds: kept for a while, and played again.

A file is named by when its first picture was on air. Everything here that touches the disk blocks.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from time import sleep  # noqa: TID251 - in threads of its own, where something is still written
from typing import IO

from tallyd.domain.window import from_ms, to_ms
from tallyd.drivers.playout.sources import NoSourceError
from tallyd.drivers.playout.transport import TICKS_PER_S, Demuxer, Pid, ticks_between

SEGMENT = timedelta(seconds=10)
"""How long a file is; it ends where the next picture comes that a viewer can begin with."""

_ENDING = ".ts"
_HEAD_BYTES = 65_536
_PIECE_BYTES = 1 << 20
_STREAMS = 2
_FLUSHED_EVERY = timedelta(seconds=1)
_WRITTEN_WITHIN = 2 * _FLUSHED_EVERY
_LOOK_EVERY_S = 0.5
_JOINS_WITHIN = timedelta(seconds=1)
"""Files follow one another if there is no more time between them: what was written last is
known to a part of a second."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept: for so long, and no more than so many bytes."""

    age: timedelta
    size: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file of the archive, and how much was written before it."""

    path: Path
    before: int


class Archive:
    """Writes the files of one channel, and removes the oldest."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        self._directory = directory
        self._bounds = bounds
        self._file: IO[bytes] | None = None
        self._begun = self._flushed = from_ms(0)
        self._kept: deque[_Kept] | None = None  # not yet looked for
        self._size = 0

    def write(self, at: datetime, data: bytes, *, entry: bool) -> None:
        """Write what went out in a slot.

        Raises:
            OSError: the disk refuses; from the next picture that can be begun with it is tried on.
        """
        try:
            if entry and (self._file is None or at - self._begun >= SEGMENT):
                self._begin(at)
            if self._file is not None:
                self._size += self._file.write(data)
                if at - self._flushed >= _FLUSHED_EVERY:
                    self._flushed = at
                    self._file.flush()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Write no more."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _begin(self, at: datetime) -> None:
        self.close()
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._remove_old(at)
        path = self._directory / f"{to_ms(at)}{_ENDING}"
        self._file = path.open("wb", buffering=1 << 16)
        self._begun = at
        if self._kept is not None:
            self._kept.append(_Kept(path, self._size))

    def _remove_old(self, now: datetime) -> None:
        """Remove what is beyond the bounds; the directory is read once, for it may be long."""
        if self._kept is None:
            found = [(path, path.stat().st_size) for path in files_in(self._directory)]
            ends = [0, *accumulate(size for _, size in found)]
            self._kept = deque(
                _Kept(path, end) for (path, _), end in zip(found, ends, strict=False)
            )
            self._size = ends[-1]
        oldest = now - self._bounds.age - SEGMENT
        while self._kept and (
            self._size - self._kept[0].before > self._bounds.size
            or began(self._kept[0].path) < oldest
        ):
            self._kept.popleft().path.unlink(missing_ok=True)


def files_in(directory: Path) -> list[Path]:
    """Give the files of an archive, in order; none where there is no archive."""
    if not directory.is_dir():
        return []
    return sorted((p for p in directory.glob(f"*{_ENDING}") if p.stem.isdigit()), key=began)


def began(path: Path) -> datetime:
    """Give when the first picture of a file was on air."""
    return from_ms(int(path.stem))


def kept_since(directory: Path, since: datetime) -> tuple[Path, timedelta]:
    """Give the file of what was on air at an instant, and how much of it was on air before.

    Raises:
        NoSourceError: nothing was kept of it.
    """
    files = files_in(directory)
    first = max((n for n, path in enumerate(files) if began(path) <= since), default=None)
    if first is None or since >= _ended(files, first):
        raise NoSourceError(f"nothing was kept of {since:%Y-%m-%d %H:%M:%S} UTC")
    return files[first], since - began(files[first])


def read_on(first: Path, until: datetime, now: Callable[[], datetime]) -> Iterator[bytes]:
    """Give what was put out from a file on until an instant, or up to the first gap.

    What is yet to be written is waited for: a replay may follow at once on what it shows.

    Raises:
        OSError: the disk refuses, or what is asked for has been removed meanwhile.
    """
    path: Path | None = first
    while path is not None:
        with path.open("rb") as file:
            while not (later := _later_than(path)) and now() < until + _WRITTEN_WITHIN:
                yield from _rest(file)
                sleep(_LOOK_EVERY_S)
            yield from _rest(file)
        goes_on = later and _follows(later[0], path) and began(later[0]) < until
        path = later[0] if goes_on else None


def _rest(file: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(file.read, _PIECE_BYTES), b"")


def _later_than(path: Path) -> list[Path]:
    return [each for each in files_in(path.parent) if began(each) > began(path)]


def sound_before(path: Path) -> timedelta:
    """Give how much sound a file holds from before its first picture: it is as long as that more.

    Raises:
        OSError: the disk refuses.
        DamagedStreamError: it is no file of an archive.
    """
    firsts: dict[Pid, int] = {}
    demuxer = Demuxer()
    with path.open("rb") as file:
        while len(firsts) < _STREAMS and (data := file.read(_HEAD_BYTES)):
            for unit in demuxer.feed(data):
                firsts.setdefault(unit.pid, unit.pts)
    if len(firsts) < _STREAMS:
        return timedelta(0)
    ticks = ticks_between(firsts[Pid.SOUND], firsts[Pid.PICTURE])
    return timedelta(seconds=max(0, ticks) / TICKS_PER_S)


def _follows(path: Path, earlier: Path) -> bool:
    return began(path) - _written(earlier) < _JOINS_WITHIN


def _ended(files: list[Path], number: int) -> datetime:
    """Give until when a file was on air: it may be the last one of a life of the channel."""
    if number + 1 < len(files) and _follows(files[number + 1], files[number]):
        return began(files[number + 1])
    return _written(files[number])


def _written(path: Path) -> datetime:
    return from_ms(int(path.stat().st_mtime * 1_000))
