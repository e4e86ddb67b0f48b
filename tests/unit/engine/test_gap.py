"""What may wait a moment is kept out of the last moments before an instant, and not for long."""

from datetime import datetime, timedelta

import pytest

from tallyd.engine.gap import NEAR_S, PASSES_S, WAITS_EVERY_S, Gap
from tallyd.testing.virtual_time import START, FakeClock


def after(seconds: float) -> datetime:
    """Give the instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("next_wake", "returns"),
    [
        (None, START),
        (after(NEAR_S), after(NEAR_S + PASSES_S)),
        (after(NEAR_S / 2), after(NEAR_S / 2 + PASSES_S)),
        (after(2 * NEAR_S), START),
        (START, START),
        (after(-1), START),
    ],
    ids=["nothing", "near", "nearer", "far", "now", "past"],
)
async def test_work_begins_when_no_instant_is_near(next_wake, returns):
    """Work goes on at once, unless an instant would find it under way."""
    clock = FakeClock()
    await Gap(clock, lambda: next_wake).wait()
    assert clock.now() == returns


async def test_work_goes_on_between_instants_that_lie_close_together():
    """Where an instant comes every few milliseconds work has the greater part of the time."""
    clock = FakeClock()
    gap = Gap(clock, lambda: clock.now() + timedelta(seconds=NEAR_S))
    for _ in range(50):
        await gap.wait()
        await clock.sleep(NEAR_S)
    worked_s = 50 * NEAR_S
    waited_s = (clock.now() - START).total_seconds() - worked_s
    assert 0 < waited_s < worked_s
    assert waited_s <= (NEAR_S + PASSES_S) * (worked_s + waited_s) / WAITS_EVERY_S
