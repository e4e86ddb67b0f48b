"""Why nobody was there: what was missed before a boot is told by who was missing then."""

from dataclasses import dataclass
from datetime import datetime

from tallyd.domain.model import Reason


@dataclass(frozen=True, slots=True)
class Absence:
    """The time before a daemon: until when the machine was off, and the daemon before it stopped.

    `machine_up_at` is when the machine was started last, `daemon_up_at` when this daemon was, and
    `stopped_at` when the one before it was ended in order, where it was.
    """

    machine_up_at: datetime
    daemon_up_at: datetime
    stopped_at: datetime | None = None

    def reason(self, at: datetime) -> Reason | None:
        """Say why nothing could be done at an instant; None: this daemon was there."""
        if at >= self.daemon_up_at:
            return None
        if at < self.machine_up_at:
            return Reason.POWER_OFF
        stopped = self.stopped_at is not None and at >= self.stopped_at
        return Reason.DAEMON_STOPPED if stopped else Reason.DAEMON_DOWN
