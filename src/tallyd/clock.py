"""The system's clock: the one module that reads the time and waits. Nothing is decided here."""

import time
from datetime import UTC, datetime

import anyio


class SystemClock:
    """The clock of this machine, as `ports.clock.Clock` wants it."""

    def now(self) -> datetime:
        """Give the wall-clock time as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Give seconds on a clock that no one sets; only differences mean anything."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the steady clock."""
        await anyio.sleep(seconds)
