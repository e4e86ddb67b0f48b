"""Room before what is due: work that may wait a moment asks here first. It knows no target."""

from collections.abc import Callable
from datetime import datetime

from anyio.lowlevel import checkpoint

from tallyd.ports.clock import Clock

NEAR_S = 0.003
"""Most work that asks takes less; what takes longer may still be under way at the instant."""

PASSES_S = 0.001
"""So long after the instant work goes on: what is due has been called by then."""

WAITS_EVERY_S = 0.01
"""Where instants lie close together work still has most of the time: it waits no more often."""


class Gap:
    """Keeps one kind of work out of the last moments before an instant, however busy it is."""

    def __init__(self, clock: Clock, next_wake: Callable[[], datetime | None]) -> None:
        self._clock = clock
        self._next_wake = next_wake
        self._waited_s = -WAITS_EVERY_S

    async def wait(self) -> None:
        """Let others have a turn; where an instant is near, return once it has passed."""
        await checkpoint()
        at = self._next_wake()
        if at is None or self._clock.monotonic() - self._waited_s < WAITS_EVERY_S:
            return
        left_s = (at - self._clock.now()).total_seconds()
        if 0 < left_s <= NEAR_S:
            await self._clock.sleep(left_s + PASSES_S)
            self._waited_s = self._clock.monotonic()
