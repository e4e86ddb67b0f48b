"""What stood in the way at any instant that is over: nobody there, a clock set or not trusted.

It only remembers. Whether the clock is to be trusted is for others to say.
"""

from datetime import datetime, timedelta

from tallyd.domain.absence import Absence
from tallyd.domain.model import Reason
from tallyd.domain.window import EPOCH, Window
from tallyd.ports.clock import Clock

KEPT = timedelta(days=31)
"""No occurrence is longer: what stood in the way before that explains nothing any more."""

ASLEEP_AFTER_S = 12.5
"""A process that beats every few seconds and has not for so long did not run."""

_NOTHING = timedelta(0)


class Past:
    """The boot, and since then: how the clock was set, and when this process did not run.

    How much the clock was set shows its distance from the steady clock. While the clock is not
    trusted that is only counted; when it is, what it shows says when everything was.
    """

    def __init__(self, clock: Clock, absence: Absence) -> None:
        self._clock = clock
        self._absence = absence
        self._distance = self._measure()
        self._set_by = _NOTHING
        self._doubted_since: datetime | None = None
        self._at_boot = True
        self._spans: list[tuple[Window, Reason]] = []
        self._beat_s = clock.monotonic()

    def clock_was_set(self) -> timedelta:
        """Take in that the clock was set; gives by how much."""
        before, self._distance = self._distance, self._measure()
        by = self._distance - before
        self._set_by += by
        return by

    def doubt(self) -> datetime:
        """Take in that the clock is not trusted any more; gives what it showed last before that."""
        self._doubted_since = self._clock.now() - self._set_by
        return self._doubted_since

    def trust(self) -> None:
        """Take in that what the clock shows is right, as far as anybody knows."""
        by, self._set_by = self._set_by, _NOTHING
        since, self._doubted_since = self._doubted_since, None
        if self._at_boot or by < _NOTHING:
            self._absence = self._absence.moved(by)
        now = self._clock.now()
        if since is None:
            since = now - max(by, _NOTHING)
        elif self._at_boot:
            since += by  # it was told by a clock that was never right
        self._at_boot = False
        if since < now:
            self._note(Window(since, now), Reason.CLOCK)

    def beat(self) -> None:
        """Take in that this process runs."""
        now_s = self._clock.monotonic()
        span = self._asleep(now_s)
        if span is not None:
            self._note(span, Reason.DAEMON_DOWN)
        self._beat_s = now_s

    def reason(self, at: datetime) -> Reason | None:
        """Say why nothing could be done at an instant; None: nothing stood in the way."""
        if (absent := self._absence.reason(at)) is not None:
            return absent
        for span, reason in self._spans:
            if span.holds(at):
                return reason
        asleep = self._asleep(self._clock.monotonic())
        return Reason.DAEMON_DOWN if asleep is not None and asleep.holds(at) else None

    def _asleep(self, now_s: float) -> Window | None:
        """Give since when this process has not run, where that is longer than usual."""
        for_s = now_s - self._beat_s
        if for_s <= ASLEEP_AFTER_S:
            return None
        now = self._clock.now()
        return Window(now - timedelta(seconds=for_s), now)

    def _note(self, span: Window, reason: Reason) -> None:
        kept = [known for known in self._spans if known[0].stop > span.stop - KEPT]
        self._spans = [*kept, (span, reason)]

    def _measure(self) -> timedelta:
        # From any fixed instant: only differences are used.
        elapsed = timedelta(seconds=self._clock.monotonic())
        return self._clock.now() - elapsed - EPOCH
