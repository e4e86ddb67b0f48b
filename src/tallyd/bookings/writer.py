"""What every way to change wishes stands on."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from tallyd.domain.window import floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store

WhyUnusable = Callable[[str], Awaitable[str | None]]
"""Gives why a target's driver cannot be used, as far as a daemon has told; else None."""


async def nothing_told(_target: str) -> None:
    """Know nothing of any driver, as where there is no daemon to ask."""


class Writer:
    """Has a store to change, a clock to ask, and an engine to tell and to have told of drivers.

    `dark` are the keys of channels that have nothing to show where nobody says what.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        nudge: Callable[[], object],
        why_unusable: WhyUnusable,
        dark: Collection[str] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._nudge = nudge
        self._why_unusable = why_unusable
        self._dark = frozenset(dark)

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())
