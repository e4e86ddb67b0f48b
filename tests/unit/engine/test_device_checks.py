"""Devices before a start: when they are asked, what is told of them, and what never waits."""

from datetime import timedelta
from itertools import pairwise

import anyio
import pytest

from tallyd.domain.model import Outcome
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.engine.checkup import ASK_AGAIN_S, ROUTINE_S
from tallyd.engine.staff import Installed
from tallyd.ports.drivers import DriverContext
from tallyd.testing.virtual_time import seconds

MINUTE = 60.0


class Asked(SimulatedRecorder):
    """A simulated recorder that notes when it is asked, and when it warms up."""

    def __init__(self, rig, key="rooms.a", **options) -> None:
        context = DriverContext(key, options.get("inputs", 1), rig.clock, lambda _task: None)
        super().__init__(context, self.Options(**options))
        self.asked_s: list[float] = []
        self.warmed_s: list[float] = []
        rig.drivers[key] = self

    async def probe(self) -> str:
        """Note it, and answer as the options say."""
        self.asked_s.append(round(seconds(self._clock.now()), 1))
        return await super().probe()

    async def warm_up(self) -> None:
        """Note it."""
        self.warmed_s.append(round(seconds(self._clock.now()), 1))


@pytest.fixture
def no_routine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have devices asked for a reason only."""
    monkeypatch.setattr("tallyd.engine.checkup.ROUTINE_S", 1e6)


@pytest.mark.usefixtures("no_routine")
async def test_a_device_is_asked_15_5_and_1_minutes_before_a_start(rig):
    """At boot, at exactly these instants, and when it has ended; not while it records."""
    device = Asked(rig)
    await rig.book("lecture", 60 * MINUTE, 3600)
    async with rig.running():
        await rig.until(130 * MINUTE)
    at_boot, *asked, afterwards = device.asked_s
    assert at_boot < 1
    assert asked == [45 * MINUTE, 55 * MINUTE, 59 * MINUTE]
    assert 120 * MINUTE < afterwards < 121 * MINUTE


@pytest.mark.usefixtures("no_routine")
async def test_what_is_booked_three_minutes_ahead_is_checked_at_once(rig):
    """And once more a minute before."""
    device = Asked(rig)
    async with rig.running():
        await rig.until(10 * MINUTE)
        device.asked_s.clear()
        await rig.book("lecture", 13 * MINUTE, 3600)
        await rig.until(14 * MINUTE)
    assert device.asked_s == [pytest.approx(10 * MINUTE, abs=1), 12 * MINUTE]


@pytest.mark.usefixtures("no_routine")
async def test_each_piece_has_its_own_preflights(rig):
    """Back to back, the second is checked too: before the first starts; then its data speak."""
    device = Asked(rig)
    await rig.book("first", 30 * MINUTE, 600)
    await rig.book("second", 40 * MINUTE, 600)
    async with rig.running():
        await rig.until(41 * MINUTE)
    assert device.asked_s[1:] == [minute * MINUTE for minute in (15, 25, 29)]


async def test_without_bookings_a_device_is_asked_every_few_minutes(rig):
    """So that `status` does not praise what has long been unplugged."""
    device = Asked(rig)
    async with rig.running():
        await rig.until(30 * MINUTE)
    pauses_s = [b - a for a, b in pairwise(device.asked_s)]
    assert pauses_s == [pytest.approx(ROUTINE_S, abs=1)] * 5


async def test_a_device_that_goes_and_comes_back_is_told_of_once_each(rig):
    """However often it is asked in between, and with how long it was away."""
    rig.device("rooms.a", gone_after_s=1_000, gone_for_s=2_000)
    async with rig.running() as engine:
        await rig.until(2_000)
        health = engine.snapshot()["targets"]["rooms.a"]["health"]
        await rig.until(5_000)
    (gone,), (back,) = rig.log.of("device.gone"), rig.log.of("device.back")
    assert (gone["target"], gone["level"]) == ("rooms.a", "warning")
    assert "does not answer" in gone["detail"]
    assert health["device"] == "gone"
    assert 1_000 <= seconds(health["since"]) <= 1_000 + ROUTINE_S + 1
    assert seconds(health["checked_at"]) >= 2_000 - ASK_AGAIN_S - 1
    assert back["gone_ms"] == pytest.approx(1_850_000, abs=160_000)
    assert engine.snapshot()["targets"]["rooms.a"]["health"]["device"] == "ok"


async def test_a_start_that_is_in_danger_is_warned_of_once(rig):
    """By name, start, trouble, what happens next and what helps; the run is recorded if it can."""
    rig.device("rooms.a", gone_after_s=0, gone_for_s=3_590)
    booked = await rig.book("lecture", 60 * MINUTE, 3600)
    async with rig.running():
        await rig.until(45 * MINUTE + 10)
        (warned,) = rig.log.of("preflight.failed")
        await rig.until(121 * MINUTE)
    assert len(rig.log.of("preflight.failed")) == 1
    assert warned | {"run_id": 0} == {
        "level": "warning",
        "target": "rooms.a",
        "run_id": 0,
        "schedule_id": booked.id,
        "slot": warned["slot"],
        "name": "lecture",
        "start": booked.start.at,
        "cause": "device",
        "detail": "rooms.a does not answer",
        "next": "it is told to start on time all the same, and again until it does",
        "fix": "see to the device, its power and its network",
    }
    assert (await rig.run_of(booked)).outcome is Outcome.RECORDED


async def test_a_hung_probe_delays_no_start_and_no_other_preflight(rig):
    """Its room starts on time, its neighbour is asked on time; after its deadline it is gone."""
    Asked(rig, hang_probe=True)
    neighbour = Asked(rig, "rooms.b")
    hung = await rig.book("hung", 20 * MINUTE, 600)
    other = await rig.book("other", 20 * MINUTE, 600, target="rooms.b")
    async with rig.running():
        await rig.until(29 * MINUTE)
    for booked in (hung, other):
        (part,) = (await rig.run_of(booked)).parts
        assert part.commanded_at == booked.start.at
    assert {5 * MINUTE, 15 * MINUTE, 19 * MINUTE} <= set(neighbour.asked_s)
    (gone,) = rig.log.of("device.gone")
    assert gone["detail"] == "it does not answer within 5 s"
    assert len(rig.log.of("device.back")) == 1  # its data show that it is there


async def test_many_devices_that_hang_hold_up_no_sound_one(rig, make_room):
    """Those that are gone wait for one another; the others have places of their own."""
    keys = [f"rooms.gone{number}" for number in range(40)]
    await rig.configure(*map(make_room, [*keys, "rooms.sound"]))
    for key in keys:
        rig.device(key, hang_probe=True)
    sound = Asked(rig, "rooms.sound")
    for key in [*keys, "rooms.sound"]:
        await rig.book("lecture", 60 * MINUTE, 600, target=key)
    async with rig.running():
        await rig.until(61 * MINUTE)
    assert {45 * MINUTE, 55 * MINUTE, 59 * MINUTE} <= set(sound.asked_s)
    assert len(rig.log.of("device.gone")) == len(keys)


async def test_a_device_is_not_asked_right_before_its_start(rig):
    """What is booked seconds ahead starts undisturbed: the start itself is the check."""
    device = Asked(rig)
    async with rig.running():
        await rig.until(100)
        device.asked_s.clear()
        await rig.book("soon", 105, 60)
        await rig.until(160)
    assert device.asked_s == []


async def test_a_question_is_broken_off_for_a_start(rig):
    """A probe that hangs while something is booked for now costs nothing, and tells nothing."""
    Asked(rig, hang_probe=True)
    async with rig.running():
        await rig.until(1)
        booked = await rig.book("now", 0, 60)
        await rig.until(50)
        assert rig.log.of("device.gone") == []
    (part,) = (await rig.run_of(booked)).parts
    assert seconds(part.first_data_at) < 1.1


async def test_no_answer_in_a_hurry_is_no_verdict(rig, monkeypatch):
    """A start soon cuts a question short, or leaves no time for it: nothing is said of either."""
    monkeypatch.setattr("tallyd.engine.health.AT_ONCE", 1)
    for key in ("rooms.a", "rooms.b"):
        rig.device(key, hang_probe=True)
    monkeypatch.setattr("tallyd.engine.checkup.ROUTINE_S", 1e6)
    async with rig.running():
        for key in ("rooms.a", "rooms.b"):
            await rig.book("soon", 10, 20, target=key)
        await rig.until(29)
    assert rig.log.of("device.gone") == rig.log.of("preflight.failed") == []


async def test_an_answer_of_a_driver_that_was_replaced_meanwhile_counts_no_more(rig):
    """After a reload the new driver is asked, and what the old one says late is not told."""
    rig.device("rooms.a", hang_probe=True)
    async with rig.running() as engine:
        await rig.until(2)
        driver = Asked(rig)
        await engine.refit(
            {"rooms.a": Installed("simulated", driver)}, parse_template(DEFAULT_TEMPLATE), Rules()
        )
        await rig.until(20)
        assert engine.snapshot()["targets"]["rooms.a"]["health"]["device"] == "ok"
    assert driver.asked_s == [pytest.approx(2, abs=1)]
    assert rig.log.of("device.gone") == []


async def test_a_device_that_breaks_off_and_comes_back_shortly_before_the_end_is_used(rig):
    """Two minutes of a lecture are worth having: it records again at once."""
    rig.device("rooms.a", gone_after_s=1_000, gone_for_s=2_480)
    booked = await rig.book("lecture", 600, 3_000)
    async with rig.running():
        await rig.until(3_700)
    run = await rig.run_of(booked)
    first, second = run.parts
    assert seconds(first.stopped_at) < 1_020
    assert 3_480 <= seconds(second.first_data_at) <= 3_496
    assert run.outcome is Outcome.PARTIAL
    assert len(rig.log.of("device.gone")) == len(rig.log.of("device.back")) == 1


async def test_a_room_without_a_usable_driver_is_warned_of_before_its_start(rig):
    """It is said before, and not only when it was missed."""
    rig.drivers["rooms.a"] = None
    await rig.book("lecture", 60 * MINUTE, 600)
    async with rig.running():
        await rig.until(46 * MINUTE)
    (warned,) = rig.log.of("preflight.failed")
    assert (warned["cause"], warned["detail"]) == ("device", "it has no driver")
    assert rig.log.of("device.gone") == []


async def test_a_driver_that_fails_in_its_own_way_is_gone(rig):
    """An error that nobody foresaw is an answer like any other."""

    class Broken(Asked):
        async def probe(self) -> str:
            raise ZeroDivisionError

    Broken(rig)
    async with rig.running():
        await rig.until(10)
    assert "ZeroDivisionError" in rig.log.of("device.gone")[0]["detail"]
    assert rig.log.of("task.failed") == []


async def test_a_driver_warms_up_seconds_before_a_start(rig):
    """One of a name for all that start together; not while it runs anyway, never too late."""
    first, second = Asked(rig), Asked(rig, "rooms.b")
    await rig.book("one", 20 * MINUTE, 600)
    await rig.book("two", 20 * MINUTE, 600, target="rooms.b")
    async with rig.running():
        await rig.until(60 * MINUTE)
        assert first.warmed_s + second.warmed_s == [20 * MINUTE - 10]
        await rig.book("soon", 60 * MINUTE + 4, 600)
        await rig.until(80 * MINUTE)
    assert len(first.warmed_s + second.warmed_s) == 1


@pytest.mark.parametrize("hangs", [True, False])
async def test_a_warm_up_that_hangs_or_fails_delays_no_start(rig, hangs):
    """It is broken off before the device is needed, or costs nothing."""

    class Stubborn(Asked):
        async def warm_up(self) -> None:
            await super().warm_up()
            if hangs:
                await anyio.sleep_forever()
            raise OSError

    device = Stubborn(rig)
    booked = await rig.book("lecture", 20 * MINUTE, 60)
    async with rig.running():
        await rig.until(22 * MINUTE)
    (part,) = (await rig.run_of(booked)).parts
    assert part.commanded_at == booked.start.at
    assert device.warmed_s == [20 * MINUTE - 10]
    assert rig.log.of("task.failed") == []


async def test_a_clock_that_is_set_has_what_is_now_near_checked(rig):
    """A step to seven minutes before a start: its device is asked at once."""
    device = Asked(rig)
    await rig.book("lecture", 100 * MINUTE, 60)
    async with rig.running():
        await rig.until(MINUTE)
        device.asked_s.clear()
        rig.clock.step(timedelta(minutes=92))
        await rig.clock.sleep(5)
    assert device.asked_s == [pytest.approx(93 * MINUTE, abs=1)]


async def test_a_room_that_has_gone_is_looked_after_no_more(rig):
    """What left the configuration is asked nothing."""
    device = Asked(rig, "rooms.b")
    async with rig.running() as engine:
        await rig.until(10)
        async with rig.store.write() as tx:
            await tx.rename_target("rooms.b", "rooms.c")
        await rig.until(20)
        device.asked_s.clear()
        await rig.until(3_000)
        assert "rooms.b" not in engine.snapshot()["targets"]
        assert engine._health.picture_of("rooms.b")["device"] == "unknown"
    assert device.asked_s == []
