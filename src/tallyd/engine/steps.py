"""How the wall clock was set while the engine ran: what it jumped over was never there."""

from datetime import datetime, timedelta

from tallyd.domain.window import EPOCH, Window
from tallyd.ports.clock import Clock

_NOTHING = timedelta(0)
KEPT = timedelta(days=31)
"""No occurrence is longer: what was jumped over before that explains nothing any more."""


class Steps:
    """The spans of wall time that the clock jumped over, by its distance from the steady clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._distance = self._measure()
        self._jumped: list[Window] = []

    def noticed(self) -> timedelta:
        """Take in that the clock was set; gives by how much."""
        before, self._distance = self._distance, self._measure()
        by = self._distance - before
        now = self._clock.now()
        self._jumped = [span for span in self._jumped if span.stop > now - KEPT]
        if by > _NOTHING:
            self._jumped.append(Window(now - by, now))
        return by

    def jumped_over(self, instant: datetime) -> bool:
        """Tell whether the clock was set past an instant, so that it never came."""
        return any(span.holds(instant) for span in self._jumped)

    def _measure(self) -> timedelta:
        # From any fixed instant: only differences are used.
        elapsed = timedelta(seconds=self._clock.monotonic())
        return self._clock.now() - elapsed - EPOCH
