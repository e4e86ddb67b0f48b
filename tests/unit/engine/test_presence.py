"""What the engine shows of itself: soon after a change, not too often, and only what is so."""

from itertools import pairwise

import anyio
import pytest

from tallyd.engine.gap import Gap
from tallyd.engine.presence import AT_MOST_EVERY_S, HEARTBEAT_S, Presence
from tallyd.testing.virtual_time import START, FakeClock


async def published(changes_s: list[float], until_s: float) -> list[float]:
    """Give the seconds at which a picture is published that changes at these seconds."""
    clock = FakeClock()
    times: list[float] = []

    async def publish(_picture: object) -> None:
        times.append(round((clock.now() - START).total_seconds(), 3))

    presence = Presence(clock, dict, publish, Gap(clock, lambda: None))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(presence.run)
        for second in changes_s:
            await clock.sleep(second - (clock.now() - START).total_seconds())
            presence.changed()
        await clock.sleep(until_s - (clock.now() - START).total_seconds())
        tasks.cancel_scope.cancel()
    return times


async def test_a_change_is_shown_a_moment_later():
    """Who looks a quarter of a second after something happened sees it; a herd goes first."""
    assert await published([2.0], 4) == [0, 2.0 + AT_MOST_EVERY_S]


async def test_many_changes_are_shown_four_times_a_second_at_most():
    """A herd of starts writes the picture a few times, and the last change is in it."""
    times = await published([1 + number / 100 for number in range(50)], 3)
    assert times == [0, 1.25, 1.5]
    assert min(b - a for a, b in pairwise(times)) >= AT_MOST_EVERY_S


async def test_without_changes_there_is_a_heartbeat():
    """A picture that stands still for long means that the daemon does."""
    times = await published([], 20)
    assert len(times) == 4
    assert max(b - a for a, b in pairwise(times)) <= 2 * HEARTBEAT_S


async def test_a_room_is_said_to_record_only_while_its_data_flows(rig):
    """Before data, in a silence and while it closes the picture says so, and never `recording`."""
    rig.device("rooms.a", start_ms=2_000, stop_ms=2_000, go_silent_after_s=30, overlap=False)
    await rig.book("lecture", 100, 60)
    async with rig.running() as engine:

        async def at(seconds: float) -> str:
            await rig.until(seconds)
            return engine.snapshot()["targets"]["rooms.a"]["status"]

        assert await at(97) == "idle"
        assert await at(99) == "starting"
        assert await at(101) == "recording"
        assert await at(129) == "recording"
        assert await at(134) == "silent"
        assert await at(141) == "stopping"


async def test_of_two_sessions_the_one_that_is_not_closing_is_shown(rig):
    """Back to back, people see the recording that runs, not the one that is over."""
    rig.device("rooms.a", stop_ms=5_000, overlap=True)
    await rig.book("first", 100, 60)
    second = await rig.book("second", 160, 60)
    async with rig.running() as engine:
        await rig.until(162)
        shown = engine.snapshot()["targets"]["rooms.a"]
    assert (shown["status"], shown["schedule_id"]) == ("recording", second.id)
    assert shown["planned_stop"] == second.start.at + second.duration


@pytest.mark.parametrize("driver", [None, "broken"])
async def test_a_room_without_a_usable_driver_says_so(rig, driver):
    """A room that cannot record is not shown as one that waits."""
    if driver is None:
        del rig.drivers["rooms.b"]
    else:
        rig.drivers["rooms.b"] = None
    async with rig.running() as engine:
        shown = engine.snapshot()["targets"]["rooms.b"]
    assert (shown["usable"], shown["status"]) == (False, "idle")
