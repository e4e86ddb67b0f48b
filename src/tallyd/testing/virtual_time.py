"""A virtual-time event loop, a clock and an alarm on it: years pass at once, and always the same.

When nothing is ready, the loop's time jumps to the next timer. Nothing that runs on it may wait for
threads, sockets or processes.
"""

import asyncio
import selectors
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import anyio.abc

from tallyd.ports.alarm import WakeOwner

START = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


def seconds(instant: datetime) -> float:
    """Give how many seconds after `START` an instant lies."""
    return (instant - START).total_seconds()


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: what the loop would sleep is added to its time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("everything waits and no timer is set: nothing can happen any more")
        self.now += timeout
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For `anyio.run(…, backend_options={"loop_factory": VirtualTimeLoop})`."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        # Timers closer together than this would fire together; a microsecond keeps them apart.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Give the virtual seconds since the loop was made."""
        return self._jumping.now


class FakeClock:
    """Implements `ports.clock.Clock` on the loop's own time; `step` sets the wall clock.

    `keeps_right` is what it says of its being synchronised.
    """

    def __init__(self, start: datetime = START) -> None:
        self.keeps_right: bool | None = True
        self._base = start
        self._on_step: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Give the virtual wall-clock time."""
        return self._base + timedelta(microseconds=round(self.monotonic() * 1e6))

    def synchronised(self) -> bool | None:
        """Tell what was set."""
        return self.keeps_right

    def monotonic(self) -> float:
        """Give the virtual seconds."""
        return anyio.current_time()

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await anyio.sleep(seconds)

    async def sleep_until(self, instant: datetime) -> None:
        """Let virtual time pass until the wall clock shows `instant`."""
        await anyio.sleep(max(0.0, (instant - self.now()).total_seconds()))

    def step(self, by: timedelta) -> None:
        """Set the wall clock, as an operator or a time server does."""
        self._base += by
        for tell in self._on_step:
            tell()

    def on_step(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each step."""
        self._on_step.append(tell)


class FakeAlarm:
    """Implements `ports.alarm.Alarm` on a `FakeClock`: exact, and woken by its steps."""

    def __init__(
        self, clock: FakeClock, wake: WakeOwner, on_clock_step: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._wake = wake
        self._wishes: dict[str, datetime] = {}
        self._changed = anyio.Event()
        clock.on_step(self._look_again)
        clock.on_step(on_clock_step)

    def set(self, owner: str, at: datetime | None) -> None:
        """Wake `owner` at `at` and no longer at the instant asked before; None: never."""
        if at is None:
            self._wishes.pop(owner, None)
        else:
            self._wishes[owner] = at
        self._look_again()

    def next_wake(self) -> datetime | None:
        """Give the next instant at which it wakes anybody."""
        return min(self._wishes.values(), default=None)

    async def run(
        self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve wake-ups until cancelled."""
        task_status.started()
        while True:
            self._changed = anyio.Event()
            due = min(self._wishes.values(), default=None)
            if due is None:
                await self._changed.wait()
                continue
            wait_s = (due - self._clock.now()).total_seconds()
            with anyio.move_on_after(max(0.0, wait_s)):
                await self._changed.wait()
            self._fire()

    def _fire(self) -> None:
        now = self._clock.now()
        for owner in [owner for owner, at in self._wishes.items() if at <= now]:
            del self._wishes[owner]
            self._wake(owner)

    def _look_again(self) -> None:
        self._changed.set()
