"""What becomes of bookings while the engine runs: records, conflicts, pieces, back to back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    EndReason,
    Frequency,
    Outcome,
    Reason,
    Recurrence,
    Status,
    WallStart,
)
from tallyd.testing.virtual_time import START, seconds


async def test_a_booked_room_is_recorded_whole(rig):
    """A booking ahead becomes a recording from its start to its stop, and the ledger says so."""
    booked = await rig.book("lecture", 600, 3600)
    async with rig.running():
        await rig.until(4300)
    run = await rig.run_of(booked)
    assert (run.status, run.outcome, run.sentence) == (
        Status.FINISHED,
        Outcome.RECORDED,
        "Recorded whole.",
    )
    (part,) = run.parts
    assert (seconds(part.first_data_at), part.end) == (600, EndReason.PLANNED)
    assert seconds(part.stopped_at) == pytest.approx(4200, abs=0.01)


async def test_a_booking_for_now_starts_at_once(rig):
    """What is booked for now while the daemon runs is recorded from now on."""
    async with rig.running():
        await rig.until(10)
        booked = await rig.book("now", 10, 60)
        await rig.until(100)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert seconds(run.parts[0].first_data_at) == pytest.approx(10, abs=0.05)


async def test_a_covered_occurrence_is_blocked_and_says_by_whom(rig):
    """What lies wholly inside an earlier booking is never tried; log and ledger name the other."""
    first = await rig.book("long", 100, 3600)
    second = await rig.book("inside", 1000, 1800)
    async with rig.running():
        await rig.until(4000)
    run = await rig.run_of(second)
    assert (run.outcome, run.reason, run.blocker) == (
        Outcome.BLOCKED,
        Reason.OCCUPIED,
        first.id,
    )
    (event,) = rig.log.of("run.blocked")
    assert (event["run_id"], event["blocker"]) == (run.id, first.id)
    assert (await rig.run_of(first)).outcome is Outcome.RECORDED


async def test_a_partly_covered_occurrence_records_what_is_left(rig):
    """The rest of a conflict is recorded as soon as the other ends, and the loss is explained."""
    first = await rig.book("first", 100, 3600)
    second = await rig.book("second", 1900, 3600)
    async with rig.running():
        await rig.until(6000)
    run = await rig.run_of(second)
    assert (run.outcome, run.reason, run.blocker) == (
        Outcome.PARTIAL,
        Reason.OCCUPIED,
        first.id,
    )
    assert [(seconds(p.first_data_at), seconds(p.last_data_at)) for p in run.parts] == [
        (pytest.approx(3700, abs=0.05), pytest.approx(5500, abs=0.6))
    ]


async def test_a_higher_priority_takes_its_time_out_of_the_middle(rig):
    """A longer booking is recorded in two pieces around a shorter one of higher priority."""
    long = await rig.book("long", 100, 3600)
    short = await rig.book("short", 1000, 600, priority=10)
    async with rig.running():
        await rig.until(4000)
    assert (await rig.run_of(short)).outcome is Outcome.RECORDED
    pieces = [
        (seconds(part.first_data_at), seconds(part.stopped_at))
        for part in (await rig.run_of(long)).parts
    ]
    assert pieces == [
        (pytest.approx(100, abs=0.1), pytest.approx(1000, abs=0.1)),
        (pytest.approx(1600, abs=0.1), pytest.approx(3700, abs=0.1)),
    ]


@pytest.mark.parametrize("overlap", [True, False])
async def test_back_to_back_bookings_are_both_whole(rig, overlap):
    """Where one ends another may begin: neither is reported, neither is cut short."""
    rig.device("rooms.a", overlap=overlap, start_ms=300, stop_ms=400)
    first = await rig.book("first", 100, 600)
    second = await rig.book("second", 700, 600)
    async with rig.running():
        await rig.until(1500)
    runs = [await rig.run_of(first), await rig.run_of(second)]
    assert [run.outcome for run in runs] == [Outcome.RECORDED, Outcome.RECORDED]
    assert seconds(runs[0].parts[0].last_data_at) >= 699.4
    assert not rig.log.of("run.blocked")
    wait = seconds(runs[1].parts[0].first_data_at) - 700
    assert wait == pytest.approx(0 if overlap else 0.7, abs=0.05)


async def test_two_inputs_record_two_at_once(rig, make_room):
    """A room with capacity 2 records two at once on two inputs, and blocks the third."""
    await rig.configure(make_room("rooms.a", capacity=2), make_room("rooms.b"))
    rig.device("rooms.a", inputs=2)
    booked = [await rig.book(name, 100, 600) for name in ("one", "two", "three")]
    async with rig.running():
        await rig.until(800)
    runs = [await rig.run_of(schedule) for schedule in booked]
    assert [run.outcome for run in runs] == [
        Outcome.RECORDED,
        Outcome.RECORDED,
        Outcome.BLOCKED,
    ]
    assert sorted(run.parts[0].input for run in runs[:2]) == [0, 1]


async def test_the_lead_is_learnt_from_confirmed_starts(rig):
    """A slow device is told earlier once it has shown how long it takes."""
    rig.device("rooms.a", start_ms=0, jitter_ms=0)
    rig.drivers["rooms.a"] = _SlowToCome(rig.device("rooms.a", start_ms=800))
    booked = [await rig.book(f"n{n}", 100 + 100 * n, 50) for n in range(5)]
    async with rig.running():
        await rig.until(700)
    late = [
        seconds((await rig.run_of(schedule)).parts[0].first_data_at) - 100 - 100 * n
        for n, schedule in enumerate(booked)
    ]
    assert late == [pytest.approx(error, abs=0.01) for error in (0.8, 0.8, 0.4, 0, 0)]


class _SlowToCome:
    """A device whose driver does not know how slow it is."""

    def __init__(self, device):
        self._device = device

    def __getattr__(self, name):
        return getattr(self._device, name)

    @property
    def traits(self):
        return replace(self._device.traits, lead_ms=0)


async def test_a_series_gets_one_run_for_each_day(rig):
    """Each occurrence of a daily series is recorded once, and the ledger has one row for each."""
    local = (START + timedelta(hours=2)).replace(tzinfo=None)
    await rig.bookings.add(
        lambda _now: Draft(
            "rooms.a",
            "daily",
            WallStart(local, "Europe/Berlin"),
            timedelta(minutes=10),
            Recurrence(Frequency.DAILY, count=2),
        )
    )
    async with rig.running():
        await rig.until(2 * 86400)
    async with rig.store.read() as reader:
        runs = await reader.runs()
    assert [run.outcome for run in runs] == [Outcome.RECORDED] * 2
    assert len({run.slot for run in runs}) == 2


async def test_starts_at_one_instant_are_spread(rig, make_room):
    """Devices that slow each other down are told one after the other, each early enough."""
    rooms = [f"rooms.r{n}" for n in range(4)]
    await rig.configure(*map(make_room, rooms))
    for key in rooms:
        rig.drivers[key] = _Local(rig.device(key, start_ms=100))
    booked = [await rig.book(key, 100, 50, target=key) for key in rooms]
    async with rig.running():
        await rig.until(200)
    parts = [(await rig.run_of(schedule)).parts[0] for schedule in booked]
    commanded = sorted(round((seconds(part.commanded_at) - 100) * 1000) for part in parts)
    assert commanded == [-175, -150, -125, -100]
    assert all(part.first_data_at <= part.piece.start for part in parts)


class _Local:
    """A device on this machine: each further start at the same instant costs 25 ms."""

    def __init__(self, device):
        self._device = device

    def __getattr__(self, name):
        return getattr(self._device, name)

    @property
    def traits(self):
        return replace(self._device.traits, spread_ms=25)
