"""What a process writes, kept in memory that lives as long as it does: nobody need read it.

A pipe without a reader would end the process, or block it; a file would wait for a disk.
"""

import ctypes
import os
from datetime import UTC, datetime

_KEPT_BYTES = 65_536
_PAGE = 4_096
_LINE_BYTES = 4_096
_PUNCH_HOLE = 0x02 | 0x01  # and keep the size: the writer goes on where it was
_NS_PER_US = 1_000


class Overheard:
    """Reads the lines of one output as they come; asks memory alone, so it never waits."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0
        self._rest = b""

    @classmethod
    def of(cls, pid: int, number: int) -> "Overheard":
        """Listen to an output of a process that another one started.

        Raises:
            OSError: there is no such process, or it is somebody else's.
        """
        # Writable: what was read could not be given back else, and would grow for weeks.
        return cls(os.open(f"/proc/{pid}/fd/{number}", os.O_RDWR | os.O_CLOEXEC))

    @property
    def written_at(self) -> datetime:
        """When something was written last, to some milliseconds."""
        microseconds = os.fstat(self._fd).st_mtime_ns // _NS_PER_US
        return datetime.fromtimestamp(microseconds / 1e6, UTC)

    def lines(self) -> list[str]:
        """Give the lines that were completed since the last look, each of bounded length."""
        found: list[str] = []
        while chunk := os.pread(self._fd, _KEPT_BYTES, self._position):
            self._position += len(chunk)
            *whole, rest = (self._rest + chunk).split(b"\n")
            found += (line[:_LINE_BYTES].decode(errors="replace") for line in whole)
            self._rest = rest[:_LINE_BYTES]
        self._forget()
        return found

    def skip(self) -> None:
        """Begin with what is written now: of the past only the last lines are heard."""
        self._position = max(0, os.fstat(self._fd).st_size - _LINE_BYTES)

    def close(self) -> None:
        """Listen no longer."""
        os.close(self._fd)

    def _forget(self) -> None:
        """Give back the memory of what was read."""
        whole_pages = self._position - self._position % _PAGE
        if os.fstat(self._fd).st_blocks * 512 > _KEPT_BYTES:
            _libc.fallocate(self._fd, _PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(whole_pages))


def make_output(name: str) -> int:
    """Give a descriptor for a process to write to, and for an `Overheard` to read."""
    return os.memfd_create(name, os.MFD_CLOEXEC)


_libc = ctypes.CDLL(None, use_errno=True)
