"""What the watchdog hears: that the engine reacts, whatever devices and disks do."""

from datetime import datetime

import anyio
import pytest

from tallyd.engine.reconciler import Reconciler
from tallyd.engine.watchdog import keep_alive
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.virtual_time import START, FakeAlarm, FakeClock

WATCHDOG_S = 20.0


@pytest.fixture
def watched(rig):
    """Give a rig whose service manager expects a sign of life every 20 s."""
    rig.service = FakeServiceManager(WATCHDOG_S)
    return rig


def beats(rig) -> int:
    """Count the signs of life so far."""
    return rig.service.told.count("alive")


async def test_idle_it_proves_twice_in_time_that_it_is_alive(watched):
    """With nothing to do for hours it is not taken for stuck."""
    async with watched.running():
        await watched.until(3600)
    assert beats(watched) == 3600 / WATCHDOG_S * 2 + 1


async def test_nobody_is_told_who_does_not_ask(rig):
    """Without a watchdog the engine spends nothing on it."""
    async with rig.running():
        await rig.until(3600)
    assert beats(rig) == 0


async def test_hung_devices_and_a_full_disk_are_not_its_affair(watched):
    """A device that never answers and a disk that refuses must not end the other recordings."""
    watched.device("rooms.a", start_ms=600_000)
    await watched.book("stuck", 30, 600)
    fine = await watched.book("fine", 30, 600, target="rooms.b")
    async with watched.running() as engine:
        with watched.store.refusing():
            await watched.until(500)
            assert engine.snapshot()["targets"]["rooms.b"]["status"] == "recording"
        assert beats(watched) >= 500 / WATCHDOG_S * 2
    assert (await watched.run_of(fine)).confirmed


async def test_a_target_that_fails_does_not_end_the_others(watched, monkeypatch):
    """A bug that one booking brings out is reported, and restarts nothing."""
    await watched.book("fine", 30, 600, target="rooms.b")
    await watched.book("poison", 60, 600)
    start_due = Reconciler._start_due

    def fail(reconciler: Reconciler, now: datetime) -> None:
        if reconciler.target == "rooms.a" and now > START:
            raise ZeroDivisionError
        start_due(reconciler, now)

    monkeypatch.setattr(Reconciler, "_start_due", fail)
    async with watched.running() as engine:
        await watched.until(500)
        assert engine.snapshot()["targets"]["rooms.b"]["status"] == "recording"
        assert beats(watched) >= 500 / WATCHDOG_S * 2
        monkeypatch.undo()
    assert watched.log.of("task.failed")


async def test_an_alarm_that_does_not_ring_is_noticed(watched, monkeypatch):
    """If what is due is not looked at, silence brings the restart that mends it."""
    await watched.book("lecture", 100, 600)
    monkeypatch.setattr(FakeAlarm, "_fire", lambda _self: None)
    monkeypatch.setattr(FakeAlarm, "set", lambda _self, _owner, _at: None)
    async with watched.running():
        await watched.until(99)
        before = beats(watched)
        await watched.until(299)
        assert beats(watched) - before <= 1


async def test_a_reconciler_that_does_not_react_is_noticed(watched, monkeypatch):
    """A wake-up that one target does not answer brings the restart that mends it."""
    react = Reconciler.take_turn

    def be_deaf(reconciler: Reconciler) -> None:
        if reconciler.target != "rooms.a":
            react(reconciler)

    monkeypatch.setattr(Reconciler, "take_turn", be_deaf)
    async with watched.running():
        await watched.until(99)
        before = beats(watched)
        assert before == 10
        await watched.book("lecture", 3600, 60)
        await watched.until(600)
        assert beats(watched) - before <= 1


class Busy:
    """Answers every second look, or never."""

    def __init__(self, *, ever: bool) -> None:
        self._ever = ever
        self._looked = 0

    def overdue(self, _now: datetime) -> bool:
        """Tell whether the next look finds an answer."""
        self._looked += 1
        return not self._ever or self._looked % 2 == 1


async def beats_of(watched: list[Busy], forget_after_s: float) -> int:
    """Give the signs of life in a minute, of which targets are watched for some time."""
    said: list[float] = []
    clock = FakeClock()
    begun_s = clock.monotonic()

    def still() -> list[Busy]:
        return watched if clock.monotonic() - begun_s < forget_after_s else []

    def say() -> None:
        said.append(clock.monotonic())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_alive, clock, still, say, WATCHDOG_S)
        await clock.sleep(60)
        tasks.cancel_scope.cancel()
    return len(said)


async def test_what_is_always_busy_is_alive():
    """A pass waits for each target once, not for an instant at which all are idle."""
    assert await beats_of([Busy(ever=True), Busy(ever=True)], forget_after_s=61) == 6


async def test_a_target_that_is_gone_is_not_waited_for():
    """A reload that takes away a target, or gives it another driver, is no hang."""
    assert await beats_of([Busy(ever=False)], forget_after_s=61) == 0
    assert await beats_of([Busy(ever=False)], forget_after_s=9) == 6
