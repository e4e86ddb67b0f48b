"""Tells of driver calls that do not return, each once. Nothing is done about them: nobody can."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import anyio

from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock

LOOK_AGAIN_S = 2.0
STUCK_AFTER_S = 1.0
"""A call that goes on for so long after its deadline takes no heed of it, as a thread may."""

Watch = Callable[[str, int], AbstractContextManager[None]]
"""Looks after one call, by its name and the milliseconds that it is given."""


@dataclass(slots=True, eq=False)
class _Call:
    target: str
    name: str
    since_s: float
    until_s: float
    told: bool = False


class Calls:
    """The driver calls that are under way; while there are none, nothing is done here at all."""

    def __init__(self, clock: Clock, announcer: Announcer) -> None:
        self._clock = clock
        self._announcer = announcer
        self._under_way: set[_Call] = set()
        self._begun = anyio.Event()

    def watch(self, target: str) -> Watch:
        """Give what looks after the calls of a target's driver."""

        @contextmanager
        def watched(name: str, timeout_ms: int) -> Generator[None]:
            now_s = anyio.current_time()
            call = _Call(target, name, now_s, now_s + timeout_ms / 1_000)
            self._under_way.add(call)
            self._begun.set()
            try:
                yield
            finally:
                self._under_way.discard(call)

        return watched

    async def run(self) -> None:
        """Tell of each call that is stuck, until cancelled."""
        while True:
            await self._begun.wait()
            await self._clock.sleep(LOOK_AGAIN_S)
            self._tell(anyio.current_time())
            if not self._under_way:
                self._begun = anyio.Event()

    def _tell(self, now_s: float) -> None:
        stuck = [call for call in self._under_way if now_s > call.until_s + STUCK_AFTER_S]
        for call in stuck:
            if not call.told:
                call.told = True
                self._announcer.say(
                    "driver.stuck",
                    target=call.target,
                    call=call.name,
                    since_ms=round((now_s - call.since_s) * 1_000),
                    stuck=sum(each.target == call.target for each in stuck),
                )
