"""What stood in the way is told by its cause: nobody there, a clock that was set, a long sleep."""

from datetime import timedelta

import anyio
import pytest

from tallyd.domain.absence import Absence
from tallyd.domain.model import Outcome, Reason
from tallyd.engine.past import ASLEEP_AFTER_S, Past
from tallyd.testing.virtual_time import START, FakeClock

MINUTE = timedelta(minutes=1)
BOOT = Absence(START - 2 * MINUTE, START - MINUTE)


def past_of(clock: FakeClock) -> Past:
    """Give the past of a daemon whose clock was right at its boot."""
    past = Past(clock, BOOT)
    past.trust()
    return past


async def test_a_booking_that_the_clock_was_set_past_says_so(rig):
    """A recording that never had its time is missed because of the clock, and nothing else."""
    booked = await rig.book("passed over", 300, 60)
    async with rig.running():
        await rig.until(100)
        rig.clock.step(10 * MINUTE)
        await rig.clock.sleep(61)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.CLOCK)
    (event,) = rig.log.of("alarm.clock_stepped")
    assert event["by_ms"] == 600_000


@pytest.mark.parametrize(
    ("by", "minute", "reason"),
    [
        pytest.param(10 * MINUTE, 5, Reason.CLOCK, id="between then and now"),
        pytest.param(10 * MINUTE, 12, None, id="later"),
        pytest.param(10 * MINUTE, -1.5, None, id="earlier"),
        pytest.param(10 * MINUTE, -2.5, Reason.DAEMON_DOWN, id="before the boot"),
        pytest.param(10 * MINUTE, -3.5, Reason.POWER_OFF, id="and before that of the machine"),
        pytest.param(-10 * MINUTE, -5, None, id="set back over it: it comes again"),
        pytest.param(-10 * MINUTE, -12.5, Reason.DAEMON_DOWN, id="the boot lies as far back"),
    ],
)
async def test_only_what_lay_between_was_jumped_over(by, minute, reason):
    """A step explains what it took away, and no more."""
    clock = FakeClock()
    past = past_of(clock)
    await anyio.sleep(60)
    past.beat()
    clock.step(by)
    assert past.clock_was_set() == by
    past.trust()
    assert past.reason(START + (1 + minute) * MINUTE) is reason


@pytest.mark.parametrize(
    ("minute", "reason"),
    [(-4, Reason.POWER_OFF), (-2.5, Reason.DAEMON_DOWN), (-1, Reason.CLOCK), (1, None)],
)
async def test_a_boot_by_a_wrong_clock_is_dated_by_the_right_one(minute, reason):
    """What a week without power took is told apart from what waiting for the clock did."""
    clock = FakeClock()
    past = Past(clock, BOOT)
    past.doubt()
    await anyio.sleep(60)
    past.beat()
    clock.step(1000 * MINUTE)
    past.clock_was_set()
    past.trust()
    assert past.reason(clock.now() + minute * MINUTE) is reason


async def test_a_doubt_lasts_from_the_last_right_time_to_the_next():
    """A clock that showed 1970 for a while took what lay in that while, and nothing before."""
    clock = FakeClock()
    past = past_of(clock)
    await anyio.sleep(60)
    clock.step(-50_000 * MINUTE)
    past.clock_was_set()
    assert past.doubt() == START + MINUTE
    for _ in range(60):
        await anyio.sleep(5)
        past.beat()
    clock.step(50_000 * MINUTE)
    past.clock_was_set()
    past.trust()
    assert past.reason(START + 3 * MINUTE) is Reason.CLOCK
    assert past.reason(START + MINUTE / 2) is None
    assert past.reason(clock.now()) is None


async def test_who_sleeps_long_was_not_there():
    """A daemon that was stopped by a signal, and went on, says that it did not run."""
    clock = FakeClock()
    past = past_of(clock)
    await anyio.sleep(60)
    assert past.reason(START + MINUTE / 2) is Reason.DAEMON_DOWN
    past.beat()
    for _ in range(5):
        await anyio.sleep(ASLEEP_AFTER_S)
        past.beat()
    assert past.reason(START + MINUTE / 2) is Reason.DAEMON_DOWN
    assert past.reason(START + 1.5 * MINUTE) is None


async def test_steps_of_long_ago_are_forgotten():
    """A daemon that is corrected every hour for years does not grow."""
    clock = FakeClock()
    past = past_of(clock)
    for _ in range(3):
        clock.step(10 * MINUTE)
        past.clock_was_set()
        past.trust()
        await anyio.sleep(timedelta(days=32).total_seconds())
        past.beat()
    assert past.reason(START + 5 * MINUTE) is None
    assert len(past._spans) <= 2
