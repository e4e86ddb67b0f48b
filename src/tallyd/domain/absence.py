"""Why nobody was there: what was missed before a boot is told by who was missing then."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tallyd.domain.health import LARGE_STEP
from tallyd.domain.model import EndReason, Reason


@dataclass(frozen=True, slots=True)
class Absence:
    """The time before a daemon: until when the machine was off, and the daemon before it stopped.

    `machine_up_at` is when the machine was started last, `daemon_up_at` when this daemon was, and
    `stopped_at` when the one before it was ended in order, where it was. `heard_at` is when that
    one last gave a sign of life, by a clock that it trusted, as far as known. After `ledger_ends`
    rows may be missing: the database was restored from a backup of that instant; None: the ledger
    is whole.
    """

    machine_up_at: datetime
    daemon_up_at: datetime
    stopped_at: datetime | None = None
    heard_at: datetime | None = None
    ledger_ends: datetime | None = None

    def reason(self, at: datetime) -> Reason | None:
        """Say why nothing could be done at an instant; None: this daemon was there."""
        if at >= self.daemon_up_at:
            return None
        if self._is_unwritten(at):
            return Reason.LEDGER_RESTORED
        if at < self.machine_up_at:
            return Reason.POWER_OFF
        stopped = self.stopped_at is not None and at >= self.stopped_at
        return Reason.DAEMON_STOPPED if stopped else Reason.DAEMON_DOWN

    def cut_off_by(self, last: datetime) -> EndReason:
        """Say what ended a session that nobody ended, and of which this was the last sign."""
        alive_at = self.heard_at or last
        # A machine whose clock shows much less than it did then has forgotten it: it was off.
        there = self.machine_up_at <= alive_at <= self.daemon_up_at + LARGE_STEP
        return EndReason.DAEMON_DIED if there else EndReason.POWER_OFF

    def _is_unwritten(self, at: datetime) -> bool:
        """Tell whether somebody was there then, and what was written of it is lost."""
        if self.ledger_ends is None or at < self.ledger_ends:
            return False
        return self.heard_at is None or at <= self.heard_at

    def moved(self, by: timedelta) -> "Absence":
        """Give the same boot by a clock that was set by so much since; others told their own."""
        return replace(
            self, machine_up_at=self.machine_up_at + by, daemon_up_at=self.daemon_up_at + by
        )
