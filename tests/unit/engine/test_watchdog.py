"""What the watchdog hears: that the engine reacts, whatever devices and disks do."""

from datetime import datetime

import anyio
import pytest

from tallyd.engine.watchdog import keep_alive
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.virtual_time import FakeAlarm, FakeClock

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


async def test_a_target_whose_plan_fails_does_not_end_the_others(watched, monkeypatch):
    """A bug that one booking brings out is reported, and restarts nothing."""
    await watched.book("fine", 30, 600, target="rooms.b")
    await watched.book("poison", 60, 600)
    async with watched.running() as engine:

        def fail(_now: datetime) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(engine._reconcilers["rooms.a"], "_mind_sessions", fail)
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


async def test_a_reconciler_that_does_not_react_is_noticed(watched):
    """A wake-up that nobody answers brings the restart that mends it."""
    async with watched.running() as engine:
        reconciler = engine._reconcilers["rooms.a"]
        reconciler._woken, answered = anyio.Event(), reconciler._woken
        await watched.until(99)
        before = beats(watched)
        reconciler.wake()
        await watched.until(600)
        assert beats(watched) - before <= 1
        reconciler._woken = answered
        reconciler.wake()
        await watched.until(700)
        assert beats(watched) - before > 9


async def test_what_is_always_busy_is_alive():
    """A pass waits once for each target, not for an instant at which all are idle."""

    class Busy:
        """Answers every second look."""

        looked = 0

        def overdue(self, _now: datetime) -> bool:
            self.looked += 1
            return self.looked % 2 == 1

    said: list[float] = []
    clock = FakeClock()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            keep_alive,
            clock,
            lambda: [Busy(), Busy()],
            lambda: said.append(clock.monotonic()),
            WATCHDOG_S,
        )
        await clock.sleep(60)
        tasks.cancel_scope.cancel()
    assert len(said) == 6
