"""The disk below a directory, asked in a thread of its own, since it may hang. Decides nothing."""

import shutil
from pathlib import Path

import anyio
import anyio.to_thread

from tallyd.domain.health import Room
from tallyd.ports.disk import DiskError

_THREADS = 2
"""How many calls may hang before the next one waits for them."""


class DirectoryDisk:
    """Implements `ports.disk.Disk` for the disk that holds a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._limiter = anyio.CapacityLimiter(_THREADS)

    async def room(self) -> Room:
        """Give how much room there is; a call that is cancelled leaves its thread behind.

        Raises:
            DiskError: the directory cannot be looked at.
        """
        try:
            used = await anyio.to_thread.run_sync(
                shutil.disk_usage, self._directory, abandon_on_cancel=True, limiter=self._limiter
            )
        except OSError as error:
            raise DiskError(f"{self._directory} cannot be looked at: {error.strerror}") from error
        return Room(free=used.free, total=used.total)
