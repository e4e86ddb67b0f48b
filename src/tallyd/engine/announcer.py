"""Log lines of the engine, said behind the action: nothing is written between due and commanded."""

from collections import deque

import anyio
from anyio.lowlevel import checkpoint

from tallyd.logs import get_logger, level_of

AT_ONCE = 16
"""So many lines are logged before anything else has its turn."""


class Announcer:
    """Takes events in the order in which they happened and logs them when the loop has time."""

    def __init__(self) -> None:
        self._log = get_logger()
        self._waiting: deque[tuple[str, str, dict[str, object]]] = deque()
        self._more = anyio.Event()

    def say(self, event: str, **fields: object) -> None:
        """Remember an event to be logged at its own level; costs no formatting now."""
        self.say_at(level_of(event), event, **fields)

    def say_at(self, level: str, event: str, **fields: object) -> None:
        """Remember an event to be logged at a level that what happened decides."""
        self._waiting.append((level, event, fields))
        self._more.set()

    async def run(self) -> None:
        """Log what was said until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            while self._waiting:
                await checkpoint()
                self._log_next(AT_ONCE)

    def flush(self) -> None:
        """Log everything that waits, now."""
        self._log_next(len(self._waiting))

    def _log_next(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            level, event, fields = self._waiting.popleft()
            getattr(self._log, level)(event, **fields)
