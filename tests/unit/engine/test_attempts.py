"""How often a start is tried again, and how soon."""

from datetime import timedelta

import pytest

from tallyd.domain.model import EndReason, Part, Reason
from tallyd.domain.window import Window
from tallyd.engine.attempts import BACK_OFF_S, STEADY, Attempts
from tallyd.ports.drivers import DeviceBlockedError, GiveUpError, TryAgainError
from tallyd.testing.virtual_time import START


def part(detail: str = "no answer", *, end: EndReason | None = None, data_s: float = 0) -> Part:
    """Give a part that delivered data for so long and ended so."""
    return Part(
        number=1,
        input=0,
        piece=Window(START, START + timedelta(hours=1)),
        token="1-1-x",  # noqa: S106 - the part's name, no secret
        commanded_at=START,
        first_data_at=START,
        last_data_at=START + timedelta(seconds=data_s),
        end=end,
        detail=detail,
    )


def wait_s(attempts: Attempts) -> float:
    """Give how long after the beginning the next try may come."""
    return (attempts.retry_at - START).total_seconds()


def test_the_first_try_may_come_at_once():
    """Nothing holds up a start that was never tried."""
    assert Attempts().may_try(START)


def test_tries_grow_rarer_and_never_cease():
    """A device that stays away is asked less and less often, but at least every quarter minute."""
    attempts = Attempts()
    waits = []
    for _ in range(9):
        attempts.failed(part(), TryAgainError(Reason.DEVICE_SILENT, "no answer"), START)
        waits.append(wait_s(attempts))
    assert waits == [*BACK_OFF_S, 15, 15, 15]
    assert not attempts.may_try(START + timedelta(seconds=14.9))
    assert attempts.may_try(START + timedelta(seconds=15))


def test_what_no_answer_came_to_is_tried_again():
    """A start that timed out says nothing about the next one."""
    attempts = Attempts()
    attempts.failed(part(), None, START)
    assert attempts.may_try(START + timedelta(seconds=BACK_OFF_S[0]))


def test_a_driver_that_gives_up_is_not_asked_again():
    """What cannot work as configured costs one try and no more."""
    attempts = Attempts()
    attempts.failed(part(), GiveUpError(Reason.DRIVER_UNAVAILABLE, "no such thing"), START)
    assert attempts.hopeless
    assert not attempts.may_try(START + timedelta(days=1))


def test_the_operator_hears_each_reason_once():
    """A reason that repeats is said once; another one is said again."""
    attempts = Attempts()
    blocked = DeviceBlockedError(Reason.DEVICE_REFUSED, "held by another")
    heard = [attempts.failed(part(said), blocked, START) for said in ("a", "a", "b", "b", "a")]
    assert heard == [True, False, True, False, True]


@pytest.mark.parametrize("end", [EndReason.DIED, EndReason.STALLED])
def test_a_part_that_breaks_off_at_once_is_not_started_again_at_once(end):
    """A device that dies as it starts is not hammered."""
    attempts = Attempts()
    for _ in range(3):
        attempts.ended(part(end=end, data_s=1), START)
    assert wait_s(attempts) == BACK_OFF_S[2]


@pytest.mark.parametrize("end", [EndReason.DIED, EndReason.STALLED])
def test_a_part_that_ran_well_begins_the_count_anew(end):
    """A device that worked for a while is started again without delay."""
    attempts = Attempts()
    for _ in range(5):
        attempts.failed(part(), None, START)
    attempts.ended(part(end=end, data_s=STEADY.total_seconds()), START)
    assert wait_s(attempts) == BACK_OFF_S[0]


@pytest.mark.parametrize("end", [EndReason.PLANNED, EndReason.WITHDRAWN, EndReason.DAEMON_STOPPED])
def test_a_part_that_was_ended_on_purpose_delays_nothing(end):
    """A stop that was asked for is no trouble."""
    attempts = Attempts()
    attempts.ended(part(end=end), START)
    assert (attempts.count, attempts.may_try(START)) == (0, True)


def test_a_device_that_is_back_is_tried_at_once():
    """What waits for its next try does not wait on when the device answers again."""
    attempts = Attempts()
    for _ in BACK_OFF_S:
        attempts.failed(part(), TryAgainError(Reason.DEVICE_TIMEOUT, "no answer"), START)
    assert not attempts.may_try(START)
    attempts.device_back()
    assert attempts.may_try(START)


def test_a_driver_that_gave_up_is_not_asked_again_for_that():
    """A device that answers does not mend a configuration that it cannot work with."""
    attempts = Attempts()
    attempts.failed(part(), GiveUpError(Reason.DEVICE_REFUSED, "no such input"), START)
    attempts.device_back()
    assert not attempts.may_try(START)
