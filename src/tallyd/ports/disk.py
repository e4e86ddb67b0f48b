"""The port of the disk that recordings go to: how much room it has. No code here."""

from typing import Protocol

from tallyd.domain.health import Room


class DiskError(Exception):
    """The disk does not say how much room it has: what was asked, and what the system said."""


class Disk(Protocol):
    """One disk. It may hang: whoever asks sets a deadline and cancels the call."""

    async def room(self) -> Room:
        """Give how much room there is, for what this process may write.

        Raises:
            DiskError: the system does not say.
        """
        ...
