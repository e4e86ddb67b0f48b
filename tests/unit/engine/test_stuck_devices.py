"""Devices that fail and stay that way: nobody waits for them, and everybody hears of it."""

from dataclasses import replace

import anyio
import pytest

from tallyd.domain.model import Outcome, Reason, Status
from tallyd.testing.virtual_time import seconds

TRIED_AGAIN = [
    {"fail_starts": 10_000},
    {"no_data": True},
    {"hang_start": True},
    {"blocked_by": "somebody else"},
]
RETRIED_WITHIN_S = 60
FAULTS = [*TRIED_AGAIN, {"refuse": True}, {"go_silent_after_s": 5}, {"die_after_s": 5}]


def spell(options):
    """Give a fault as the name of a test."""
    return "-".join(options)


class _Mended:
    """A device that has a fault until it is mended; keeps every order that it was given."""

    def __init__(self, rig, **fault):
        self._well = rig.device("rooms.a")
        self._device = rig.device("rooms.a", **fault)
        self.orders = []
        rig.drivers["rooms.a"] = self

    def __getattr__(self, name):
        return getattr(self._device, name)

    async def start(self, order):
        self.orders.append(order)
        return await self._device.start(order)

    def mend(self):
        """Be well from now on."""
        self._device = self._well


async def unfinished(rig):
    """Give the runs that nobody has judged."""
    async with rig.store.read() as reader:
        return await reader.unfinished_runs()


@pytest.mark.parametrize("fault", FAULTS, ids=spell)
async def test_whatever_goes_wrong_is_a_warning_that_says_what_and_why(rig, fault):
    """Who watches the log for warnings hears of every recording that is not whole, and why."""
    rig.device("rooms.a", **fault)
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(900)
    (event,) = rig.log.of("run.finished")
    assert (event["level"], event["target"], event["name"]) == ("warning", "rooms.a", "lecture")
    assert event["schedule_id"] == booked.id
    assert event["outcome"] in {Outcome.PARTIAL, Outcome.FAILED}
    assert event["reason"] in Reason
    assert event["sentence"].endswith(".")


@pytest.mark.parametrize("fault", [{}, *FAULTS], ids=spell)
async def test_a_window_that_has_passed_leaves_nothing_open(rig, fault):
    """After its slot a run has its outcome and its room is idle, whatever the device did."""
    rig.device("rooms.a", **fault)
    booked = await rig.book("lecture", 100, 600)
    async with rig.running() as engine:
        await rig.until(760)
        assert engine.snapshot()["targets"]["rooms.a"]["status"] == "idle"
        assert await unfinished(rig) == ()
    assert (await rig.run_of(booked)).status is Status.FINISHED


@pytest.mark.parametrize("fault", FAULTS, ids=spell)
async def test_a_device_that_failed_one_recording_makes_the_next(rig, fault):
    """What came to nothing holds the room no longer than its window: the next begins on time."""
    device = _Mended(rig, **fault)
    await rig.book("broken", 100, 600)
    fine = await rig.book("fine", 700, 600)
    async with rig.running():
        await rig.until(680)
        device.mend()
        await rig.until(1400)
    run = await rig.run_of(fine)
    assert run.outcome is Outcome.RECORDED
    assert seconds(run.parts[0].first_data_at) == pytest.approx(700, abs=0.5)


@pytest.mark.parametrize("fault", TRIED_AGAIN, ids=spell)
async def test_a_failing_recording_that_is_cancelled_frees_its_room_at_once(rig, fault):
    """Who gives up on a recording that does not come gets the room for something else."""
    device = _Mended(rig, **fault)
    broken = await rig.book("broken", 100, 3600)
    waiting = await rig.book("waiting", 200, 3600)
    async with rig.running():
        await rig.until(300)
        device.mend()
        await rig.bookings.remove_and_stop(broken.id)
        await rig.until(4000)
    run = await rig.run_of(waiting)
    assert seconds(run.parts[0].first_data_at) == pytest.approx(300, abs=RETRIED_WITHIN_S)
    assert (await rig.run_of(broken)).status is Status.FINISHED


async def test_a_stop_that_the_device_does_not_hear_holds_all_the_same(rig):
    """Stopped while the device is away: it is asked until it confirms, and the next goes on."""
    device = _Mended(rig, hang_stop=True)
    stopped = await rig.book("stopped", 100, 3600)
    fine = await rig.book("fine", 1000, 600)
    async with rig.running() as engine:
        await rig.until(300)
        await rig.bookings.stop_run((await rig.run_of(stopped)).id)
        await rig.until(400)
        assert engine.snapshot()["targets"]["rooms.a"]["status"] == "stopping"
        device.mend()
        await rig.until(2000)
    run = await rig.run_of(stopped)
    assert (run.outcome, run.reason) == (Outcome.RECORDED, Reason.OPERATOR)
    assert run.planned.stop == run.parts[0].piece.stop
    assert seconds(run.planned.stop) == 300
    assert (await rig.run_of(fine)).outcome is Outcome.RECORDED


async def test_no_two_parts_are_recorded_into_one_file(rig):
    """Restarts, breaks and bookings back to back each have files of their own."""
    device = _Mended(rig, die_after_s=200)
    await rig.book("lecture", 100, 600)
    await rig.book("lecture", 700, 600)
    for until_s in (350, 750, 1400):
        async with rig.running():
            await rig.until(until_s)
    files = [order.output for order in device.orders]
    assert len(files) > len({"lecture", "restart", "break"})
    assert len(set(files)) == len(files)
    assert await unfinished(rig) == ()


class Deaf:
    """A device that, once asked, heeds neither deadline nor end until it is let go."""

    def __init__(self, device, *deaf_to):
        self._device = device
        self._deaf_to = deaf_to
        self.let_go = anyio.Event()

    def __getattr__(self, name):
        """Be that device in everything else."""
        return getattr(self._device, name)

    @property
    def traits(self):
        """It has sessions to be found again."""
        return replace(self._device.traits, survives=True)

    async def start(self, order):
        """Start, sooner or later."""
        await self._wait("start")
        return await self._device.start(order)

    async def recover(self):
        """Find nothing, sooner or later."""
        await self._wait("recover")
        return ()

    async def salvage(self, _files):
        """Have no files."""
        return ()

    async def _wait(self, call):
        if call in self._deaf_to:
            with anyio.CancelScope(shield=True):
                await self.let_go.wait()


async def test_a_call_that_heeds_no_deadline_is_told_once(rig):
    """Which call of which driver it is, since when, and how many there are; then no more."""
    rig.drivers["rooms.a"] = deaf = Deaf(rig.device("rooms.a"), "start")
    await rig.book("lecture", 100, 600)
    await rig.book("seminar", 100, 600, target="rooms.b")
    async with rig.running():
        await rig.until(105)
        assert rig.log.of("driver.stuck") == []
        await rig.until(400)
        (told,) = rig.log.of("driver.stuck")
        assert (told["target"], told["call"], told["stuck"]) == ("rooms.a", "start", 1)
        assert 11_000 <= told["since_ms"] <= 14_000
        assert [each["target"] for each in rig.log.of("run.started")] == ["rooms.b"]
        deaf.let_go.set()


async def test_a_driver_that_hangs_at_boot_holds_nobody_up(rig):
    """What it might have found is unknown; everybody else is decided in seconds."""
    rig.drivers["rooms.a"] = deaf = Deaf(rig.device("rooms.a"), "recover")
    await rig.book("seminar", 10, 600, target="rooms.b")
    async with rig.running() as engine:
        with anyio.fail_after(5):
            await engine.booted.wait()
        await rig.until(20)
        assert [each["target"] for each in rig.log.of("run.started")] == ["rooms.b"]
        (told,) = rig.log.of("driver.stuck")
        assert (told["target"], told["call"]) == ("rooms.a", "recover")
        deaf.let_go.set()
