"""What is edited while it records, and what is shown of it meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.errors import Refused
from tallyd.domain.model import Outcome
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.engine.staff import NOT_CONFIGURED
from tallyd.testing.virtual_time import START, seconds


def lasting(length_s):
    """Give the edit that makes a schedule so long."""
    return lambda draft: replace(draft, duration=timedelta(seconds=length_s))


async def test_a_schedule_that_is_made_longer_while_it_records_goes_on(rig):
    """The new end holds for what records now: one part, no break."""
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(300)
        await rig.bookings.edit(booked.id, lasting(1200))
        await rig.until(1500)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    (part,) = run.parts
    assert seconds(part.stopped_at) == pytest.approx(1300, abs=0.1)


async def test_a_schedule_is_made_shorter_while_it_records_by_force_alone(rig):
    """What would be cut is named first; forced, it ends at its new end."""
    booked = await rig.book("lecture", 100, 1200)
    async with rig.running():
        await rig.until(300)
        with pytest.raises(Refused, match="lecture"):
            await rig.bookings.edit(booked.id, lasting(600))
        await rig.bookings.edit(booked.id, lasting(600), Policy.FORCE)
        await rig.until(1500)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert seconds(run.parts[0].stopped_at) == pytest.approx(700, abs=0.1)


async def test_the_shown_end_is_the_extended_one(rig):
    """The status speaks of the end as it is now, not as it was booked."""
    booked = await rig.book("lecture", 100, 600)
    async with rig.running() as engine:
        await rig.until(300)
        await rig.bookings.extend_run((await rig.run_of(booked)).id, timedelta(minutes=5))
        await rig.until(301)
        shown = engine.snapshot()["targets"]["rooms.a"]
    assert shown["planned_stop"] == START + timedelta(seconds=1000)


async def test_a_target_whose_driver_cannot_be_used_is_shown_with_the_problem(rig):
    """Nobody takes a room for idle that could record nothing."""
    rig.drivers["rooms.b"] = None
    async with rig.running() as engine:
        shown = engine.snapshot()["targets"]
    assert (shown["rooms.a"]["usable"], shown["rooms.b"]["usable"]) == (True, False)


async def test_the_next_begins_when_a_late_stop_is_confirmed(rig):
    """Where a stop hangs at the hand-over the next comes late, once, and whole from there on."""
    rig.drivers["rooms.a"] = _StopsLate(rig.device("rooms.a", overlap=False), rig.clock)
    first = await rig.book("first", 100, 600)
    second = await rig.book("second", 700, 600)
    async with rig.running():
        await rig.until(1500)
    stopped_s = seconds((await rig.run_of(first)).parts[0].stopped_at)
    run = await rig.run_of(second)
    (part,) = run.parts
    assert stopped_s == pytest.approx(708, abs=0.1)
    assert seconds(part.first_data_at) == pytest.approx(stopped_s, abs=0.1)
    assert seconds(part.stopped_at) == pytest.approx(1308, abs=0.1)
    assert [event["name"] for event in rig.log.of("run.late")] == ["second"]


class _StopsLate:
    """A device that needs eight seconds to stop."""

    def __init__(self, device, clock):
        self._device, self._clock = device, clock

    def __getattr__(self, name):
        return getattr(self._device, name)

    async def stop(self, token):
        await self._clock.sleep(8)
        return await self._device.stop(token)


async def test_what_records_when_its_room_is_taken_away_is_recorded_whole(rig, make_room):
    """A room that leaves the configuration finishes what it has begun, and begins nothing more."""
    running = await rig.book("running", 100, 600)
    later = await rig.book("later", 800, 600)
    async with rig.running() as engine:
        await rig.until(300)
        await rig.configure(make_room("rooms.b"))
        await engine.refit({"rooms.a": NOT_CONFIGURED}, parse_template(DEFAULT_TEMPLATE), Rules())
        await rig.until(1500)
    assert (await rig.run_of(running)).outcome is Outcome.RECORDED
    assert (await rig.run_of(later)).outcome is Outcome.BLOCKED
