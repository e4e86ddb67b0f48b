"""The system's clock: the one module that reads the time and waits. Nothing is decided here."""

import ctypes
import time
from datetime import UTC, datetime, timedelta

import anyio

_TIMEX_BYTES = 512
"""More than `struct timex` has on any machine; all zero, it asks and sets nothing."""

_TIME_ERROR = 5
"""What adjtimex(2) gives where nobody keeps the clock right."""


class SystemClock:
    """The clock of this machine, as `ports.clock.Clock` wants it."""

    def now(self) -> datetime:
        """Give the wall-clock time as an aware UTC datetime."""
        return datetime.now(UTC)

    def synchronised(self) -> bool | None:
        """Tell what the kernel says; None where a sandbox forbids to ask."""
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return None if state < 0 else state != _TIME_ERROR

    def machine_up_at(self) -> datetime:
        """Give when this machine was started, by what the wall clock shows now."""
        up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        return self.now() - timedelta(seconds=up_s)

    def monotonic(self) -> float:
        """Give seconds on a clock that no one sets; only differences mean anything."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the steady clock."""
        await anyio.sleep(seconds)
