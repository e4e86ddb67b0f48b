"""The engine in one line, for people: what records now, and what comes next."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

import anyio

from tallyd.engine.gap import Gap
from tallyd.engine.presence import is_recording
from tallyd.engine.reconciler import Reconciler
from tallyd.ports.clock import Clock

SETTLED_AFTER_S = 0.25
LOOK_AGAIN_S = 5.0


class Headline:
    """Says the line once at first, then a moment after changes: a herd of starts goes first.

    It waits for no disk, so it is true even when nothing else that shows the engine is.
    """

    def __init__(
        self, clock: Clock, line: Callable[[], str], say: Callable[[str], None], gap: Gap
    ) -> None:
        self._clock = clock
        self._gap = gap
        self._line = line
        self._say = say
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Say it anew, soon."""
        self._changed.set()

    async def run(self) -> None:
        """Say the line until cancelled; it may change by time alone."""
        while True:
            self._changed = anyio.Event()
            await self._gap.wait()
            self._say(self._line())
            with anyio.move_on_after(LOOK_AGAIN_S):
                await self._changed.wait()
                await self._clock.sleep(SETTLED_AFTER_S)


def working(reconcilers: Collection[Reconciler], now: datetime) -> str:
    """Say how many sessions record, and what starts next: where, what and when."""
    recording = sum(is_recording(session, now) for each in reconcilers for session in each.sessions)
    return f"recording {recording}; {_next(reconcilers, now)}"


def ending(reconcilers: Collection[Reconciler]) -> str:
    """Say how many sessions are still to be ended."""
    return f"finishing {sum(len(each.sessions) for each in reconcilers)}"


def _next(reconcilers: Collection[Reconciler], now: datetime) -> str:
    # Nothing starts there before the next edge and the lead: most need not be looked at.
    earliest = [(r.next_edge + r.lead.value, r) for r in reconcilers if r.next_edge is not None]
    first: tuple[datetime, str, str] | None = None
    for not_before, reconciler in sorted(earliest, key=lambda pair: pair[0]):
        if first is not None and not_before >= first[0]:
            break
        if (start := reconciler.next_start(now)) is not None:
            candidate = (start[0], reconciler.target, start[1])
            first = min(first or candidate, candidate)
    if first is None:
        return "nothing starts within 24 h"
    at, target, name = first
    return f'next {target} "{name}" at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC'
