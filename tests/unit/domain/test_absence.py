"""Who was missing when something was missed before a boot."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.absence import Absence
from tallyd.domain.model import Reason

UP = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("minutes", "stopped", "reason"),
    [
        pytest.param(-1, None, Reason.POWER_OFF, id="before the machine was started"),
        pytest.param(-1, -30, Reason.POWER_OFF, id="however the daemon ended before that"),
        pytest.param(0, None, Reason.DAEMON_DOWN, id="the machine was up, the daemon was not"),
        pytest.param(29, None, Reason.DAEMON_DOWN, id="until the last moment"),
        pytest.param(15, 10, Reason.DAEMON_STOPPED, id="somebody had stopped it"),
        pytest.param(5, 10, Reason.DAEMON_DOWN, id="before somebody stopped it"),
        pytest.param(30, None, None, id="from its start on it was there"),
        pytest.param(60, 10, None, id="and later"),
    ],
)
def test_what_was_missed_has_the_cause_of_its_own_instant(minutes, stopped, reason):
    """A week without power and an hour without a daemon are told apart, for each occurrence."""
    stopped_at = None if stopped is None else UP + stopped * MINUTE
    absence = Absence(UP, UP + 30 * MINUTE, stopped_at)
    assert absence.reason(UP + minutes * MINUTE) is reason
