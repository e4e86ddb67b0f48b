"""The inputs of a device on this machine: each is held by at most one living process, for sure.

The lock of an input is inherited by the process that uses it: whoever started that process may
die at any moment, and still no second one can be started while the first lives.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_MODE = 0o640
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW

FileId = tuple[int, int]
"""Which file it is, whatever it is called and from wherever it is looked at."""


class PlaceTakenError(Exception):
    """Every place of an input is held by a living process."""


def make_places(directory: Path | None, inputs: int, places: int) -> None:
    """Make the locks of all inputs: to take one later, no disk has to write. Blocks on the disk.

    Raises:
        OSError: the disk refuses.
    """
    if directory is None:
        return
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    for number in range(inputs):
        for place in range(places):
            os.close(os.open(_lock(directory, number, place), _FLAGS | os.O_CREAT, _MODE))


@contextmanager
def hold(directory: Path | None, number: int, places: int) -> Generator[int]:
    """Give a descriptor that holds one of the `places` of an input, to be inherited inside.

    Afterwards the place is held by those who inherited it alone. Without a directory the descriptor
    holds nothing. Blocks on the disk, and has it write only where a lock was not made before: also
    while the disk of the state hangs, others can be recorded to.

    Raises:
        PlaceTakenError: all of them are held.
        OSError: the directory cannot be used.
    """
    if directory is None:
        with Path(os.devnull).open("rb") as nothing:
            yield nothing.fileno()
        return
    for place in range(places):
        fd = _open(_lock(directory, number, place))
        try:
            if _is_free(fd):
                yield fd
                return
        finally:
            os.close(fd)
    raise PlaceTakenError(f"input {number} is held by a process that still runs")


def held(directory: Path | None) -> frozenset[FileId]:
    """Give the locks of those inputs that a living process holds. Blocks on the disk.

    Raises:
        OSError: the directory cannot be read.
    """
    if directory is None or not directory.is_dir():
        return frozenset()
    return frozenset(file_id(path) for path in directory.glob("input-*") if not _can_be_held(path))


def file_id(path: Path | str) -> FileId:
    """Tell which file has this name.

    Raises:
        OSError: none has.
    """
    about = os.stat(path)  # noqa: PTH116 - a `Path` for each descriptor of a process costs more
    return about.st_dev, about.st_ino


def _can_be_held(path: Path) -> bool:
    fd = os.open(path, _FLAGS)
    try:
        return _is_free(fd)
    finally:
        os.close(fd)


def _is_free(fd: int) -> bool:
    """Take a lock, if nobody has it; it is given back when the descriptor is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(lock: Path) -> int:
    try:
        return os.open(lock, _FLAGS)
    except FileNotFoundError:
        lock.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        return os.open(lock, _FLAGS | os.O_CREAT, _MODE)


def _lock(directory: Path, number: int, place: int) -> Path:
    return directory / f"input-{number}.{place}"
