"""The disk and the clock before a start: what is warned of, and what is told once."""

from datetime import timedelta

import pytest

from tallyd.domain.model import Outcome, Reason
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.ports.drivers import DriverContext, TryAgainError
from tallyd.testing.virtual_time import START, seconds

MINUTE = 60.0


def told(rig, *names: str) -> list[str]:
    """Give the events that were said, of these names, in order."""
    return [name for name, _ in rig.log.events if name in names]


async def test_a_disk_that_does_not_fit_two_rooms_is_warned_of(rig):
    """Each for itself would fit; the one that is cut is warned of, at a quarter of an hour."""
    for key in ("rooms.a", "rooms.b"):
        rig.device(key, bytes_per_s=1_000_000)
    rig.disk.total = 100 * 10**9
    rig.disk.free = 10**9 + 5 * 10**9  # a reserve and 5 GB; both together want 7.2
    await rig.book("lecture", 60 * MINUTE, 3600)
    await rig.book("talk", 60 * MINUTE, 3600, target="rooms.b")
    short = await rig.book("short", 120 * MINUTE, 60)
    async with rig.running() as engine:
        await rig.until(10)
        disk = engine.snapshot()["disk"]
        await rig.until(46 * MINUTE)
    assert (disk["state"], disk["free_bytes"]) == ("short", 6 * 10**9)
    assert seconds(disk["full_at"]) == 60 * MINUTE + 2500
    warned = rig.log.of("preflight.failed")
    assert {each["name"] for each in warned} == {"lecture", "talk"}
    assert {each["cause"] for each in warned} == {"disk"}
    assert "fills it by 2026-12-01 09:41 UTC" in warned[0]["detail"]
    assert short.id not in {each["schedule_id"] for each in warned}


async def test_a_disk_that_fits_is_not_spoken_of(rig):
    """One of the two rooms alone fits."""
    rig.device("rooms.a", bytes_per_s=1_000_000)
    rig.disk.total = 100 * 10**9
    rig.disk.free = 10**9 + 5 * 10**9
    await rig.book("lecture", 60 * MINUTE, 3600)
    async with rig.running() as engine:
        await rig.until(61 * MINUTE)
        assert engine.snapshot()["disk"]["state"] == "ok"
    assert told(rig, "preflight.failed", "disk.troubled") == []


async def test_a_disk_that_runs_low_and_recovers_is_told_of_once_each(rig):
    """Whatever is planned: below its reserve it is low."""
    async with rig.running() as engine:
        await rig.until(10)
        rig.disk.free = 10**8
        await rig.until(2_000)
        assert engine.snapshot()["disk"]["state"] == "low"
        rig.disk.free = 10**15
        await rig.until(4_000)
    assert told(rig, "disk.troubled", "disk.recovered") == ["disk.troubled", "disk.recovered"]


@pytest.mark.parametrize("trouble", ["hangs", "error"])
async def test_a_disk_that_does_not_answer_is_told_of_and_delays_nothing(rig, trouble):
    """A hung mount: the start is on time, and the trouble named before it."""
    setattr(rig.disk, trouble, "no such directory")
    booked = await rig.book("lecture", 20 * MINUTE, 60)
    async with rig.running() as engine:
        await rig.until(22 * MINUTE)
        disk = engine.snapshot()["disk"]
    assert (disk["state"], disk["free_bytes"]) == ("unknown", None)
    assert len(rig.log.of("disk.troubled")) == 1
    assert [each["cause"] for each in rig.log.of("preflight.failed")] == ["disk"]
    (part,) = (await rig.run_of(booked)).parts
    assert part.commanded_at == booked.start.at


async def test_how_fast_files_grow_is_learnt_from_earlier_parts(rig):
    """Where no option says it, the last recordings do, also those of an earlier life."""

    class Writer(SimulatedRecorder):
        """Claims files, and no rate."""

        @property
        def traits(self):
            return type(super().traits)()

        def _show(self, session):
            shown = super()._show(session)
            return type(shown)(
                **{
                    **{name: getattr(shown, name) for name in shown.__slots__},
                    "files": (session.order.output,),
                }
            )

    context = DriverContext("rooms.a", 1, rig.clock, lambda _task: None)
    options = SimulatedRecorder.Options(bytes_per_s=2_000_000, overlap=False)
    rig.drivers["rooms.a"] = Writer(context, options)
    rig.disk.total, rig.disk.free = 100 * 10**9, 2 * 10**9
    await rig.book("before", 60, 100)
    await rig.book("long", 60 * MINUTE, 3600)
    async with rig.running() as engine:
        await rig.until(50)
        assert engine.snapshot()["disk"]["state"] == "ok"
        await rig.until(600)
        assert engine.snapshot()["disk"]["state"] == "short"
    async with rig.running() as engine:
        await rig.until(610)
        assert engine.snapshot()["disk"]["state"] == "short"


async def test_a_clock_that_nobody_keeps_right_is_told_of_once(rig):
    """Not before every start; and once more when it is trusted again."""
    rig.clock.keeps_right = False
    await rig.book("lecture", 20 * MINUTE, 60)
    async with rig.running() as engine:
        await rig.until(25 * MINUTE)
        assert engine.snapshot()["clock"]["state"] == "unsynchronised"
        rig.clock.keeps_right = True
        await rig.until(35 * MINUTE)
    assert told(rig, "clock.doubted", "clock.trusted") == ["clock.doubted", "clock.trusted"]
    assert rig.log.of("preflight.failed") == []


async def test_a_clock_that_cannot_be_right_is_warned_of_before_a_start(rig):
    """A machine that lost its clock says so with every run."""
    rig.clock.step(timedelta(days=-1_000))
    at_s = (rig.clock.now() - START).total_seconds() + 20 * MINUTE
    async with rig.running():
        await rig.clock.sleep(1)
        await rig.book("lecture", at_s, 60)
        await rig.clock.sleep(20 * MINUTE)
    assert [each["cause"] for each in rig.log.of("preflight.failed")] == ["clock"]


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        ({"error": "nothing is mounted", "reason": Reason.DISK_MISSING}, "missing"),
        ({"free": 10**6, "total": 10**12}, "full"),
        ({"hangs": True}, "unknown"),
    ],
)
async def test_a_disk_that_takes_nothing_is_an_error_and_its_return_is_seen_soon(
    rig, trouble, state
):
    """What waits for it is tried again at once, not after its back-off."""
    sound = {"error": None, "reason": Reason.DISK, "hangs": False, "free": 10**15, "total": 10**15}
    driver = rig.device("rooms.a")
    device_start = driver.start

    async def start(order):
        if vars(rig.disk) | sound != vars(rig.disk):
            raise TryAgainError(rig.disk.reason, "the disk takes nothing")
        return await device_start(order)

    driver.start = start
    booked = await rig.book("lecture", 60, 600)
    async with rig.running() as engine:
        await rig.until(30)
        for name, value in trouble.items():
            setattr(rig.disk, name, value)
        await rig.until(100)
        assert engine.snapshot()["disk"]["state"] == state
        for name, value in sound.items():
            setattr(rig.disk, name, value)
        await rig.until(680)
    assert rig.log.levels("disk.troubled") == ["error"]
    assert len(rig.log.of("disk.recovered")) == 1
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, trouble.get("reason", Reason.DISK))
    (part,) = run.parts
    assert 100 <= (part.first_data_at - START).total_seconds() <= 116
