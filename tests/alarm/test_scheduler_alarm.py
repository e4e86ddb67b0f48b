"""Who asked to be woken is woken: on time, once, however far ahead and with however many others."""

import gc
import threading
import time
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tallyd.engine import alarm as alarm_module
from tallyd.engine.alarm import SchedulerAlarm, WallTimer


def jobs(alarm: SchedulerAlarm) -> int:
    """Count what the scheduler holds, without the job that looks further ahead."""
    return len(alarm._scheduler.get_jobs()) - 1


def descriptors() -> set[str]:
    """Give the numbers of this process's open files, without the one that looks."""
    return {entry.name for entry in Path("/proc/self/fd").iterdir() if entry.exists()}


async def test_an_owner_is_woken_at_its_instant(alarm, bell):
    """What is due at an instant begins at that instant, not before and not long after."""
    at = bell.ahead(60)
    alarm.set("rooms.a", at)
    assert await bell.heard(1) == ["rooms.a"]
    assert timedelta(0) <= bell.times[0] - at < timedelta(milliseconds=500)


async def test_an_instant_that_has_passed_wakes_at_once(alarm, bell):
    """What was overlooked is looked at without delay."""
    asked = bell.clock.now()
    alarm.set("rooms.a", bell.ahead(-3_600_000))
    await bell.heard(1)
    assert bell.times[0] - asked < timedelta(milliseconds=500)


async def test_the_instant_asked_for_last_is_the_one_that_counts(alarm, bell):
    """A booking that was moved wakes at its new time alone."""
    alarm.set("moved", bell.ahead(20))
    alarm.set("moved", later := bell.ahead(60))
    alarm.set("witness", bell.ahead(100))
    assert await bell.heard(2) == ["moved", "witness"]
    assert bell.times[0] >= later


async def test_who_asked_never_to_be_woken_is_not(alarm, bell):
    """A booking that was removed wakes nobody."""
    alarm.set("removed", bell.ahead(20))
    alarm.set("removed", None)
    alarm.set("never asked", None)
    alarm.set("witness", bell.ahead(60))
    assert await bell.heard(1) == ["witness"]


async def test_asking_twice_for_the_same_instant_wakes_once(alarm, bell):
    """A target that looks again and finds the same next instant costs nothing."""
    at = bell.ahead(30)
    alarm.set("rooms.a", at)
    alarm.set("rooms.a", at)
    alarm.set("witness", bell.ahead(60))
    assert await bell.heard(2) == ["rooms.a", "witness"]


async def test_an_owner_that_was_woken_may_ask_for_the_same_instant_again(alarm, bell):
    """An instant that was served is forgotten, and wakes again if it is asked for again."""
    at = bell.ahead(10)
    alarm.set("rooms.a", at)
    await bell.heard(1)
    alarm.set("rooms.a", at)
    assert await bell.heard(2) == ["rooms.a", "rooms.a"]


async def test_many_owners_at_one_instant_are_one_job(alarm, bell):
    """A full hour at which every room begins is one entry, and wakes every room."""
    at = bell.ahead(60)
    rooms = [f"rooms.{number}" for number in range(500)]
    for room in rooms:
        alarm.set(room, at)
    assert jobs(alarm) == 1
    assert sorted(await bell.heard(500)) == sorted(rooms)


async def test_one_owner_of_many_can_leave_their_instant(alarm, bell):
    """A room whose booking is removed does not silence those that begin with it."""
    at = bell.ahead(30)
    for room in ("rooms.a", "rooms.b", "rooms.c"):
        alarm.set(room, at)
    alarm.set("rooms.b", None)
    assert sorted(await bell.heard(2)) == ["rooms.a", "rooms.c"]


async def test_the_last_owner_to_leave_takes_the_job_away(alarm, bell):
    """Bookings that come and go leave nothing behind in the scheduler."""
    at = bell.ahead(60_000)
    alarm.set("rooms.a", at)
    alarm.set("rooms.b", at)
    assert jobs(alarm) == 1
    alarm.set("rooms.a", None)
    alarm.set("rooms.b", bell.ahead(120_000))
    assert jobs(alarm) == 1
    alarm.set("rooms.b", None)
    assert jobs(alarm) == 0


async def test_what_lies_far_ahead_waits_outside_the_scheduler(alarm, bell):
    """Ten thousand bookings for next week cost no job at all, and little time."""
    begun = time.perf_counter()
    for number in range(10_000):
        alarm.set(f"rooms.{number}", bell.ahead(3_600_000 + number))
    for number in range(10_000):
        alarm.set(f"rooms.{number}", bell.ahead(7_200_000 + number))
    assert time.perf_counter() - begun < 2
    assert jobs(alarm) == 0
    alarm.set("witness", bell.ahead(10))
    assert await bell.heard(1) == ["witness"]


@pytest.fixture
def _short_sighted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_module, "ARMED_AHEAD", timedelta(milliseconds=60))


@pytest.mark.usefixtures("_short_sighted")
async def test_it_looks_further_ahead_again_and_again(alarm, bell):
    """What lies many looks ahead rings, in order and on time, however long the daemon runs."""
    asked = {f"{n:02}": bell.ahead(40 * n) for n in range(1, 13)}
    for owner, at in asked.items():
        alarm.set(owner, at)
    assert jobs(alarm) < 3
    assert await bell.heard(12) == list(asked)
    delays = [heard - at for heard, at in zip(bell.times, asked.values(), strict=True)]
    assert timedelta(0) <= min(delays)
    assert max(delays) < timedelta(milliseconds=500)


@pytest.mark.usefixtures("_short_sighted")
async def test_it_still_rings_for_what_is_asked_later_in_its_life(alarm, bell):
    """A booking that comes when the first looks ahead are long over is served like any other."""
    for number in range(1, 6):
        alarm.set("rooms.a", bell.ahead(80))
        assert await bell.heard(number) == ["rooms.a"] * number


async def test_only_so_many_instants_are_armed_at_a_time(resting, bell, monkeypatch):
    """A crowd of instants is taken in portions, and every one of them rings."""
    monkeypatch.setattr(alarm_module, "ARMED_AT_MOST", 3)
    owners = [f"{number:02}" for number in range(10)]
    for number, owner in enumerate(owners):
        resting.set(owner, bell.ahead(50 + 10 * number))
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        assert jobs(resting) == 3
        assert await bell.heard(10) == owners
        tasks.cancel_scope.cancel()


async def test_what_one_owner_does_when_woken_may_concern_another(resting, bell):
    """An owner that takes others off the list as it is woken breaks no wake-up that follows."""
    at = bell.ahead(20)

    def ring_and_forget(owner: str) -> None:
        bell.ring(owner)
        resting.set("same instant", None)
        resting.set("just after", None)
        resting.set("far away", bell.ahead(20) if len(bell.rung) == 1 else None)

    resting._wake = ring_and_forget
    resting.set("same instant", at)
    resting.set("just after", at + timedelta(microseconds=1))
    resting.set("far away", bell.ahead(60_000))
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        assert (await bell.heard(2))[-1] == "far away"
        assert jobs(resting) == 0
        tasks.cancel_scope.cancel()


async def test_what_is_removed_between_its_instant_and_its_turn_wakes_nobody(alarm, bell):
    """A wish that was withdrawn while the loop was busy is not served late."""
    alarm.set("removed", bell.ahead(5))
    time.sleep(0.02)  # noqa: ASYNC251 - the loop is busy elsewhere: that is the point
    alarm.set("removed", None)
    alarm.set("witness", bell.ahead(30))
    assert await bell.heard(1) == ["witness"]


@pytest.mark.parametrize("late_news", [False, True], ids=["read", "arming"])
async def test_a_set_clock_is_told_however_the_kernel_says_so(
    resting, bell, monkeypatch, late_news
):
    """A clock that somebody set is noticed: when the timer is read, or when it is armed anew."""

    class SteppedTimer(WallTimer):
        """A timer whose next call is answered as after a clock set."""

        stepped = False

        def arm(self, at):
            told = super().arm(at)
            return self._tell() if late_news else told

        def clock_was_set(self):
            told = super().clock_was_set()
            return told if late_news else self._tell()

        def _tell(self):
            told, self.stepped = self.stepped, False
            return told

    monkeypatch.setattr(alarm_module, "WallTimer", SteppedTimer)
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        await anyio.wait_all_tasks_blocked()
        assert bell.steps == 0
        resting._scheduler._timer.stepped = True
        resting.set("rooms.a", bell.ahead(10))
        await bell.heard_step()
        await bell.heard(1)
        assert bell.steps == 1
        tasks.cancel_scope.cancel()


async def test_ended_it_leaves_no_descriptor_and_no_thread(resting, bell):
    """A daemon that ends, and a test that runs it, find everything as it was."""
    gc.collect()
    before = descriptors(), threading.active_count()
    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            await tasks.start(resting.run)
            resting.set("rooms.a", bell.ahead(5))
            resting.set("rooms.b", bell.ahead(60_000))
            await bell.heard(1)
            resting.set("rooms.c", bell.ahead(0))
            tasks.cancel_scope.cancel()
        bell.rung.clear()
    assert (descriptors(), threading.active_count()) == before


async def test_ended_it_takes_wishes_without_complaint(resting, bell):
    """What still talks to the alarm while everything ends does no harm."""
    resting.set("rooms.b", bell.ahead(50))
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        tasks.cancel_scope.cancel()
    resting.set("rooms.a", bell.ahead(1))
    resting.set("rooms.a", None)
    resting.set("rooms.b", None)
    await anyio.wait_all_tasks_blocked()
    assert bell.rung == []


async def test_a_wish_in_the_moment_of_its_end_is_dropped_quietly(resting, bell):
    """What asks to be woken just as everything is cancelled touches no closed timer."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        tasks.cancel_scope.cancel()
        resting.set("rooms.a", bell.ahead(0))
    await anyio.wait_all_tasks_blocked()
    assert bell.rung == []


class TestRehearsal:
    """A moment before an instant one of its owners is woken, so that nothing is cold at it."""

    @pytest.fixture(autouse=True)
    def _moment(self, monkeypatch):
        """Make the moment so long that a machine with other work to do does not miss it."""
        monkeypatch.setattr(alarm_module, "REHEARSED_BEFORE", timedelta(seconds=1))

    async def test_one_owner_hears_of_it_a_moment_before(self, alarm, bell):
        """Of all that begin at an instant one is woken ahead, and then every one, at it."""
        at = bell.ahead(1200)
        rooms = ["rooms.a", "rooms.b", "rooms.c"]
        for room in rooms:
            alarm.set(room, at)
        first, *others = await bell.heard(4)
        assert first in rooms
        assert sorted(others) == rooms
        assert timedelta(0) < at - bell.times[0] <= alarm_module.REHEARSED_BEFORE
        assert min(bell.times[1:]) >= at

    async def test_there_is_none_for_what_is_asked_for_in_the_last_moment(self, alarm, bell):
        """What begins at once begins at once."""
        alarm.set("rooms.a", bell.ahead(5))
        alarm.set("witness", bell.ahead(1200))
        assert await bell.heard(3) == ["rooms.a", "witness", "witness"]

    async def test_an_owner_that_asks_for_something_else_then_is_heeded(self, alarm, bell):
        """A rehearsal shows one that there is nothing to be done: it is not woken again for it."""
        alarm.set("rooms.a", bell.ahead(1200))
        assert await bell.heard(1) == ["rooms.a"]
        alarm.set("rooms.a", None)
        alarm.set("witness", bell.ahead(1200))
        assert await bell.heard(3) == ["rooms.a", "witness", "witness"]


async def test_it_tells_when_it_wakes_next(alarm, bell):
    """Work that may wait asks for this instant; one that is set earlier takes its place."""
    now = bell.clock.now()
    for hours in (2, 1, 3):
        alarm.set(f"in {hours}", now + timedelta(hours=hours))
    alarm.set("soon", now + timedelta(seconds=60))
    await anyio.sleep(0.05)
    assert alarm.next_wake() == now + timedelta(seconds=60)
