"""Clocks that go wrong, are put right, or change to summer time while the engine runs."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Outcome,
    Reason,
    Recurrence,
    Status,
    WallStart,
)
from tallyd.domain.window import Window
from tallyd.reports import Reports
from tallyd.testing.virtual_time import START, FakeClock

MINUTES = timedelta(minutes=3)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOURS = range(1, 7)


async def daily(rig, local, zone, length, rule=None):
    """Book a daily series."""
    made = await rig.bookings.add(
        lambda _now: Draft(
            "rooms.a",
            "nightly",
            WallStart(local, zone),
            length,
            rule or Recurrence(Frequency.DAILY),
        )
    )
    return made.after


async def runs_of(rig):
    """Give all runs, in order of their start."""
    async with rig.store.read() as reader:
        return sorted(await reader.runs(), key=lambda run: run.planned.start)


@pytest.mark.parametrize(
    ("changes_on", "zone", "hour"),
    [
        (datetime(2027, 3, 28, tzinfo=UTC), "Europe/Berlin", 2),
        (datetime(2026, 11, 1, tzinfo=UTC), "America/New_York", 1),
    ],
)
async def test_a_nightly_show_is_recorded_once_each_night_as_the_plan_had_it(
    rig, changes_on, zone, hour
):
    """Whatever the clocks do, each night has one whole recording, at the time that was shown."""
    rig.clock = FakeClock(changes_on)
    rig.device("rooms.a")
    local = changes_on.replace(tzinfo=None, hour=hour, minute=30)
    await daily(rig, local, zone, MINUTES, Recurrence(Frequency.DAILY, count=2))
    period = Window(changes_on, changes_on + 9 * DAY)
    shown = [entry.occurrence.window for entry in await Reports(rig.store, rig.clock).plan(period)]
    async with rig.running():
        await rig.clock.sleep_until(shown[-1].stop + MINUTES)
    runs = await runs_of(rig)
    assert [run.planned for run in runs] == shown
    assert [window.length for window in shown] == [MINUTES] * 2
    after = shown[-1].start.astimezone(ZoneInfo(zone))
    assert (after.hour, after.minute) == (hour, 30)
    assert [run.outcome for run in runs] == [Outcome.RECORDED] * 2
    assert [run.parts[0].first_data_at for run in runs] == [window.start for window in shown]
    assert len(rig.log.of("run.starting")) == len(shown)


@pytest.mark.parametrize(
    "step",
    [timedelta(minutes=-2), timedelta(days=-21), timedelta(minutes=13), timedelta(days=3650)],
    ids=["two minutes back", "three weeks back", "suspended for 13 minutes", "ten years ahead"],
)
async def test_after_any_step_of_the_clock_things_start_on_its_time(rig, step):
    """Set back, set forward or woken from suspension: the next booking is on time."""
    await daily(rig, datetime.fromisoformat("2026-11-01T03:00"), "Europe/Berlin", MINUTES)
    async with rig.running():
        await rig.until(60)
        rig.clock.step(step)
        begins = rig.clock.now() + timedelta(seconds=90)
        made = await rig.bookings.add(
            lambda _now: Draft("rooms.a", "next", InstantStart(begins), timedelta(minutes=2))
        )
        await rig.clock.sleep(400)
    run = await rig.run_of(made.after)
    assert run.outcome is Outcome.RECORDED
    assert abs(run.parts[0].first_data_at - begins) < timedelta(milliseconds=50)


async def test_what_was_booked_before_a_step_back_starts_at_its_hour(rig):
    """Two minutes taken back are two minutes more to wait, no less and not for ever."""
    booked = await rig.book("lecture", 300, 600)
    async with rig.running():
        await rig.until(200)
        rig.clock.step(timedelta(minutes=-2))
        await rig.until(1000)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert run.parts[0].first_data_at == run.planned.start


@pytest.mark.parametrize("by_s", [-0.5, 0.5, -30, 30])
async def test_a_clock_that_is_set_every_hour_makes_nothing_vanish_or_happen_twice(rig, by_s):
    """A time server that corrects on the hour, where things start, costs no recording."""
    booked = [await rig.book(f"hour {n}", 3600 * n, 180) for n in HOURS]
    async with rig.running():
        for hour in HOURS:
            await rig.clock.sleep_until(START + hour * HOUR)
            rig.clock.step(timedelta(seconds=by_s))
        await rig.clock.sleep(7200)
    runs = [await rig.run_of(schedule) for schedule in booked]
    assert {run.status for run in runs} == {Status.FINISHED}
    assert all(run.confirmed for run in runs)
    assert [len(run.parts) for run in runs] == [1] * len(HOURS)
    assert not rig.log.of("task.failed")


@pytest.mark.parametrize("by", [timedelta(minutes=10), timedelta(minutes=-20)])
async def test_a_step_while_it_records_moves_no_end_and_makes_no_second_run(rig, by):
    """The end is an hour on the wall, and one recording stays one."""
    booked = await rig.book("lecture", 600, 1800)
    async with rig.running():
        await rig.until(900)
        rig.clock.step(by)
        await rig.clock.sleep(1)
        assert (await rig.run_of(booked)).status is Status.STARTED
        await rig.clock.sleep_until(START + HOUR)
    run = await rig.run_of(booked)
    assert run.status is Status.FINISHED
    (part,) = run.parts
    assert abs(part.stopped_at - run.planned.stop) < timedelta(seconds=1)


async def test_a_locked_room_stays_locked_where_the_clock_is_set_back_to_before_the_lock(rig):
    """An operator who locks a room has locked it, whatever the clock shows."""
    async with rig.running():
        await rig.until(7200)
        await rig.bookings.lock_target("rooms.a")
        rig.clock.step(-HOUR)
        begins = rig.clock.now() + MINUTES
        made = await rig.bookings.add(
            lambda _now: Draft("rooms.a", "locked out", InstantStart(begins), MINUTES)
        )
        await rig.clock.sleep(600)
    run = await rig.run_of(made.after)
    assert (run.outcome, run.reason, run.parts) == (Outcome.MISSED, Reason.LOCKED, ())
