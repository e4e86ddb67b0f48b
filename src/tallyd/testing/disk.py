"""A disk that has as much room as it is told, fails, or hangs."""

from typing import TYPE_CHECKING

import anyio

from tallyd.domain.health import Room
from tallyd.domain.model import Reason
from tallyd.ports.disk import DiskError, RecordedFile

if TYPE_CHECKING:
    from pathlib import Path


class FakeDisk:
    """Implements `ports.disk.Disk`; `error` is what it says instead of an answer, for `reason`.

    `files` are those that it holds, by path, with their bytes; removing one makes room.
    """

    def __init__(self, free: int = 10**15, total: int = 10**15) -> None:
        self.free = free
        self.total = total
        self.error: str | None = None
        self.reason = Reason.DISK
        self.hangs = False
        self.files: dict[Path, int] = {}
        self.refused: dict[Path, DiskError] = {}

    async def room(self) -> Room:
        """Give the room that was set.

        Raises:
            DiskError: an error was set.
        """
        await self._answer()
        return Room(self.free, self.total)

    async def remove(self, file: RecordedFile) -> int | None:
        """Remove one of the files.

        Raises:
            DiskError: an error was set, or one for this file.
        """
        await self._answer()
        if file.path in self.refused:
            raise self.refused[file.path]
        size = self.files.pop(file.path, None)
        self.free += size or 0
        return size

    async def _answer(self) -> None:
        if self.hangs:
            await anyio.sleep_forever()
        if self.error is not None:
            raise DiskError(self.error, self.reason)
