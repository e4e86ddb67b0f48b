"""Who was missing when something was missed before a boot."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.absence import Absence
from tallyd.domain.model import EndReason, Reason

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


@pytest.mark.parametrize(
    ("minutes", "heard", "reason"),
    [
        pytest.param(-20, -5, Reason.POWER_OFF, id="before the backup the ledger is whole"),
        pytest.param(
            -8, -5, Reason.LEDGER_RESTORED, id="somebody was there, and it is not written"
        ),
        pytest.param(-2, -5, Reason.POWER_OFF, id="after the last sign of life nobody was"),
        pytest.param(5, -5, Reason.DAEMON_DOWN, id="whatever the ledger lost"),
        pytest.param(-2, None, Reason.LEDGER_RESTORED, id="nobody knows how long it lived"),
        pytest.param(30, None, None, id="from its start on this one was there"),
    ],
)
def test_what_a_restored_ledger_lost_is_told_as_such(minutes, heard, reason):
    """From the backup to the last sign of life nobody can say more."""
    heard_at = None if heard is None else UP + heard * MINUTE
    absence = Absence(UP, UP + 30 * MINUTE, None, heard_at, UP - 10 * MINUTE)
    assert absence.reason(UP + minutes * MINUTE) is reason


@pytest.mark.parametrize(
    ("minutes", "end"), [(-1, EndReason.POWER_OFF), (0, EndReason.DAEMON_DIED)]
)
def test_what_cut_a_session_off_is_told_by_its_last_sign(minutes, end):
    """One that was heard of before the machine was started went with the power."""
    assert Absence(UP, UP + MINUTE).cut_off_by(UP + minutes * MINUTE) is end
