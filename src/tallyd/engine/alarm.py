"""The alarm clock: APScheduler on a timerfd. The one importer of apscheduler; it decides nothing.

One date job stands for each distinct instant of the next minutes and only wakes its owners.
"""

import ctypes
import errno
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
import anyio.abc
from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from tallyd.domain.window import EPOCH
from tallyd.ports.alarm import WakeOwner
from tallyd.ports.clock import Clock

ARMED_AHEAD = timedelta(minutes=10)
ARMED_AT_MOST = 1000
REHEARSED_BEFORE = timedelta(milliseconds=20)
"""So long before an instant one of its owners is woken: after a long idle nothing is in the caches
of the machine, and everything that the instant needs takes many times as long."""

_IDLE = timedelta(days=1)
_REFILL = "refill"
_TFD_TIMER_ABSTIME = 1
_TFD_TIMER_CANCEL_ON_SET = 2
_NS_PER_US = 1000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class WallTimer:
    """A timerfd on the wall clock: exact after any sleep, and woken whenever the clock is set.

    A sleeping event loop wakes late in proportion to its sleep; this does not.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")

    def arm(self, at: datetime) -> bool:
        """Become readable at `at`, or at once where that has passed; True as in `clock_was_set`."""
        since_epoch = max(at - EPOCH, timedelta(microseconds=1))
        microseconds = since_epoch // timedelta(microseconds=1)
        seconds, rest = divmod(microseconds, 10**6)
        spec = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, rest * _NS_PER_US))
        flags = _TFD_TIMER_ABSTIME | _TFD_TIMER_CANCEL_ON_SET
        if self._libc.timerfd_settime(self.fd, flags, ctypes.byref(spec), None) == 0:
            return False
        code = ctypes.get_errno()
        if code != errno.ECANCELED:
            raise OSError(code, "timerfd_settime")
        # Armed all the same, and told this once: a later read does not tell it again.
        return True

    def clock_was_set(self) -> bool:
        """Take the wake-up off the timer; True where a clock set caused it."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
            return True
        return False

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.fd)


class _TimerfdScheduler(AsyncIOScheduler):
    """An AsyncIOScheduler that sleeps on a `WallTimer` and takes many changes in one pass."""

    def __init__(
        self,
        clock: Clock,
        on_clock_step: Callable[[], None],
        rehearse: Callable[[datetime], None],
    ) -> None:
        super().__init__(
            executors={"default": DebugExecutor()},
            jobstores={"default": MemoryJobStore()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        self._clock = clock
        self._on_clock_step = on_clock_step
        self._rehearse = rehearse
        self._rehearsed_for: datetime | None = None
        self._pass_pending = False
        self._timer: WallTimer
        self.due: datetime | None = None

    def start(self, paused: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's signature
        self._timer = WallTimer()
        super().start(paused)
        self._eventloop.add_reader(self._timer.fd, self._on_timer)

    def close(self) -> None:
        self._eventloop.remove_reader(self._timer.fd)
        # Its asyncio class would do this in a later turn of the loop, without a timer by then.
        super(AsyncIOScheduler, self).shutdown(wait=False)
        self._timer.close()

    def after_pass(self, action: Callable[..., None], *args: object) -> None:
        """Act once no pass is under way: the pass removes the jobs it ran, by their ids."""
        self._eventloop.call_soon(action, *args)

    def wakeup(self) -> None:
        if not self._pass_pending:
            self._pass_pending = True
            self._eventloop.call_soon(self._pass)

    def _pass(self) -> None:
        self._pass_pending = False
        if self.running:
            self._start_timer(self._process_jobs())

    def _start_timer(self, wait_seconds: float | None) -> None:
        now = self._clock.now()
        due = self._lookup_jobstore("default").get_next_run_time()
        if wait_seconds is None or due is None:
            due = now + _IDLE
        self.due = due
        early = due - REHEARSED_BEFORE
        self._rehearsed_for = due if early > now else None
        if self._timer.arm(early if self._rehearsed_for else due):
            self.after_pass(self._on_clock_step)

    def _stop_timer(self) -> None:
        """Do nothing: arming replaces what was armed."""

    def _on_timer(self) -> None:
        if self._timer.clock_was_set():
            self._on_clock_step()
        elif self._rehearsed_for is not None:
            self._rehearse(self._rehearsed_for)
        self._pass()


class SchedulerAlarm:
    """Implements `ports.alarm.Alarm`; an instant far ahead waits in memory until it comes near."""

    def __init__(self, clock: Clock, wake: WakeOwner, on_clock_step: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._scheduler = _TimerfdScheduler(clock, self._clock_stepped, self._rehearse)
        self._on_clock_step = on_clock_step
        self._wishes: dict[str, datetime] = {}
        self._owners: dict[datetime, set[str]] = {}
        self._armed: set[datetime] = set()
        self._armed_until = EPOCH

    def set(self, owner: str, at: datetime | None) -> None:
        """Wake `owner` at `at` and no longer at the instant asked before; None: never."""
        before = self._wishes.get(owner)
        if before == at:
            return
        if before is not None:
            self._forget(owner, before)
        if at is None:
            return
        self._wishes[owner] = at
        self._owners.setdefault(at, set()).add(owner)
        if at <= self._armed_until:
            self._arm(at)

    def next_wake(self) -> datetime | None:
        """Give the instant for which the timer is armed; what was set in this turn comes later."""
        return self._scheduler.due

    async def run(
        self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve wake-ups until cancelled."""
        self._scheduler.start()
        try:
            self._refill()
            task_status.started()
            await anyio.sleep_forever()
        finally:
            self._scheduler.close()
            self._armed.clear()
            self._armed_until = EPOCH

    def _forget(self, owner: str, at: datetime) -> None:
        del self._wishes[owner]
        owners = self._owners[at]
        owners.discard(owner)
        if owners:
            return
        del self._owners[at]
        if at in self._armed:
            self._armed.discard(at)
            self._scheduler.remove_job(at.isoformat())

    def _arm(self, at: datetime) -> None:
        if at not in self._armed:
            self._armed.add(at)
            self._scheduler.add_job(self._due, _at(at), args=(at,), id=at.isoformat())

    def _due(self, at: datetime) -> None:
        self._armed.discard(at)
        self._scheduler.after_pass(self._fire, at)

    def _fire(self, at: datetime) -> None:
        owners = self._owners.pop(at, set())
        for owner in owners:
            del self._wishes[owner]
        for owner in owners:
            self._wake(owner)

    def _rehearse(self, at: datetime) -> None:
        """Go through what the instant will bring, with one of those that it concerns."""
        owner = next(iter(self._owners.get(at, ())), None)
        if owner is not None:
            self._scheduler.after_pass(self._wake, owner)

    def _refill(self) -> None:
        near = self._clock.now() + ARMED_AHEAD
        coming = sorted(at for at in self._owners if at <= near and at not in self._armed)
        room = max(1, ARMED_AT_MOST - len(self._armed))
        self._armed_until = near if len(coming) <= room else coming[room - 1]
        for at in coming[:room]:
            self._arm(at)
        self._scheduler.add_job(
            self._scheduler.after_pass,
            _at(self._armed_until),
            args=(self._refill,),
            id=_REFILL,
            replace_existing=True,
        )

    def _clock_stepped(self) -> None:
        self._refill()
        self._on_clock_step()


def _at(instant: datetime) -> DateTrigger:
    # Without a zone the library looks on the disk for the system's own.
    return DateTrigger(instant, UTC)
