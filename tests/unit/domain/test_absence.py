"""Who was missing when something was missed before a boot."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.absence import Absence
from tallyd.domain.model import (
    EndReason,
    InstantStart,
    Occurrence,
    Part,
    Reason,
    Run,
    Schedule,
    Status,
    Verdict,
)
from tallyd.domain.outcomes import Ending, finish
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

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


@pytest.mark.parametrize(
    ("last", "seen", "end"),
    [
        pytest.param(-5, None, EndReason.POWER_OFF, id="before the machine was started"),
        pytest.param(5, None, EndReason.DAEMON_DIED, id="after that"),
        pytest.param(91, None, EndReason.POWER_OFF, id="the machine has forgotten the time"),
        pytest.param(32, None, EndReason.DAEMON_DIED, id="its clock went back a little"),
        pytest.param(-5, 20, EndReason.DAEMON_DIED, id="the daemon was seen since"),
        pytest.param(6, -1, EndReason.POWER_OFF, id="it was not: the clock was set meanwhile"),
    ],
)
def test_a_part_was_cut_off_by_the_power_or_with_the_daemon(last, seen, end):
    """What the last sign of life says, of the daemon before where there is one."""
    heard_at = None if seen is None else UP + seen * MINUTE
    absence = Absence(UP, UP + 30 * MINUTE, heard_at=heard_at)
    assert absence.cut_off_by(UP + last * MINUTE) is end


def test_a_boot_by_a_wrong_clock_moves_with_it():
    """What another daemon told by a right one stays."""
    absence = Absence(UP, UP + MINUTE, UP - MINUTE, UP - MINUTE)
    moved = absence.moved(60 * MINUTE)
    assert (moved.machine_up_at, moved.daemon_up_at) == (UP + 60 * MINUTE, UP + 61 * MINUTE)
    assert (moved.stopped_at, moved.heard_at) == (UP - MINUTE, UP - MINUTE)


HOUR = Window(UP, UP + 60 * MINUTE)


def recorded(first: float, last: float, end: EndReason) -> Part:
    """Give a part with data between two minutes of the hour."""
    begun, over = UP + first * MINUTE, UP + last * MINUTE
    token = f"1-{first}-x"
    return Part(
        1 + round(first), 0, HOUR, token, begun, first_data_at=begun, last_data_at=over, end=end
    )


@pytest.mark.parametrize(
    ("parts", "absent", "said"),
    [
        pytest.param(
            (recorded(15, 60, EndReason.PLANNED),),
            Reason.POWER_OFF,
            "Recorded 45 min of 1 h: the appliance was off.",
            id="nobody could have been on time",
        ),
        pytest.param(
            (recorded(0, 30, EndReason.POWER_OFF), recorded(40, 60, EndReason.PLANNED)),
            None,
            "Recorded 50 min of 1 h: the appliance was off.",
            id="the power went in the midst of it",
        ),
        pytest.param(
            (recorded(15, 60, EndReason.PLANNED),),
            None,
            "Recorded 45 min of 1 h: the first data came late.",
            id="somebody was there",
        ),
    ],
)
def test_what_is_lacking_is_laid_to_who_was_missing(parts, absent, said):
    """A recording that was cut, or began late, for nobody was there says so."""
    schedule = Schedule(1, "u", "rooms.a", "N", InstantStart(UP), HOUR.length, UP, UP)
    planned = Planned(schedule, Occurrence(1, "s", HOUR), Verdict.CLEAR, (HOUR,))
    run = Run(1, "rooms.a", "N", HOUR, 1, "s", Status.PENDING, parts=parts)
    ending = Ending(HOUR.stop, planned, Reason.BACK_TO_BACK, lambda _id: None, absent=absent)
    assert finish(run, ending).sentence == said
