"""Tells of driver calls that do not return, each once. Nothing is done about them: nobody can."""

from collections.abc import Callable, Iterable

import anyio

from tallyd.engine.announcer import Announcer
from tallyd.engine.fence import FencedDriver
from tallyd.ports.clock import Clock

LOOK_AGAIN_S = 2.0

Drivers = Callable[[], Iterable[tuple[str, FencedDriver]]]
"""Gives the drivers that may be called, each with its target."""


async def tell_stuck(drivers: Drivers, clock: Clock, announcer: Announcer) -> None:
    """Look at all drivers again and again, until cancelled."""
    while True:
        await clock.sleep(LOOK_AGAIN_S)
        for target, driver in drivers():
            stuck = driver.stuck()
            for call in stuck:
                if not call.told:
                    call.told = True
                    announcer.say(
                        "driver.stuck",
                        target=target,
                        call=call.name,
                        since_ms=round((anyio.current_time() - call.since_s) * 1_000),
                        stuck=len(stuck),
                    )
