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


class PlaceTakenError(Exception):
    """Every place of an input is held by a living process."""


@contextmanager
def hold(directory: Path | None, number: int, places: int) -> Generator[int]:
    """Give a descriptor that holds one of the `places` of an input, to be inherited inside.

    Afterwards the place is held by those who inherited it alone. Without a directory the descriptor
    holds nothing. Blocks on the disk.

    Raises:
        PlaceTakenError: all of them are held.
        OSError: the directory cannot be used.
    """
    if directory is None:
        with Path(os.devnull).open("rb") as nothing:
            yield nothing.fileno()
        return
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    for place in range(places):
        fd = os.open(directory / f"input-{number}.{place}", _FLAGS, _MODE)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield fd
            return
        finally:
            os.close(fd)
    raise PlaceTakenError(f"input {number} is held by a process that still runs")


_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
