"""The port through which every part of the project learns the time and waits."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The wall clock, whether it is kept right, a steady clock, and patience."""

    def now(self) -> datetime:
        """Give the wall-clock time as an aware UTC datetime."""
        ...

    def synchronised(self) -> bool | None:
        """Tell whether the kernel holds the wall clock for right; None where it does not say."""
        ...

    def monotonic(self) -> float:
        """Give seconds on a clock that no one sets; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the steady clock."""
        ...
