"""How often a start was tried, and when it may be tried again. No clock, no I/O."""

from datetime import datetime, timedelta

from tallyd.domain.model import EndReason, Part, Reason
from tallyd.domain.outcomes import DISK_ENDS, reason_of
from tallyd.domain.window import EPOCH
from tallyd.ports.drivers import DriverError, GiveUpError

BACK_OFF_S = (0.2, 1.0, 2.0, 4.0, 8.0, 15.0)
STEADY = timedelta(seconds=10)
"""A part that delivered this long was well: what ends it is a new trouble, not the old one."""

_BROKE_OFF = {EndReason.DIED, EndReason.STALLED} | DISK_ENDS


class Attempts:
    """The tries of one run since it last went well; `hopeless` once the driver gave up.

    `delayed_by` is why the first of all failed.
    """

    def __init__(self) -> None:
        self.count = 0
        self.retry_at = EPOCH
        self.hopeless = False
        self.sentence: str | None = None
        self.delayed_by: Reason | None = None

    def may_try(self, now: datetime) -> bool:
        """Tell whether a start may be tried at `now`."""
        return not self.hopeless and now >= self.retry_at

    def device_back(self) -> None:
        """Let the next try come at once: what the last ones failed of may be over."""
        self.retry_at = EPOCH

    def failed(self, part: Part, error: DriverError | None, now: datetime) -> bool:
        """Count a start without data; True where the operator has not heard this reason yet."""
        self.delayed_by = self.delayed_by or reason_of(part)
        fresh = part.detail != self.sentence
        self.sentence = part.detail
        self.hopeless = isinstance(error, GiveUpError)
        self._back_off(now)
        return fresh

    def ended(self, part: Part, now: datetime) -> None:
        """Count a part that broke off; one that ran well for a while wipes the slate."""
        if part.end not in _BROKE_OFF:
            return
        delivered = (part.last_data_at or now) - (part.first_data_at or now)
        if delivered >= STEADY:
            self.count = 0
        self._back_off(now)

    def _back_off(self, now: datetime) -> None:
        wait_s = BACK_OFF_S[min(self.count, len(BACK_OFF_S) - 1)]
        self.count += 1
        self.retry_at = now + timedelta(seconds=wait_s)
