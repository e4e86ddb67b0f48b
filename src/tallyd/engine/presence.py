"""The volatile picture of the engine, published for `status` and monitoring; never read back."""

from collections.abc import Awaitable, Callable, Mapping

import anyio

from tallyd.ports.clock import Clock

AT_MOST_EVERY_S = 0.25
HEARTBEAT_S = 5.0

Snapshot = Mapping[str, object]
Publish = Callable[[Snapshot], Awaitable[None]]


class Presence:
    """Publishes the picture when it changed, at most four times a second, and as a heartbeat."""

    def __init__(self, clock: Clock, look: Callable[[], Snapshot], publish: Publish) -> None:
        self._clock = clock
        self._look = look
        self._publish = publish
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Publish soon."""
        self._changed.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._changed = anyio.Event()
            await self._publish(self._look())
            await self._clock.sleep(AT_MOST_EVERY_S)
            with anyio.move_on_after(HEARTBEAT_S):
                await self._changed.wait()
