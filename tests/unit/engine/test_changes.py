"""Wishes that change while the engine runs, restarts, and clocks that are set."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.errors import Refused
from tallyd.domain.model import EndReason, InstantStart, Outcome, Reason, Status
from tallyd.testing.virtual_time import START, seconds


async def test_an_operator_stops_a_run(rig):
    """A run that the operator stops ends at once and counts as recorded up to there."""
    booked = await rig.book("lecture", 100, 3600)
    async with rig.running():
        await rig.until(700)
        await rig.bookings.stop_run((await rig.run_of(booked)).id)
        await rig.until(800)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.RECORDED, Reason.OPERATOR)
    assert seconds(run.parts[0].stopped_at) == pytest.approx(700, abs=0.1)


async def test_the_time_after_an_operators_stop_is_free(rig):
    """What waited behind a run that was stopped records what is left of its own window."""
    first = await rig.book("first", 100, 3600)
    second = await rig.book("second", 200, 3600)
    async with rig.running():
        await rig.until(700)
        await rig.bookings.stop_run((await rig.run_of(first)).id)
        await rig.until(4000)
    run = await rig.run_of(second)
    assert seconds(run.parts[0].first_data_at) == pytest.approx(700, abs=0.5)


async def test_a_run_is_extended_while_it_records(rig):
    """An extension moves the stop of a run that records, without a new part."""
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(300)
        await rig.bookings.extend_run((await rig.run_of(booked)).id, timedelta(minutes=10))
        await rig.until(1500)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert len(run.parts) == 1
    assert seconds(run.parts[0].stopped_at) == pytest.approx(1300, abs=0.1)


async def test_an_extension_into_booked_time_is_refused(rig):
    """An extension takes free time only, unless forced; the refusal names who has the time."""
    booked = await rig.book("lecture", 100, 600)
    await rig.book("next", 700, 600)
    async with rig.running():
        await rig.until(300)
        run = await rig.run_of(booked)
        with pytest.raises(Refused, match="next"):
            await rig.bookings.extend_run(run.id, timedelta(minutes=5))
        await rig.bookings.extend_run(run.id, timedelta(minutes=5), Policy.FORCE)
        await rig.until(1500)
    assert seconds((await rig.run_of(booked)).parts[0].stopped_at) == pytest.approx(1000, abs=0.1)


async def test_a_booking_that_would_cut_what_records_is_refused(rig):
    """A higher priority booked over a running recording needs force, which then cuts it."""
    running = await rig.book("running", 100, 3600)
    async with rig.running():
        await rig.until(700)
        with pytest.raises(Refused, match="running") as refusal:
            await rig.book("vip", 1000, 600, priority=10)
        assert [victim.schedule_id for victim in refusal.value.victims] == [running.id]
        vip = await rig.book("vip", 1000, 600, priority=10, policy=Policy.FORCE)
        await rig.until(4000)
    assert (await rig.run_of(vip)).outcome is Outcome.RECORDED
    assert len((await rig.run_of(running)).parts) == 2


async def test_a_removed_schedule_records_to_its_end_unless_stopped(rig):
    """Removing keeps what records now; removing with stop ends it."""
    kept = await rig.book("kept", 100, 600, target="rooms.a")
    ended = await rig.book("ended", 100, 600, target="rooms.b")
    async with rig.running():
        await rig.until(300)
        await rig.bookings.remove(kept.id)
        await rig.bookings.remove_and_stop(ended.id)
        await rig.until(900)
    assert (await rig.run_of(kept)).outcome is Outcome.RECORDED
    assert seconds((await rig.run_of(kept)).parts[0].stopped_at) == pytest.approx(700, abs=0.1)
    assert seconds((await rig.run_of(ended)).parts[0].stopped_at) == pytest.approx(300, abs=0.1)


async def test_a_schedule_removed_before_its_start_is_cancelled(rig):
    """What was removed shortly before its start is not recorded, and its row says why."""
    booked = await rig.book("lecture", 300, 600)
    async with rig.running():
        await rig.until(200)
        await rig.bookings.remove(booked.id)
        await rig.until(1000)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.CANCELLED, Reason.SCHEDULE_REMOVED)
    assert run.parts == ()


async def test_a_skipped_occurrence_leaves_its_time_to_others(rig):
    """A skipped occurrence is in the ledger as skipped, and what it blocked is recorded."""
    first = await rig.book("first", 300, 600)
    second = await rig.book("second", 300, 600)
    async with rig.running():
        await rig.until(200)
        await rig.bookings.skip(first.id, "next")
        await rig.until(1000)
    assert (await rig.run_of(first)).outcome is Outcome.SKIPPED
    assert (await rig.run_of(second)).outcome is Outcome.RECORDED


async def test_nothing_starts_on_an_exception_day(rig):
    """On an exception day nothing starts, and the ledger names the reason."""
    booked = await rig.book("lecture", 300, 600)
    async with rig.running():
        await rig.bookings.add_exception_day(START.date(), "Founders' Day", None)
        await rig.until(1000)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.SKIPPED, Reason.EXCEPTION_DAY)


async def test_a_restart_goes_on_with_the_next_part(rig):
    """A daemon that ends and comes back inside a window records the rest as the next part."""
    booked = await rig.book("lecture", 100, 3600)
    async with rig.running():
        await rig.until(1000)
    run = await rig.run_of(booked)
    assert (run.status, run.parts[0].end) == (Status.PENDING, EndReason.DAEMON_STOPPED)
    async with rig.running():
        await rig.until(4000)
    run = await rig.run_of(booked)
    assert [part.number for part in run.parts] == [1, 2]
    assert run.outcome is Outcome.RECORDED


async def test_what_fell_due_while_the_daemon_was_down_is_explained(rig):
    """Each occurrence of the time without a daemon has its row: missed, daemon down."""
    early = await rig.book("early", 100, 600)
    later = await rig.book("later", 7200, 600)
    await rig.until(100_000)
    async with rig.running():
        await rig.until(100_010)
    for schedule in (early, later):
        run = await rig.run_of(schedule)
        assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.DAEMON_DOWN)


async def test_a_finished_run_is_not_recorded_again_after_a_restart(rig):
    """An operator's stop holds: a restart inside the old window starts nothing."""
    booked = await rig.book("lecture", 100, 3600)
    async with rig.running():
        await rig.until(700)
        await rig.bookings.stop_run((await rig.run_of(booked)).id)
        await rig.until(710)
    async with rig.running():
        await rig.until(4000)
    assert len((await rig.run_of(booked)).parts) == 1


async def test_a_clock_that_is_set_forward_starts_what_became_due(rig):
    """A step over a start records the rest at once; a step back never records it twice."""
    booked = await rig.book("lecture", 3600, 3600)
    async with rig.running():
        await rig.until(100)
        rig.clock.step(timedelta(seconds=4000))
        await rig.clock.sleep(10)
        assert (await rig.run_of(booked)).status is Status.STARTED
        rig.clock.step(timedelta(seconds=-600))
        await rig.clock.sleep(10)
        assert (await rig.run_of(booked)).status is Status.STARTED
        await rig.until(8000)
    run = await rig.run_of(booked)
    assert run.status is Status.FINISHED
    assert len(run.parts) == 1


async def test_an_occurrence_that_is_wanted_again_before_its_start_is_recorded(rig):
    """Moved away and back minutes before its start: it is recorded, and has one row."""
    booked = await rig.book("lecture", 600, 600)
    async with rig.running():
        for start_s in (900, 600):
            await rig.clock.sleep(60)
            moved = START + timedelta(seconds=start_s)
            await rig.bookings.edit(booked.id, _starting(moved))
        await rig.until(2000)
    async with rig.store.read() as reader:
        outcomes = {run.planned.start: run.outcome for run in await reader.runs()}
    assert outcomes == {
        START + timedelta(seconds=600): Outcome.RECORDED,
        START + timedelta(seconds=900): Outcome.CANCELLED,
    }


async def test_a_clock_set_back_before_a_missed_start_gives_it_its_chance(rig):
    """What was judged missed under a wrong clock is recorded when its start lies ahead again."""
    rig.drivers["rooms.a"] = None
    booked = await rig.book("lecture", 3600, 600)
    async with rig.running():
        await rig.until(100)
        rig.clock.step(timedelta(hours=3))
        await rig.clock.sleep(70)
        assert (await rig.run_of(booked)).outcome is Outcome.MISSED
        rig.clock.step(timedelta(hours=-3))
        await rig.clock.sleep(10)
        assert (await rig.run_of(booked)).status is Status.PENDING


def _starting(at):
    return lambda draft: replace(draft, start=InstantStart(at))


async def test_a_pause_is_a_gap_and_no_fault(rig):
    """A paused run keeps its room and records on as the next part; what was left out is said."""
    booked = await rig.book("lecture", 100, 3600)
    rival = await rig.book("rival", 200, 600)
    async with rig.running():
        await rig.until(700)
        run_id = (await rig.run_of(booked)).id
        await rig.bookings.pause_run(run_id)
        await rig.until(1300)
        assert rig.engine.snapshot()["targets"]["rooms.a"]["status"] == "paused"
        await rig.bookings.resume_run(run_id)
        await rig.until(4000)
    run = await rig.run_of(booked)
    assert [part.end for part in run.parts] == [EndReason.PAUSED, EndReason.PLANNED]
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.PAUSED)
    assert seconds(run.parts[1].piece.start) == pytest.approx(1300, abs=0.1)
    assert (await rig.run_of(rival)).outcome is Outcome.BLOCKED


async def test_a_locked_room_starts_nothing_until_it_is_unlocked(rig):
    """A lock is refused over a recording, blocks what follows, and what is left starts after it."""
    running = await rig.book("running", 100, 600)
    later = await rig.book("later", 800, 3600)
    async with rig.running():
        await rig.until(300)
        with pytest.raises(Refused, match="running"):
            await rig.bookings.lock_target("rooms.a")
        await rig.until(750)
        await rig.bookings.lock_target("rooms.a")
        await rig.until(1400)
        assert rig.log.of("run.blocked")[-1]["reason"] is Reason.LOCKED
        await rig.bookings.unlock_target("rooms.a")
        await rig.until(5000)
    assert (await rig.run_of(running)).outcome is Outcome.RECORDED
    assert seconds((await rig.run_of(later)).parts[0].first_data_at) == pytest.approx(1400, abs=1)
