"""Recordings by hand while the engine runs: begun, paused, resumed, stopped, explained."""

from datetime import timedelta

import pytest

from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import EndReason, Outcome, Reason, Status
from tallyd.testing.virtual_time import seconds

HOUR_S = 3600
LONGEST = timedelta(hours=4)


async def by_hand(rig, name="exam", length_s=None, target="rooms.a"):
    """Start a recording by hand."""
    length = None if length_s is None else timedelta(seconds=length_s)
    wanted = ManualRecording(target, name, length)
    return await rig.bookings.start_recording(wanted, LONGEST)


async def row(rig, run):
    """Give a run as the ledger has it now."""
    async with rig.store.read() as reader:
        return await reader.run(run.id)


async def test_it_begins_at_once_and_ends_when_it_is_stopped(rig):
    """It is recorded from the press of the button to the next, and that counts as whole."""
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(700)
        await rig.bookings.stop_run(run.id)
        await rig.until(710)
    run = await row(rig, run)
    assert (run.outcome, run.reason) == (Outcome.RECORDED, Reason.OPERATOR)
    assert run.sentence == "Recorded until the operator stopped it."
    (part,) = run.parts
    assert seconds(part.first_data_at) == pytest.approx(100, abs=0.05)
    assert seconds(part.stopped_at) == pytest.approx(700, abs=0.05)


async def test_one_that_nobody_stops_ends_by_itself(rig):
    """After the longest time that one may take the room is free again."""
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(100 + 4 * HOUR_S + 10)
    run = await row(rig, run)
    assert (run.outcome, run.reason, run.sentence) == (Outcome.RECORDED, None, "Recorded whole.")
    assert seconds(run.parts[0].stopped_at) == pytest.approx(100 + 4 * HOUR_S, abs=0.05)


async def test_a_pause_is_a_gap_and_no_stall(rig):
    """The part ends, the room stays taken, and the next part begins when it is resumed."""
    async with rig.running() as engine:
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(200)
        await rig.bookings.pause_run(run.id)
        await rig.until(300)
        shown = engine.snapshot()["targets"]["rooms.a"]
        await rig.bookings.resume_run(run.id)
        await rig.until(400)
        await rig.bookings.stop_run(run.id)
        await rig.until(410)
    assert (shown["status"], shown["run_id"], shown["schedule_id"]) == ("paused", run.id, None)
    run = await row(rig, run)
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.PAUSED)
    first, second = run.parts
    assert first.end is EndReason.PAUSED
    assert seconds(first.stopped_at) == pytest.approx(200, abs=0.05)
    assert seconds(second.first_data_at) == pytest.approx(300, abs=0.05)
    assert not rig.log.of("run.retrying")


async def test_one_that_is_stopped_while_it_is_paused_is_over(rig):
    """It does not come back when its time goes on."""
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(200)
        await rig.bookings.pause_run(run.id)
        await rig.until(300)
        await rig.bookings.stop_run(run.id)
        await rig.until(310)
        assert (await row(rig, run)).status is Status.FINISHED
        again = await by_hand(rig, "again")
        await rig.until(320)
    assert (await row(rig, again)).confirmed


async def test_what_is_booked_meanwhile_begins_when_it_ends(rig):
    """It is told as blocked by a recording by hand, and gets the rest of its time."""
    booked = await rig.book("lecture", 600, HOUR_S, priority=100)
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(1200)
        (event,) = rig.log.of("run.blocked")
        await rig.bookings.stop_run(run.id)
        await rig.until(600 + HOUR_S + 10)
    assert (event["blocker"], event["reason"]) == (None, Reason.OCCUPIED)
    assert (await row(rig, run)).outcome is Outcome.RECORDED
    lecture = await rig.run_of(booked)
    assert (lecture.outcome, lecture.reason, lecture.blocker) == (
        Outcome.PARTIAL,
        Reason.OCCUPIED,
        None,
    )
    assert "a manual recording" in lecture.sentence
    assert seconds(lecture.parts[0].first_data_at) == pytest.approx(1200, abs=0.05)


async def test_what_it_covers_whole_is_blocked_by_it(rig):
    """The ledger says who had the room, though it was nobody's schedule."""
    booked = await rig.book("lecture", 600, HOUR_S)
    async with rig.running():
        await rig.until(100)
        await by_hand(rig)
        await rig.until(600 + HOUR_S + 10)
    lecture = await rig.run_of(booked)
    assert (lecture.outcome, lecture.reason) == (Outcome.BLOCKED, Reason.OCCUPIED)
    assert "a manual recording" in lecture.sentence


async def test_the_log_shows_no_schedule_of_it(rig):
    """Each event names the run, and neither schedule nor slot."""
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig, length_s=60)
        await rig.until(170)
    for name in ("run.starting", "run.started", "run.part_ended", "run.finished"):
        (event,) = rig.log.of(name)
        assert (event["run_id"], event["schedule_id"], event["slot"], event["name"]) == (
            run.id,
            None,
            None,
            "exam",
        )


async def test_a_device_that_drops_out_is_tried_again(rig):
    """What breaks off goes on as the next part, with its cause, like any other."""
    rig.device("rooms.a", die_after_s=100)
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(250)
        await rig.bookings.stop_run(run.id)
        await rig.until(260)
    run = await row(rig, run)
    assert (run.outcome, run.parts[0].end) == (Outcome.RECORDED, EndReason.DIED)
    assert len(run.parts) == 2


async def test_a_restart_in_a_pause_waits_to_be_resumed(rig):
    """The pause is a wish that outlives the daemon."""
    async with rig.leaving():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(200)
        await rig.bookings.pause_run(run.id)
        await rig.until(210)
    async with rig.running():
        await rig.until(300)
        assert len((await row(rig, run)).parts) == 1
        await rig.bookings.resume_run(run.id)
        await rig.until(400)
        await rig.bookings.stop_run(run.id)
        await rig.until(410)
    run = await row(rig, run)
    assert [seconds(part.first_data_at) for part in run.parts] == [
        pytest.approx(100, abs=0.05),
        pytest.approx(300, abs=0.05),
    ]


async def test_a_power_cut_is_a_gap_with_its_cause(rig):
    """It is recorded on when the power is back, until it is stopped."""
    async with rig.until_the_power_goes():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(200)
    rig.boot_at(rig.clock.now() + timedelta(seconds=300))
    async with rig.running():
        await rig.until(600)
        await rig.bookings.stop_run(run.id)
        await rig.until(610)
    run = await row(rig, run)
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.POWER_OFF)
    assert len(run.parts) == 2


async def test_one_that_was_wished_for_while_no_daemon_ran_begins_when_one_does(rig):
    """The wish is kept; what it lost is explained."""
    run = await by_hand(rig)
    await rig.until(100)
    async with rig.running():
        await rig.until(200)
        await rig.bookings.stop_run(run.id)
        await rig.until(210)
    run = await row(rig, run)
    assert run.outcome is Outcome.PARTIAL
    assert seconds(run.parts[0].first_data_at) == pytest.approx(100, abs=0.1)


async def test_one_that_the_device_refuses_for_good_frees_the_room(rig):
    """It is failed at once, with what the device said, and is not started again by an odd clock."""
    rig.device("rooms.a", refuse=True)
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig)
        await rig.until(110)
        run = await row(rig, run)
        assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_REFUSED)
        rig.clock.step(timedelta(seconds=-50))
        await rig.clock.sleep(120)
    assert await row(rig, run) == run


async def test_two_inputs_record_by_hand_beside_a_booking(rig, make_room):
    """The one at the button gets the free input, and nobody is cut."""
    await rig.configure(make_room("rooms.a", capacity=2), make_room("rooms.b"))
    rig.device("rooms.a", inputs=2)
    booked = await rig.book("lecture", 50, 600)
    async with rig.running():
        await rig.until(100)
        run = await by_hand(rig, length_s=300)
        await rig.until(700)
    assert (await rig.run_of(booked)).outcome is Outcome.RECORDED
    run = await row(rig, run)
    assert run.outcome is Outcome.RECORDED
    assert run.parts[0].input == 1
