"""Guest program: the alarm, its timer as the kernel has it, and a clock that is set for real."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import anyio
import anyio.to_thread
import guest

from tallyd.clock import SystemClock
from tallyd.engine import alarm as alarm_module
from tallyd.engine.alarm import SchedulerAlarm, WallTimer

CLOCK = SystemClock()
WITHIN_S = 5.0
QUIET_S = 0.3
"""How long to wait for what should not come."""


class TellingTimer(WallTimer):
    """The timer as it is; it notes which call told of a set clock."""

    told_by: ClassVar[list[str]] = []

    def arm(self, at: datetime) -> bool:
        """Arm, and note."""
        return self._noted("arming", told=super().arm(at))

    def clock_was_set(self) -> bool:
        """Read, and note."""
        return self._noted("reading", told=super().clock_was_set())

    def _noted(self, call: str, *, told: bool) -> bool:
        if told:
            self.told_by.append(call)
        return told


class Watch:
    """An alarm at work, and all that came of it."""

    def __init__(self) -> None:
        self.alarm = SchedulerAlarm(CLOCK, self._woken, self._told)
        self.woken: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.armed: list[int] = []
        self._asked: dict[str, datetime] = {}
        self._steps = 0
        self._stepped_at = time.monotonic()
        self._more = anyio.Event()

    def ask(self, owner: str, in_s: float) -> None:
        """Ask for a wake-up so far from what the clock shows now."""
        self._asked[owner] = CLOCK.now() + timedelta(seconds=in_s)
        self.alarm.set(owner, self._asked[owner])

    def count_armed(self) -> None:
        """Note for how many instants the scheduler has a job, its look further ahead aside."""
        self.armed.append(len(self.alarm._scheduler.get_jobs()) - 1)

    def step(self, seconds: float, how: Callable[[float], None] = guest.step_by) -> None:
        """Set the clock by so much; the loop learns of nothing before this turn of it is over."""
        self._steps += 1
        self._stepped_at = time.monotonic()
        how(seconds)

    async def step_asleep(
        self, seconds: float, how: Callable[[float], None] = guest.step_by
    ) -> None:
        """Set the clock while the loop sleeps on the timer."""
        await anyio.to_thread.run_sync(self.step, seconds, how)

    async def heard(self, *, wakes: int = 0, news: int = 0) -> None:
        """Wait until so many owners were woken and so many steps were told of, then for more."""
        with anyio.move_on_after(WITHIN_S):
            while len(self.woken) < wakes or len(self.told) < news:
                await self._more.wait()
                self._more = anyio.Event()
        await anyio.sleep(QUIET_S)

    def _woken(self, owner: str) -> None:
        late_ms = (CLOCK.now() - self._asked[owner]) / timedelta(milliseconds=1)
        self.woken.append({"owner": owner, "late_ms": late_ms, **self._since_step()})
        self._more.set()

    def _told(self) -> None:
        self.told.append(self._since_step())
        self._more.set()

    def _since_step(self) -> dict[str, float]:
        return {"step": self._steps, "ms": (time.monotonic() - self._stepped_at) * 1000}


async def ahead_past_what_was_due(watch: Watch) -> None:
    """Go an hour ahead, past an instant that was armed and two that lay too far ahead for that."""
    watch.ask("near", 300)
    watch.ask("far", 1800)
    watch.ask("as far", 1800)
    await watch.step_asleep(3600)
    await watch.heard(wakes=3, news=1)


async def ahead_to_shortly_before(watch: Watch) -> None:
    """Go ahead by an hour less a second: what was an hour away is now that second away."""
    watch.ask("far", 3600)
    await watch.step_asleep(3599)
    await watch.heard(wakes=1, news=1)


async def back_by_a_second(watch: Watch) -> None:
    """Go back: what was a second away is two seconds away."""
    watch.ask("due", 1)
    await watch.step_asleep(-1)
    await watch.heard(wakes=1, news=1)


async def back_by_an_hour_and_ahead_again(watch: Watch) -> None:
    """Go back and forth: what was half a second away is an hour away until the clock is right."""
    watch.ask("due", 0.5)
    await watch.step_asleep(-3600)
    await watch.heard(news=1)
    watch.ask("half an hour ahead", 1800)
    watch.count_armed()
    watch.alarm.set("half an hour ahead", None)
    await watch.step_asleep(3600)
    await watch.heard(wakes=1, news=2)


async def while_the_loop_is_busy(watch: Watch) -> None:
    """Step before the loop comes to read what was armed: the kernel tells the reader."""
    watch.ask("due", 60)
    await anyio.sleep(QUIET_S)
    watch.step(90)
    await watch.heard(wakes=1, news=1)


async def just_before_arming_anew(watch: Watch) -> None:
    """Step, and arm anew before anybody reads: the kernel tells who arms, and no reader."""
    watch.ask("due", 60)
    await anyio.sleep(QUIET_S)
    watch.step(90)
    watch.ask("asked since", 0.2)
    await watch.heard(wakes=2, news=1)


async def again_and_again(watch: Watch) -> None:
    """Step four times, to be told by reading, arming, reading, arming."""
    for number in range(1, 5):
        watch.step(-5)
        if number % 2 == 0:
            watch.ask("asked since", 60)
        await watch.heard(news=number)


async def as_a_time_service_does(watch: Watch) -> None:
    """Go half a second ahead and back, by the call that a time service uses for it."""
    watch.ask("due", 1)
    await watch.step_asleep(0.5, guest.step_by_offset)
    await watch.heard(wakes=1, news=1)
    watch.ask("due", 0.3)
    await watch.step_asleep(-0.5, guest.step_by_offset)
    await watch.heard(wakes=2, news=2)


async def without_the_flag(watch: Watch) -> None:
    """Go ahead and back with a timer that is not cancelled when the clock is set."""
    watch.ask("far", 7200)
    await watch.step_asleep(300)
    await anyio.sleep(QUIET_S)
    await watch.step_asleep(-3600)
    await anyio.sleep(QUIET_S)
    watch.step(60)
    watch.ask("as far", 7200)
    await watch.heard()


SCENARIOS = (
    ahead_past_what_was_due,
    ahead_to_shortly_before,
    back_by_a_second,
    back_by_an_hour_and_ahead_again,
    while_the_loop_is_busy,
    just_before_arming_anew,
    again_and_again,
    as_a_time_service_does,
)


async def measured(scenario: Callable[[Watch], Awaitable[None]]) -> dict[str, Any]:
    """Give what came of a scenario."""
    TellingTimer.told_by.clear()
    watch = Watch()
    async with anyio.create_task_group() as tasks:
        await tasks.start(watch.alarm.run)
        await scenario(watch)
        tasks.cancel_scope.cancel()
    return {
        "woken": watch.woken,
        "told": watch.told,
        "armed": watch.armed,
        "told_by": list(TellingTimer.told_by),
    }


async def results() -> guest.Results:
    """Give what came of each scenario."""
    alarm_module.WallTimer = TellingTimer
    # Only what comes at its instant is counted, not the wake-up a moment before.
    SchedulerAlarm._rehearse = lambda _alarm, _at: None
    for scenario in SCENARIOS:
        yield scenario.__name__, await measured(scenario)
    alarm_module._TFD_TIMER_CANCEL_ON_SET = 0
    yield without_the_flag.__name__, await measured(without_the_flag)


if __name__ == "__main__":
    guest.measure(results)
