"""What the clock was set past is told from what was merely late."""

from datetime import timedelta

import anyio
import pytest

from tallyd.domain.model import Outcome, Reason
from tallyd.engine.steps import Steps
from tallyd.testing.virtual_time import START, FakeClock

MINUTE = timedelta(minutes=1)


async def test_a_booking_that_the_clock_was_set_past_says_so(rig):
    """A recording that never had its time is missed because of the clock, and nothing else."""
    booked = await rig.book("passed over", 300, 60)
    async with rig.running():
        await rig.until(100)
        rig.clock.step(10 * MINUTE)
        await rig.clock.sleep(1)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.CLOCK)
    (event,) = rig.log.of("alarm.clock_stepped")
    assert event["by_ms"] == 600_000


@pytest.mark.parametrize(
    ("by", "minute", "over"),
    [
        pytest.param(10 * MINUTE, 5, True, id="between then and now"),
        pytest.param(10 * MINUTE, 12, False, id="later"),
        pytest.param(10 * MINUTE, -1, False, id="earlier"),
        pytest.param(-10 * MINUTE, -5, False, id="set back over it: it comes again"),
    ],
)
async def test_only_what_lay_between_was_jumped_over(by, minute, over):
    """A step explains what it took away, and no more."""
    clock = FakeClock()
    steps = Steps(clock)
    await anyio.sleep(60)
    clock.step(by)
    assert steps.noticed() == by
    assert steps.jumped_over(START + (1 + minute) * MINUTE) is over


async def test_steps_of_long_ago_are_forgotten():
    """A daemon that is corrected every hour for years does not grow."""
    clock = FakeClock()
    steps = Steps(clock)
    clock.step(10 * MINUTE)
    steps.noticed()
    await anyio.sleep(timedelta(days=32).total_seconds())
    assert steps.noticed() == timedelta(0)
    assert not steps.jumped_over(START + 5 * MINUTE)
