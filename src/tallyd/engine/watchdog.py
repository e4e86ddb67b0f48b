"""Proves that the engine is not stuck, by passes over memory that wait for no disk and no device.

A timer that says "alive" would go on while nothing is recorded any more. What is said here rests on
the reconcilers: whichever was woken, or whose next edge has come, has looked since.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol

from tallyd.ports.clock import Clock

PASSES = 2
"""In the time that the watchdog allows."""

LOOK_AGAIN_S = 0.2


class Watched(Protocol):
    """What has to react in time."""

    def overdue(self, now: datetime) -> bool:
        """Tell whether something waits to be looked at; for a moment that is nothing special."""
        ...


async def keep_alive(
    clock: Clock,
    watched: Callable[[], Collection[Watched]],
    say_alive: Callable[[], None],
    watchdog_s: float,
) -> None:
    """Say that the engine is alive after each pass, until cancelled.

    A pass ends when all that were overdue at its beginning have reacted or are watched no more; so
    it may never end.
    """
    while True:
        waiting = set(watched())
        while waiting := {each for each in waiting if each.overdue(clock.now())}:
            await clock.sleep(LOOK_AGAIN_S)
            waiting.intersection_update(watched())
        say_alive()
        await clock.sleep(watchdog_s / PASSES)
