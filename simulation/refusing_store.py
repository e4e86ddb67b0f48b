"""The database of a simulated appliance: in memory, on a disk that may refuse."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tallyd.ports.store import StoreError, Transaction
from tallyd.testing.memory_store import MemoryStore


class RefusingStore(MemoryStore):
    """A store in memory whose disk may refuse to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = False

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """Open a transaction, unless the disk refuses.

        Raises:
            StoreError: it does; nothing changed.
        """
        if self.refuses:
            raise StoreError("the disk is full")
        async with super().write() as tx:
            yield tx
