"""Devices that fail: the engine tries again, goes on in parts, gives time to others, says why."""

from datetime import timedelta

import pytest

from tallyd.domain.model import EndReason, Outcome, Reason
from tallyd.domain.outcomes import gaps
from tallyd.engine.executor import Session
from tallyd.engine.journal import Journal
from tallyd.ports.store import StoreError
from tallyd.testing.virtual_time import START, seconds


async def test_a_start_that_fails_is_tried_again(rig):
    """A device that refuses twice is recorded from the third try on; the loss is reported."""
    rig.device("rooms.a", fail_starts=4)
    booked = await rig.book("lecture", 100, 3600)
    async with rig.running():
        await rig.until(4000)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.PARTIAL
    assert seconds(run.parts[0].first_data_at) == pytest.approx(107.2, abs=0.1)
    assert len(run.parts) == 1
    assert rig.log.of("run.late")[0]["run_id"] == run.id


async def test_a_device_that_never_comes_is_failed_with_its_reason(rig):
    """Tried to the end without data: failed, with what the device said."""
    rig.device("rooms.a", fail_starts=10_000)
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(800)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_REFUSED)
    assert run.parts[0].detail in run.sentence


async def test_what_failed_for_good_gives_its_time_to_the_next(rig):
    """A driver that gives up frees the room: the blocked booking records the rest."""
    first = await rig.book("first", 100, 3600)
    second = await rig.book("second", 100, 3600)
    gives_up = rig.device("rooms.a", refuse=True)
    fine = rig.device("rooms.a")
    rig.drivers["rooms.a"] = _FirstGivesUp(gives_up, fine)
    async with rig.running():
        await rig.until(4000)
    assert (await rig.run_of(first)).outcome is Outcome.FAILED
    run = await rig.run_of(second)
    assert run.outcome is Outcome.RECORDED
    assert seconds(run.parts[0].first_data_at) == pytest.approx(100, abs=0.5)


class _FirstGivesUp:
    """Answers the first start like one device and everything else like another."""

    def __init__(self, first, rest):
        self._first, self._rest, self._starts = first, rest, 0

    def __getattr__(self, name):
        return getattr(self._rest, name)

    async def start(self, order):
        self._starts += 1
        return await (self._first if self._starts == 1 else self._rest).start(order)


async def test_a_session_that_dies_goes_on_as_the_next_part(rig):
    """A recorder that ends by itself is started again; parts and gap are in the ledger."""
    rig.device("rooms.a", die_after_s=300)
    booked = await rig.book("lecture", 100, 900)
    async with rig.running():
        await rig.until(1100)
    run = await rig.run_of(booked)
    assert [part.end for part in run.parts[:-1]] == [EndReason.DIED] * (len(run.parts) - 1)
    assert len(run.parts) == 3
    lost = sum((gap.length for gap in gaps(run.parts, run.planned)), timedelta())
    assert lost < timedelta(seconds=4)


async def test_a_session_that_falls_silent_is_ended_and_started_again(rig):
    """Alive without data is no recording: after the stall time it is replaced."""
    rig.device("rooms.a", go_silent_after_s=100)
    booked = await rig.book("lecture", 100, 200)
    async with rig.running():
        await rig.until(400)
    run = await rig.run_of(booked)
    assert run.parts[0].end is EndReason.STALLED
    assert len(run.parts) == 2
    assert run.outcome is Outcome.PARTIAL


async def test_a_start_that_hangs_delays_nobody(rig):
    """A hung device costs its own room only; its own start is given up at the deadline."""
    rig.device("rooms.a", hang_start=True)
    hung = await rig.book("hung", 100, 60, target="rooms.a")
    fine = await rig.book("fine", 100, 60, target="rooms.b")
    async with rig.running():
        await rig.until(300)
    run = await rig.run_of(hung)
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_TIMEOUT)
    other = await rig.run_of(fine)
    assert seconds(other.parts[0].first_data_at) == 100


async def test_a_stop_that_is_not_confirmed_is_asked_for_again(rig):
    """A device that does not stop keeps its run open and is reported, and no other room waits."""
    rig.device("rooms.a", hang_stop=True)
    hung = await rig.book("hung", 100, 60, target="rooms.a")
    fine = await rig.book("fine", 170, 60, target="rooms.b")
    async with rig.running() as engine:
        await rig.until(300)
        assert rig.log.of("run.stop_failed")
        assert (await rig.run_of(fine)).outcome is Outcome.RECORDED
        assert engine.snapshot()["targets"]["rooms.a"]["status"] == "stopping"
    assert (await rig.run_of(hung)).parts[0].last_data_at >= START + timedelta(seconds=159)


async def test_a_driver_that_raises_what_it_likes_is_tried_again(rig):
    """A bug in a driver is an answer like any other: its room fails, the engine lives."""
    rig.drivers["rooms.a"] = _Buggy(rig.device("rooms.a"))
    buggy = await rig.book("buggy", 100, 60)
    fine = await rig.book("fine", 200, 60, target="rooms.b")
    async with rig.running():
        await rig.until(400)
    run = await rig.run_of(buggy)
    assert run.outcome is Outcome.FAILED
    assert "ZeroDivisionError" in run.sentence
    assert (await rig.run_of(fine)).outcome is Outcome.RECORDED


class _Buggy:
    def __init__(self, device):
        self._device = device

    def __getattr__(self, name):
        return getattr(self._device, name)

    async def start(self, _order):
        return 1 / 0


async def test_a_target_without_a_driver_is_missed_with_its_reason(rig):
    """A driver that could not be built costs its own room, and says so."""
    rig.drivers["rooms.a"] = None
    booked = await rig.book("lecture", 100, 60)
    async with rig.running():
        await rig.until(300)
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.DRIVER_UNAVAILABLE)


async def test_a_store_that_refuses_delays_no_start(rig):
    """Rows wait in memory while the database does not take them, and are written afterwards."""
    booked = await rig.book("lecture", 100, 60)
    async with rig.running():
        await rig.until(50)
        with rig.store.refusing():
            await rig.until(130)
            assert rig.log.of("run.started")
        await rig.until(200)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert seconds(run.parts[0].first_data_at) == 100
    assert rig.log.of("store.failed")
    assert rig.log.of("store.recovered")


async def test_a_session_that_breaks_in_an_unforeseen_way_is_made_up_for(rig, monkeypatch):
    """A bug of ours in a session is reported and costs seconds: the rest is the next part."""
    booked = await rig.book("lecture", 100, 600)
    observe, calls = Session._observe, []

    async def broken_once(session):
        calls.append(session)
        return await observe(session) if len(calls) != 10 else 1 / 0

    monkeypatch.setattr(Session, "_observe", broken_once)
    async with rig.running():
        await rig.until(800)
    run = await rig.run_of(booked)
    assert [part.end for part in run.parts] == [EndReason.DIED, EndReason.PLANNED]
    assert run.outcome in {Outcome.RECORDED, Outcome.PARTIAL}
    assert "ZeroDivisionError" in str(rig.log.of("task.failed")[0]["error"])


async def test_a_row_that_the_disk_refuses_for_good_stops_no_other(rig, monkeypatch):
    """One bad row waits and is reported; what happened elsewhere is written all the same."""
    bad = await rig.book("bad", 100, 60, target="rooms.a")
    good = await rig.book("good", 100, 60, target="rooms.b")
    write_run = Journal._write_run

    async def refusing(journal, tx, key, run):
        if run.schedule_id == bad.id:
            raise StoreError("a constraint says no")
        return await write_run(journal, tx, key, run)

    monkeypatch.setattr(Journal, "_write_run", refusing)
    async with rig.running():
        await rig.until(300)
    assert (await rig.run_of(good)).outcome is Outcome.RECORDED
    assert (await rig.run_of(bad)).outcome is None
