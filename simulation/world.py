"""One simulated appliance: rooms, devices, the real engine in its lives, and a script to endure."""

import random
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio

from simulation.acts import Operator
from simulation.device import Device, ScriptedRecorder
from simulation.history import History, Ledger, Moment, Trouble
from simulation.operator import ZONES, Step
from tallyd.bookings import Bookings
from tallyd.catalogue import sync_targets
from tallyd.domain.model import Target
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.engine.announcer import Announcer
from tallyd.engine.orders import Orders
from tallyd.engine.staff import Installed
from tallyd.engine.supervisor import Engine
from tallyd.engine.supervisor import World as Surroundings
from tallyd.ports.drivers import Traits
from tallyd.ports.store import StoreError, Transaction
from tallyd.testing.memory_store import MemoryStore
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.virtual_time import FakeAlarm, FakeClock, VirtualTimeLoop

ROOMS = 5
SETTLES_WITHIN_S = 3 * 86_400.0
JOURNAL_EVERY_S = 180.0
OBSERVE_EVERY_S = 60.0
_BEGINNINGS = (
    datetime(2026, 10, 20, 6, tzinfo=UTC),  # both changes to winter time within
    datetime(2027, 3, 10, 6, tzinfo=UTC),  # New York goes to summer time
    datetime(2027, 3, 20, 6, tzinfo=UTC),  # Berlin does
    datetime(2026, 12, 20, 6, tzinfo=UTC),
)
# What the engine does by the second is done by the minute here: a fortnight takes seconds, and
# nothing that is decided hangs on how often it looks. The ledger stays as far ahead as it looks.
_SLOWER = {
    "tallyd.engine.executor.OBSERVE_EVERY_S": OBSERVE_EVERY_S,
    "tallyd.engine.executor.STOP_AGAIN_AFTER_S": OBSERVE_EVERY_S,
    "tallyd.engine.reconciler.JOURNAL_EVERY_S": JOURNAL_EVERY_S,
    "tallyd.engine.supervisor.BACKSTOP_S": 300.0,
    "tallyd.engine.supervisor.KEEP_AHEAD_S": 3_600.0,
    "tallyd.engine.recovery.AHEAD": timedelta(minutes=65),
    "tallyd.engine.presence.HEARTBEAT_S": 3_600.0,
    "tallyd.engine.headline.LOOK_AGAIN_S": 3_600.0,
}
_BACK_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulation leaves: its history, the ledger before and after a last restart, a log."""

    history: History
    ledger: Ledger
    restarted: Ledger
    log: tuple[str, ...]


class RefusingStore(MemoryStore):
    """A store in memory whose disk may refuse to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = False

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """Open a transaction, unless the disk refuses.

        Raises:
            StoreError: it does; nothing changed.
        """
        if self.refuses:
            raise StoreError("the disk is full")
        async with super().write() as tx:
            yield tx


@dataclass(slots=True)
class _Life:
    """The daemon from one boot to its end."""

    drivers: dict[str, ScriptedRecorder]
    stop: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class _Log(Announcer):
    """Keeps what the engine says, and what it must never say."""

    def __init__(self, note: Callable[[str], None], broken: list[str]) -> None:
        super().__init__()
        self._note = note
        self._broken = broken

    def say_at(self, level: str, event: str, **fields: object) -> None:
        """Keep an event."""
        told = (f"{key}={fields[key]}" for key in _TOLD if fields.get(key) is not None)
        self._note(" ".join((f"  {level} {event}", *told)))
        if event == "task.failed":
            self._broken.append(f"(g) a task failed: {fields['task']}: {fields['exception']}")


_TOLD = ("target", "name", "slot", "part", "end", "outcome", "reason", "error", "task")


class World:
    """Five rooms on one clock."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"world {seed}")  # noqa: S311 - it must repeat, not be secret
        self.clock = FakeClock(self._chance.choice(_BEGINNINGS))
        self.store = RefusingStore()
        targets = [self._target(f"rooms.{name}") for name in "abcde"[:ROOMS]]
        self.history = History(
            targets={target.key: target for target in targets},
            overlap={target.key: self._chance.choice((True, False)) for target in targets},
            clock=[Moment(0.0, self.clock.now())],
        )
        self.devices = [self._device(target) for target in targets]
        self.log: list[str] = []
        self.bookings = Bookings(self.store, self.clock, self._nudge)
        self._nudged = anyio.Event()
        self._life: _Life | None = None
        self._open_troubles = 0

    def moment(self) -> Moment:
        """Give this moment."""
        return Moment(self.clock.monotonic(), self.clock.now())

    def note(self, text: str) -> None:
        """Write a line into the log."""
        self.log.append(f"{self.clock.monotonic():14.3f} {self.clock.now():%m-%d %H:%M:%S} {text}")

    async def endure(self, steps: Iterable[Step]) -> Report:
        """Live through a script, let everything settle, restart once more, and report."""
        ledgers: list[Ledger] = []
        async with self.store.write() as tx:
            await sync_targets(tx, self.history.targets.values())
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            self._boot()
            operator = Operator(self)
            for step in steps:
                await self.clock.sleep(step.after_s)
                await operator.perform(step)
            await self._settle(operator)
            ledgers.append(await self.ledger())
            await self.end(0.0)
            await self.clock.sleep(600)
            ledgers.append(await self.ledger())
            tasks.cancel_scope.cancel()
        settled, restarted = ledgers
        return Report(self.history, settled, restarted, tuple(self.log))

    async def ledger(self) -> Ledger:
        """Give what the store holds."""
        async with self.store.read() as reader:
            return Ledger(
                await reader.schedules(),
                await reader.overrides(),
                await reader.exception_days(),
                tuple(sorted(await reader.runs(), key=lambda run: run.id)),
            )

    def later(self, task: Callable[..., Any], *args: object) -> None:
        """Do something beside the script."""
        self._tasks.start_soon(task, *args)

    @contextmanager
    def trouble(self, what: str, target: str | None = None) -> Generator[None]:
        """Note a trouble that lasts as long as the block."""
        from_s = self.clock.monotonic()
        self.note(f"{what} {target or ''}")
        self._open_troubles += 1
        try:
            yield
        finally:
            self._open_troubles -= 1
            to_s = self.clock.monotonic()
            self.note(f"{what} {target or ''} is over")
            self.history.troubles.append(Trouble(what, target, from_s, to_s))

    def step_clock(self, by: timedelta) -> None:
        """Set the clock on the wall."""
        with self.trouble(f"clock set by {by.total_seconds()} s"):
            for device in self.devices:
                device.deliver()
            # What is known of the time changes before anybody wakes from it.
            now = self.moment()
            self.history.clock.append(Moment(now.s, now.wall + by))
            self.clock.step(by)

    async def end(self, down_s: float) -> None:
        """End the daemon in order, and boot it again after a while."""
        if (life := self._life) is None:
            return
        self._life = None
        with self.trouble("restart"):
            life.stop.set()
            await life.over.wait()
            for driver in life.drivers.values():
                driver.kill()  # what it gave up to end dies with it
            await self.clock.sleep(down_s)
            self._boot()
            await self.clock.sleep(_BACK_AFTER_S)

    async def kill(self, down_s: float) -> None:
        """Kill the daemon and all that it runs, and boot it again after a while."""
        if (life := self._life) is None:
            return
        self._life = None
        with self.trouble("kill"):
            for driver in life.drivers.values():
                driver.kill()
            life.scope.cancel()
            await life.over.wait()
            await self.clock.sleep(down_s)
            self._boot()
            await self.clock.sleep(_BACK_AFTER_S)

    def _boot(self) -> None:
        drivers = {device.target: ScriptedRecorder(device) for device in self.devices}
        self._life = _Life(drivers)
        self._tasks.start_soon(self._live, self._life)

    async def _live(self, life: _Life) -> None:
        with life.scope:
            while not life.stop.is_set():
                try:
                    await self._engine(life).run(life.stop)
                except* StoreError as refused:
                    self.note(f"the daemon cannot boot: {refused.exceptions}")
                    await self.clock.sleep(_BACK_AFTER_S)
        life.over.set()

    def _engine(self, life: _Life) -> Engine:
        surroundings = Surroundings(
            store=self.store,
            clock=self.clock,
            make_alarm=lambda wake, stepped: FakeAlarm(self.clock, wake, stepped),
            drivers={key: Installed("scripted", driver) for key, driver in life.drivers.items()},
            orders=Orders(Path("/recordings"), parse_template(DEFAULT_TEMPLATE)),
            nudged=self._nudge_came,
            ledger_keep=timedelta(days=730),
            publish=_nowhere,
            service=FakeServiceManager(),
        )
        return Engine(surroundings, _Log(self.note, self.history.broken))

    async def _settle(self, operator: Operator) -> None:
        """Let every trouble pass, want nothing any more, and wait for the last outcome."""
        self.note("everything is to settle")
        await self.clock.sleep(1)  # a trouble that was asked for just now begins
        while self._open_troubles:
            await self.clock.sleep(60)
        await operator.remove_all()
        until_s = self.clock.monotonic() + SETTLES_WITHIN_S
        while self.clock.monotonic() < until_s:
            await self.clock.sleep(600)
            async with self.store.read() as reader:
                if not await reader.unfinished_runs():
                    break
        self.history.ended = self.moment()

    def _nudge(self) -> None:
        self._nudged.set()

    async def _nudge_came(self) -> None:
        await self._nudged.wait()
        self._nudged = anyio.Event()

    def _target(self, key: str) -> Target:
        return Target(
            key=key,
            name=key,
            public_id=0,
            uid="",
            zone=self._chance.choice(ZONES),
            capacity=self._chance.choice((1, 1, 2)),
        )

    def _device(self, target: Target) -> Device:
        start_ms = self._chance.choice((0, 150, 1_000, 3_000))
        traits = Traits(
            lead_ms=start_ms,
            overlap=self.history.overlap[target.key],
            inputs=target.capacity,
            stall_timeout_ms=150_000,
        )
        stop_s = self._chance.choice((0.0, 0.2, 2.0))
        return Device(target.key, traits, start_ms / 1_000, stop_s, self.clock, self.history)


def simulate(seed: int, steps: Iterable[Step]) -> Report:
    """Live through a script on virtual time; rooms, devices and date come from the seed."""

    async def live() -> Report:
        return await World(seed).endure(steps)

    patches = [patch(name, value) for name, value in _SLOWER.items()]
    for each in patches:
        each.start()
    try:
        return anyio.run(live, backend_options={"loop_factory": VirtualTimeLoop})
    finally:
        for each in patches:
            each.stop()


async def _nowhere(_snapshot: object) -> None:
    """Publish nothing."""
