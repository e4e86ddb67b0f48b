"""A start is decided ahead of its instant, and never made where the decision no longer holds."""

from datetime import datetime, timedelta

import anyio
import pytest
from tests.engine_rig import at

from tallyd.domain.model import EndReason, Outcome, Reason, Status
from tallyd.engine.gap import NEAR_S
from tallyd.engine.reconciler import TRIED_AGAIN_AFTER, Reconciler
from tallyd.testing.virtual_time import START, FakeAlarm


async def test_a_start_is_made_before_anything_else_is_done_at_its_instant(rig, monkeypatch):
    """However long looking at targets takes, the devices of all of them are called first."""
    order: list[str] = []
    turn = Reconciler.take_turn

    def slow(reconciler: Reconciler) -> None:
        order.append(f"look {reconciler.target}")
        turn(reconciler)

    monkeypatch.setattr(Reconciler, "take_turn", slow)
    for key in ("rooms.a", "rooms.b"):
        device, start = rig.drivers[key], rig.drivers[key].start

        async def noted(what, key=key, start=start):
            order.append(f"start {key}")
            return await start(what)

        monkeypatch.setattr(device, "start", noted)
        await rig.book(f"in {key}", 100, 60, target=key)
    async with rig.running():
        await rig.until(99)
        order.clear()
        await rig.until(101)
    assert set(order[:2]) == {"start rooms.a", "start rooms.b"}
    assert "look rooms.a" in order[2:]


async def test_what_was_decided_is_not_done_when_it_is_withdrawn_in_the_last_moment(rig):
    """A booking that is removed right before its start takes its decision with it."""
    device = rig.device("rooms.a")
    booked = await rig.book("lecture", 103, 60)
    async with rig.running():
        await rig.until(103 - 2 * NEAR_S)
        await rig.bookings.remove(booked.id)
        await rig.until(130)
        assert await device.observe() == ()
    assert rig.log.of("run.starting") == []
    assert (await rig.run_of(booked)).outcome is Outcome.CANCELLED


async def test_what_is_withdrawn_as_it_starts_ends_at_once(rig):
    """A removal that comes with the start holds up no start; what was begun is ended and said."""
    device = rig.device("rooms.a")
    booked = await rig.book("lecture", 103, 60)
    async with rig.running():
        await rig.until(103 - NEAR_S / 2)
        await rig.bookings.remove(booked.id)
        await rig.until(105)
        assert await device.observe() == ()
    (part,) = (await rig.run_of(booked)).parts
    assert (part.commanded_at, part.end) == (at(103), EndReason.WITHDRAWN)


async def test_a_wake_up_before_the_instant_does_not_delay_the_start(rig, monkeypatch):
    """A wake-up that comes early takes nothing back: the start is made at its instant, first."""
    turns: list[datetime] = []
    turn = Reconciler.take_turn

    def noted(reconciler: Reconciler) -> None:
        turns.append(rig.clock.now())
        turn(reconciler)

    booked = await rig.book("lecture", 103, 60)
    async with rig.running():
        await rig.until(103 - NEAR_S / 2)
        monkeypatch.setattr(Reconciler, "take_turn", noted)
        rig.engine._due("rooms.a")
        await rig.until(104)
    assert turns[0] > at(103)
    (part,) = (await rig.run_of(booked)).parts
    assert part.commanded_at == at(103)


async def test_a_decision_follows_a_booking_that_moves(rig):
    """What is booked earlier after the decision was made starts when it is booked for."""
    await rig.book("lecture", 300, 60)
    async with rig.running():
        await rig.until(10)
        moved = await rig.book("urgent", 100, 60)
        await rig.until(500)
    run = await rig.run_of(moved)
    assert run.parts[0].commanded_at == START + timedelta(seconds=100)
    assert [event["schedule_id"] for event in rig.log.of("run.started")] == [1, 2][::-1]


async def test_a_decided_start_has_its_deadline_from_its_instant_on(rig):
    """A device that hangs is given up when its time is over, however early it was decided."""
    rig.device("rooms.a", hang_start=True)
    booked = await rig.book("lecture", 590, 60)
    async with rig.running():
        await rig.until(599.9)
        assert rig.log.of("run.retrying") == []
        await rig.until(600.1)
        assert len(rig.log.of("run.retrying")) == 1
        await rig.until(700)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_TIMEOUT)


async def test_a_start_called_off_leaves_no_deadline_behind(rig):
    """A start that takes nine seconds is not cut by the deadline of one that was to come before."""
    rig.device("rooms.a", start_ms=9_000, jitter_ms=0)
    gone = await rig.book("moved away", 100, 600)
    async with rig.running():
        await rig.until(50)
        await rig.bookings.remove(gone.id)
        booked = await rig.book("lecture", 112, 600)
        await rig.until(130)
        run = await rig.run_of(booked)
    assert run.status is Status.STARTED
    assert rig.log.of("run.retrying") == []


async def test_a_machine_that_slept_over_a_start_decides_anew(rig, monkeypatch):
    """What was decided for nine o'clock is not done a minute past as if it were nine."""
    fire = FakeAlarm._fire
    deaf_until = START + timedelta(seconds=160)

    def sleepy(alarm: FakeAlarm) -> None:
        if alarm._clock.now() < deaf_until:
            alarm._wishes = {owner: max(at, deaf_until) for owner, at in alarm._wishes.items()}
        fire(alarm)

    monkeypatch.setattr(FakeAlarm, "_fire", sleepy)
    booked = await rig.book("lecture", 100, 3_600)
    short = await rig.book("over", 100, 40, target="rooms.b")
    async with rig.running():
        await rig.until(1_000)
    assert (await rig.run_of(short)).parts == ()
    (part,) = (await rig.run_of(booked)).parts
    assert part.commanded_at == deaf_until
    assert part.end is EndReason.DAEMON_STOPPED


async def test_a_target_whose_turn_fails_costs_no_other_and_is_looked_at_again(rig, monkeypatch):
    """A fault in one target's books is reported; its neighbour records, and so does it later."""
    look, broken = Reconciler.reconcile, True

    def reconcile(reconciler: Reconciler) -> None:
        if broken and reconciler.target == "rooms.a" and rig.engine is not None:
            raise RuntimeError("a page is missing")
        look(reconciler)

    monkeypatch.setattr(Reconciler, "reconcile", reconcile)
    async with rig.running():
        await rig.until(10)
        ours = await rig.book("ours", 100, 600)
        theirs = await rig.book("theirs", 100, 600, target="rooms.b")
        await rig.until(120)
        assert (await rig.run_of(theirs)).status is Status.STARTED
        failures = rig.log.of("task.failed")
        assert "a page is missing" in failures[0]["error"]
        assert len(failures) <= 1 + 110 / TRIED_AGAIN_AFTER.total_seconds()
        broken = False
        await rig.until(120 + TRIED_AGAIN_AFTER.total_seconds())
        await anyio.sleep(1)
        assert (await rig.run_of(ours)).status is Status.STARTED


@pytest.mark.parametrize("capacity", [2, 3])
async def test_all_inputs_of_a_target_start_at_one_instant(rig, make_room, capacity):
    """Decisions for one instant take an input each."""
    await rig.configure(make_room("rooms.a", capacity=capacity), make_room("rooms.b"))
    rig.device("rooms.a", inputs=capacity)
    booked = [await rig.book(f"lecture {n}", 100, 60) for n in range(capacity)]
    async with rig.running():
        await rig.until(200)
    parts = [(await rig.run_of(each)).parts for each in booked]
    assert sorted(part.input for (part,) in parts) == list(range(capacity))
    assert {part.commanded_at for (part,) in parts} == {START + timedelta(seconds=100)}
