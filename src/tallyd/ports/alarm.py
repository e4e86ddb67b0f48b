"""The port of the alarm clock: it wakes its owners at wall-clock instants and decides nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import anyio
import anyio.abc

WakeOwner = Callable[[str], None]
"""Called in the event loop with the owner's name; must not block and must not raise."""


class Alarm(Protocol):
    """Wakes owners on time. A wake-up may come too early or twice; it never fails to come."""

    def set(self, owner: str, at: datetime | None) -> None:
        """Wake `owner` at `at` (aware UTC) and no longer at the instant asked before; None: never.

        An instant that has passed wakes at once.
        """
        ...

    def next_wake(self) -> datetime | None:
        """Give the next instant at which it wakes anybody, as far as that is known now."""
        ...

    async def run(
        self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve wake-ups until cancelled; ready once `task_status` is told."""
        ...
