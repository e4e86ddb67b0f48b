"""How early a device must be told: learnt from its last confirmed starts. No clock, no I/O."""

from collections import deque
from datetime import datetime, timedelta
from statistics import median

from tallyd.domain.model import Part
from tallyd.domain.window import MILLISECOND
from tallyd.engine.crowd import Crowd
from tallyd.ports.drivers import Traits

REMEMBERED = 8
GUESSES = 2
"""The driver's guess counts as so many starts: one slow start of a cold machine moves nothing."""

LONGEST_LEAD = timedelta(seconds=5)
EACH_OTHER = timedelta(microseconds=250)
"""What each other start at the same instant may cost by the work of this process alone."""


class Lead:
    """The median of the last confirmed starts of one target, or the driver's own guess."""

    def __init__(self, target: str, traits: Traits, crowd: Crowd) -> None:
        self._target = target
        self._spread = timedelta(milliseconds=traits.spread_ms)
        self._crowd = crowd
        self._learns = not traits.waits
        guesses = [float(traits.lead_ms)] * GUESSES
        self._seen_ms: deque[float] = deque(guesses, maxlen=REMEMBERED)

    def learn(self, part: Part) -> None:
        """Take in how long a confirmed part took from command to first data.

        What others cost it is not the device's own: as much of it as was allowed for is left out.
        """
        if part.first_data_at is not None and self._learns:
            took = part.first_data_at - part.commanded_at
            others = self._crowd.others(part.piece.start, self._target)
            allowed = max(part.spread, others * EACH_OTHER)
            own = min(max(took - allowed, part.lead - part.spread), took)
            self._seen_ms.append(own / MILLISECOND)

    def starts(self, start: datetime) -> None:
        """Note that the target is to start at an instant, with whomever else does."""
        self._crowd.join(start, self._target)

    def of(self, start: datetime) -> timedelta:
        """Give how early a start must be commanded: what the device takes, and the others cost."""
        return self.value + self.spread(start)

    def spread(self, start: datetime) -> timedelta:
        """Give how much earlier a start is commanded because of others at the same instant."""
        if not self._spread:
            return self._spread
        return self._crowd.extra_lead(start, self._target, self._spread)

    @property
    def value(self) -> timedelta:
        """The lead to allow now, 0 to 5 s, in whole milliseconds."""
        lead = timedelta(milliseconds=round(median(self._seen_ms)))
        return min(max(lead, timedelta(0)), LONGEST_LEAD)
