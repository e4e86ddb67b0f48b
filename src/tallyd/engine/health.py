"""Pre-flight: sees ahead of each start to device, disk and clock, and warns. It decides nothing.

Everything here may be late or missing, and no start waits for it.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

import anyio
import anyio.abc
from anyio.lowlevel import checkpoint

from tallyd.domain.health import (
    CHECKS_AHEAD,
    Cause,
    Demand,
    DeviceChange,
    DeviceHealth,
    DeviceState,
    Trouble,
    clock_trouble,
    device_change,
    device_trouble,
    disk_trouble,
    rate_of,
)
from tallyd.domain.model import Part, Status
from tallyd.domain.outcomes import DISK_ENDS
from tallyd.domain.planner import Planned
from tallyd.domain.window import MILLISECOND, Window
from tallyd.engine.agenda import Agenda
from tallyd.engine.announcer import Announcer
from tallyd.engine.checkup import ASK_AGAIN_S, QUIET_S, ROUTINE_S, Checkup
from tallyd.engine.decisions import first_start
from tallyd.engine.fence import FencedDriver
from tallyd.engine.machine import Machine
from tallyd.engine.staff import Staff
from tallyd.engine.trust import Trust
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk
from tallyd.ports.drivers import DriverError

SETTLED_AFTER_S = 0.5
"""A herd of starts goes first."""

LOOK_AGAIN_S = 60.0
SEE_DISK_AGAIN_S = 10.0
"""So often a disk is looked at that cannot be recorded to."""

SLICE = 32
"""So many targets are looked at until the loop is given back."""

AT_ONCE = 16
"""So many devices are asked at the same time; those that are gone queue for places of their own."""

WARM_AHEAD_S = 10.0
"""So long before a start its driver may warm up, until nothing may touch the device any more."""

STAYS_WARM_S = 30.0


@dataclass(frozen=True, slots=True)
class _Coming:
    """A piece that starts soon."""

    entry: Planned
    piece: Window

    @property
    def start(self) -> datetime:
        return self.piece.start


class Health:
    """One task for all targets; woken by time, and by whatever changes."""

    def __init__(  # noqa: PLR0913 - what it looks at, and whom it tells
        self,
        *,
        staff: Staff,
        agenda: Agenda,
        clock: Clock,
        disk: Disk,
        announcer: Announcer,
        trust: Trust,
        changed: Callable[[], None],
    ) -> None:
        self._staff = staff
        self._agenda = agenda
        self._clock = clock
        self._announcer = announcer
        self._tell_change = changed
        self._trust = trust
        self._machine = Machine(disk, clock, announcer, trust, staff.all_back)
        self._machine_due_s = 0.0
        self._looked_s = -inf
        self._checkups: dict[str, Checkup] = {}
        self._rates: dict[str, int] = {}
        self._said: dict[tuple[str, tuple[int, str], Cause], datetime] = {}
        self._warm_until_s: dict[str | None, float] = {}
        self._woken = anyio.Event()
        self._sound = anyio.CapacityLimiter(AT_ONCE)
        self._troubled = anyio.CapacityLimiter(AT_ONCE)

    def learn(self, target: str, parts: Iterable[Part]) -> None:
        """Take in how fast the last parts of a target grew."""
        if (rate := rate_of(parts)) is not None:
            self._rates[target] = rate

    def wake(self) -> None:
        """Look again, soon: something changed."""
        self._woken.set()

    def picture_of(self, target: str) -> Mapping[str, object]:
        """Give how the device of a target is, for people."""
        checkup = self._checkups.get(target)
        health = checkup.health if checkup else DeviceHealth()
        return {
            "device": health.state,
            "since": health.since,
            "sentence": health.sentence,
            "checked_at": health.checked_at,
        }

    def pictures(self) -> Mapping[str, Mapping[str, object]]:
        """Give how disk and clock are, for people."""
        return self._machine.pictures()

    async def run(self) -> None:
        """Look after everything until cancelled."""
        await self._clock.sleep(SETTLED_AFTER_S)
        async with anyio.create_task_group() as tasks:
            while True:
                self._woken = anyio.Event()
                wait_s = await self._round(tasks)
                with anyio.move_on_after(wait_s):
                    await self._woken.wait()
                    await self._clock.sleep(SETTLED_AFTER_S)

    async def _round(self, tasks: anyio.abc.TaskGroup) -> float:
        """Look at every target, and have done what is due; gives how long nothing else is."""
        wait_s = LOOK_AGAIN_S
        due: list[_Coming] = []
        reconcilers = self._staff.everybody()
        for number, reconciler in enumerate(reconcilers, start=1):
            if number % SLICE == 0:
                await checkpoint()
            now = self._clock.now()
            checkup = self._checkup(reconciler.target)
            checkup.mind(reconciler.sessions, now)
            coming = _coming(self._agenda.planned(reconciler.target), now)
            due += self._preflight(checkup, coming, now, tasks)
            if self._waits_for_the_disk(reconciler.target):
                seen_again_s = self._looked_s + SEE_DISK_AGAIN_S
                self._machine_due_s = min(self._machine_due_s, seen_again_s)
            self._warm_up(checkup, coming, tasks)
            wait_s = min(wait_s, *_pauses(checkup, coming, self._clock.now()))
        if due or self._clock.monotonic() >= self._machine_due_s:
            self._looked_s = self._clock.monotonic()
            self._machine_due_s = self._looked_s + ROUTINE_S
            tasks.start_soon(self._inspect, due)
        wait_s = min(wait_s, max(0.0, self._machine_due_s - self._clock.monotonic()))
        for gone in self._checkups.keys() - {each.target for each in reconcilers}:
            del self._checkups[gone]
        return wait_s

    def _waits_for_the_disk(self, target: str) -> bool:
        """Tell whether the disk ended the last that was recorded of what is still to be."""
        return any(
            run.status is not Status.FINISHED and run.parts and run.parts[-1].end in DISK_ENDS
            for run in self._agenda.runs(target)
        )

    def _checkup(self, target: str) -> Checkup:
        """Give what is known of a target's device; of a new one that is nothing yet."""
        installed = self._staff.installed(target)
        known = self._checkups.get(target)
        if known is None or known.installed is not installed:
            known = Checkup(target, installed, self._staff.fenced(target), self._clock, self._heard)
            self._checkups[target] = known
        return known

    # devices

    def _preflight(
        self,
        checkup: Checkup,
        coming: tuple[_Coming, ...],
        now: datetime,
        tasks: anyio.abc.TaskGroup,
    ) -> list[_Coming]:
        """Have the device asked if that is due; gives the pieces whose pre-flight this is."""
        if checkup.is_asking:
            return []
        due = [c for c in coming if (at := checkup.next_check(c.start)) is not None and at <= now]
        for each in due:
            checkup.checked(each.start, now)
        if not due and checkup.asked_in_s > 0:
            return due

        def warn() -> None:
            for each in due:
                self._warn(each, device_trouble(checkup.health))
            self.wake()

        first_start = min((each.start for each in coming), default=None)
        if checkup.may_be_asked:
            gone = checkup.health.state is DeviceState.GONE
            checkup.ask(tasks, self._troubled if gone else self._sound, first_start, warn)
        else:
            checkup.put_off()
            warn()
        return due

    def _heard(self, checkup: Checkup, before: DeviceHealth) -> None:
        if self._checkups.get(checkup.target) is not checkup:
            return  # an answer of a driver that was replaced meanwhile
        match device_change(before, checkup.health):
            case DeviceChange.GONE:
                following = first_start(self._agenda.planned(checkup.target), self._clock.now())
                self._announcer.say(
                    "device.gone",
                    target=checkup.target,
                    detail=checkup.health.sentence,
                    next_start=following[0] if following else None,
                    ask_again_s=ASK_AGAIN_S,
                )
            case DeviceChange.BACK:
                gone_for = self._clock.now() - (before.since or self._clock.now())
                self._announcer.say(
                    "device.back", target=checkup.target, gone_ms=round(gone_for / MILLISECOND)
                )
                self._staff.device_back(checkup.target)
            case None:
                pass
        self._tell_change()

    def _warm_up(
        self,
        checkup: Checkup,
        coming: tuple[_Coming, ...],
        tasks: anyio.abc.TaskGroup,
    ) -> None:
        """Have one driver of each name warm up for all that start with it: they share programs."""
        now_s, name = self._clock.monotonic(), checkup.installed.name
        if checkup.driver is None or self._warm_until_s.get(name, 0.0) > now_s:
            return
        for each in coming:
            left_s = (each.start - self._clock.now()).total_seconds()
            if QUIET_S < left_s <= WARM_AHEAD_S:
                self._warm_until_s[name] = now_s + STAYS_WARM_S
                tasks.start_soon(_warm, checkup.driver, left_s - QUIET_S)
                return

    # disk and clock

    async def _inspect(self, due: list[_Coming]) -> None:
        """Look at disk and clock, as a routine or as the pre-flight of some pieces."""
        await self._machine.look([demand async for demand in self._demands()])
        for each in due:
            self._warn(each, disk_trouble(self._machine.disk, each.piece))
            self._warn(each, clock_trouble(self._trust.health))
        now = self._clock.now()
        self._said = {said: over for said, over in self._said.items() if over > now}
        if self._machine.waits_for_the_disk:
            self._machine_due_s = self._clock.monotonic() + SEE_DISK_AGAIN_S
            self.wake()
        self._tell_change()

    async def _demands(self) -> AsyncIterator[Demand]:
        """Give what all targets will write, as far as is known how fast they do."""
        for number, reconciler in enumerate(self._staff.everybody(), start=1):
            if number % SLICE == 0:
                await checkpoint()
            target = reconciler.target
            rate = self._checkup(target).traits.bytes_per_s
            if rate is None:
                self.learn(target, (p for run in self._agenda.runs(target) for p in run.parts))
                rate = self._rates.get(target)
            if rate:
                for entry in self._agenda.planned(target):
                    for piece in entry.claim:
                        yield Demand(rate, piece)

    def _warn(self, coming: _Coming, trouble: Trouble | None) -> None:
        """Tell of a trouble of a run that is to start, once for each cause."""
        schedule, key = coming.entry.schedule, coming.entry.key
        if trouble is None or (schedule.target, key, trouble.cause) in self._said:
            return
        self._said[schedule.target, key, trouble.cause] = coming.entry.occurrence.window.stop
        run = self._agenda.run(schedule.target, key)
        self._announcer.say(
            "preflight.failed",
            target=schedule.target,
            run_id=run.id if run else 0,
            schedule_id=None if schedule.manual else schedule.id,
            slot=None if schedule.manual else key[1],
            name=schedule.name,
            start=coming.start,
            cause=trouble.cause,
            detail=trouble.detail,
            next=trouble.next,
            fix=trouble.fix,
        )


async def _warm(driver: FencedDriver, within_s: float) -> None:
    with anyio.move_on_after(within_s), suppress(DriverError):
        await driver.warm_up()


def _coming(planned: Iterable[Planned], now: datetime) -> tuple[_Coming, ...]:
    """Give the pieces whose first pre-flight is due, or will be before the next look."""
    until = now + CHECKS_AHEAD[0] + timedelta(seconds=LOOK_AGAIN_S)
    return tuple(
        _Coming(entry, piece)
        for entry in _starting_before(planned, until)
        for piece in entry.claim
        if now < piece.start <= until
    )


def _starting_before(planned: Iterable[Planned], until: datetime) -> Iterator[Planned]:
    for entry in planned:
        if entry.occurrence.window.start > until:
            return
        yield entry


def _pauses(checkup: Checkup, coming: tuple[_Coming, ...], now: datetime) -> Iterator[float]:
    """Give in how many seconds there may be something to do."""
    yield max(0.0, checkup.asked_in_s)
    for each in coming:
        warm_at = each.start - timedelta(seconds=WARM_AHEAD_S)
        if warm_at > now:
            yield (warm_at - now).total_seconds()
        due = checkup.next_check(each.start)
        if due is not None and not checkup.is_asking:
            yield max(0.0, (due - now).total_seconds())
