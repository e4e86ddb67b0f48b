"""A disk that has as much room as it is told, fails, or hangs."""

import anyio

from tallyd.domain.health import Room
from tallyd.ports.disk import DiskError


class FakeDisk:
    """Implements `ports.disk.Disk`; `error` is what it says instead of an answer."""

    def __init__(self, free: int = 10**15, total: int = 10**15) -> None:
        self.free = free
        self.total = total
        self.error: str | None = None
        self.hangs = False

    async def room(self) -> Room:
        """Give the room that was set.

        Raises:
            DiskError: an error was set.
        """
        if self.hangs:
            await anyio.sleep_forever()
        if self.error is not None:
            raise DiskError(self.error)
        return Room(self.free, self.total)
