"""What every way to change wishes stands on."""

from collections.abc import Callable
from datetime import datetime

from tallyd.domain.window import floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store


class Writer:
    """Has a store to change, a clock to ask, and an engine to tell."""

    def __init__(self, store: Store, clock: Clock, nudge: Callable[[], object]) -> None:
        self._store = store
        self._clock = clock
        self._nudge = nudge

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())
