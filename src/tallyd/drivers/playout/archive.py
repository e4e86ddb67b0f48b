"""What a channel has put out, in files of some seconds: kept for a while, and played again.

A file is named by when its first picture was on air. Everything here that touches the disk blocks.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from tallyd.domain.window import from_ms, to_ms
from tallyd.drivers.playout.sources import NoSourceError

SEGMENT = timedelta(seconds=10)
"""How long a file is; it ends where the next picture comes that a viewer can begin with."""

_ENDING = ".ts"
_FLUSHED_EVERY = timedelta(seconds=1)
_JOINS_WITHIN = timedelta(seconds=1)
"""Files follow one another if there is no more time between them: what was written last is
known to a part of a second."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept: for so long, and no more than so many bytes."""

    age: timedelta
    size: int


class Archive:
    """Writes the files of one channel, and removes the oldest."""

    def __init__(self, directory: Path, bounds: Bounds) -> None:
        self._directory = directory
        self._bounds = bounds
        self._file: IO[bytes] | None = None
        self._begun = self._flushed = from_ms(0)

    def write(self, at: datetime, data: bytes, *, entry: bool) -> None:
        """Write what went out in a slot.

        Raises:
            OSError: the disk refuses; from the next picture that can be begun with it is tried on.
        """
        try:
            if entry and (self._file is None or at - self._begun >= SEGMENT):
                self._begin(at)
            if self._file is not None:
                self._file.write(data)
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

    def _remove_old(self, now: datetime) -> None:
        oldest = now - self._bounds.age
        left = self._bounds.size
        for path in reversed(files_in(self._directory)):
            left -= path.stat().st_size
            if left < 0 or began(path) < oldest - SEGMENT:
                path.unlink(missing_ok=True)


def files_in(directory: Path) -> list[Path]:
    """Give the files of an archive, in order; none where there is no archive."""
    if not directory.is_dir():
        return []
    return sorted((p for p in directory.glob(f"*{_ENDING}") if p.stem.isdigit()), key=began)


def began(path: Path) -> datetime:
    """Give when the first picture of a file was on air."""
    return from_ms(int(path.stem))


def kept_since(directory: Path, since: datetime, until: datetime) -> tuple[list[Path], timedelta]:
    """Give the files of what was on air in a window, up to the first gap, and how much to skip.

    Raises:
        NoSourceError: of its beginning nothing was kept.
    """
    files = files_in(directory)
    first = max((n for n, path in enumerate(files) if began(path) <= since), default=None)
    if first is None or since >= _ended(files, first):
        raise NoSourceError(f"nothing was kept of {since:%Y-%m-%d %H:%M:%S} UTC")
    last = first
    while last + 1 < len(files) and _ended(files, last) < until and _follows(files, last):
        last += 1
    return files[first : last + 1], since - began(files[first])


def _follows(files: list[Path], number: int) -> bool:
    gap = began(files[number + 1]) - _written(files[number])
    return gap < _JOINS_WITHIN


def _ended(files: list[Path], number: int) -> datetime:
    """Give until when a file was on air: it may be the last one of a life of the channel."""
    if number + 1 < len(files) and _follows(files, number):
        return began(files[number + 1])
    return _written(files[number])


def _written(path: Path) -> datetime:
    return from_ms(int(path.stat().st_mtime * 1_000))
