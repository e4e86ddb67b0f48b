"""One simulated appliance: targets, devices, the real engine in its lives, a script to endure."""

import random
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import anyio.lowlevel

from simulation.acts import Operator
from simulation.device import Device, ScriptedRecorder
from simulation.history import History, Hold, Ledger, Moment, Trouble
from simulation.operator import ZONES, Step
from simulation.refusing_store import RefusingStore
from tallyd.bookings import Bookings, nothing_told
from tallyd.catalogue import sync_targets
from tallyd.domain.absence import Absence
from tallyd.domain.model import CHANNEL_MIN_PIECE, ROOM_MIN_PIECE, Target
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.engine.announcer import Announcer
from tallyd.engine.orders import Orders
from tallyd.engine.staff import NOT_CONFIGURED, Installed
from tallyd.engine.supervisor import Engine
from tallyd.engine.supervisor import World as Surroundings
from tallyd.ports.drivers import Traits
from tallyd.ports.store import StoreError
from tallyd.testing.disk import FakeDisk
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.shelf import FakeShelf
from tallyd.testing.virtual_time import FakeAlarm, FakeClock, VirtualTimeLoop

TARGETS = (*(f"rooms.{name}" for name in "abcde"), "channels.f")
SETTLES_WITHIN_S = 3 * 86_400.0
JOURNAL_EVERY_S = 180.0
OBSERVE_EVERY_S = 60.0
_BEGINNINGS = (
    datetime(2037, 10, 20, 6, tzinfo=UTC),  # both changes to winter time within
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
    "tallyd.engine.checkup.ROUTINE_S": 3_600.0,
    "tallyd.engine.health.LOOK_AGAIN_S": 3_600.0,
    "tallyd.engine.trust.LOOK_AGAIN_S": 3_600.0,
    "tallyd.engine.past.ASLEEP_AFTER_S": 7_200.0,
}
_BACK_AFTER_S = 1.0
_BEFORE_THAT_S = 365 * 86_400.0
_BY_HAND_AT_MOST_S = 600.0
"""Nobody starts a daemon again after longer: then it was the power."""
_TEMPLATE = parse_template(DEFAULT_TEMPLATE)


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulation leaves: its history, the ledger before and after a last restart, a log."""

    history: History
    ledger: Ledger
    restarted: Ledger
    log: tuple[str, ...]


@dataclass(slots=True)
class _Life:
    """The daemon from one boot to its end."""

    drivers: list[ScriptedRecorder]
    """Also those that a reload has replaced: they may be stopping something still."""
    engine: Engine | None = None
    stop: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def working(self) -> Engine | None:
        """Give the engine once it has booted."""
        return self.engine if self.engine and self.engine.snapshot()["ready"] else None


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
    """Five rooms and a channel on one clock."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"world {seed}")  # noqa: S311 - it must repeat, not be secret
        self.clock = FakeClock(self._chance.choice(_BEGINNINGS))
        self.store = RefusingStore()
        targets = [self._target(key) for key in TARGETS]
        self.history = History(
            targets={target.key: target for target in targets},
            overlap={target.key: self._chance.choice((True, False)) for target in targets},
            clock=[Moment(0.0, self.clock.now())],
        )
        self.devices = [self._device(target) for target in targets]
        self.log: list[str] = []
        self.bookings = Bookings(self.store, self.clock, self._nudge, nothing_told)
        self._nudged = anyio.Event()
        self._life: _Life | None = None
        self._passing = 0
        self._machine_up_s = -_BEFORE_THAT_S

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
                frozenset(t.key for t in await reader.targets() if t.locked_since is not None),
            )

    def later(self, task: Callable[..., Any], *args: object) -> None:
        """Do something beside the script."""
        self._tasks.start_soon(task, *args)

    @contextmanager
    def trouble(self, what: str, target: str | None = None) -> Generator[None]:
        """Note a trouble that lasts as long as the block."""
        from_s = self.clock.monotonic()
        self.note(f"{what} {target or ''}")
        try:
            with self.passing():
                yield
        finally:
            to_s = self.clock.monotonic()
            self.note(f"{what} {target or ''} is over")
            self.history.troubles.append(Trouble(what, target, from_s, to_s))

    @contextmanager
    def passing(self) -> Generator[None]:
        """Let nothing settle before the block is over."""
        self._passing += 1
        try:
            yield
        finally:
            self._passing -= 1

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
            for driver in life.drivers:
                driver.kill()  # what it gave up to end dies with it
            await self.clock.sleep(down_s)
            self._boot()
            await self.clock.sleep(_BACK_AFTER_S)

    async def kill(self, down_s: float) -> None:
        """Kill the daemon and all that it runs, or the power, and boot again after a while."""
        if (life := self._life) is None:
            return
        self._life = None
        power = down_s > _BY_HAND_AT_MOST_S
        with self.trouble("power cut" if power else "kill"):
            for driver in life.drivers:
                driver.kill()
            life.scope.cancel()
            await life.over.wait()
            await self.clock.sleep(down_s)
            if power:
                self._machine_up_s = self.clock.monotonic()
            self._boot()
            await self.clock.sleep(_BACK_AFTER_S)

    def _boot(self) -> None:
        self._life = _Life([])
        self._tasks.start_soon(self._live, self._life)

    async def _live(self, life: _Life) -> None:
        with life.scope:
            while not life.stop.is_set():
                try:
                    life.engine = self._engine(life)
                    await life.engine.run(life.stop)
                except* StoreError as refused:
                    self.note(f"the daemon cannot boot: {refused.exceptions}")
                    await self.clock.sleep(_BACK_AFTER_S)
        life.over.set()

    async def reload(self, device: Device) -> None:
        """Have the daemon take another driver of a device into use, while it works."""
        if (life := self._life) is None or (engine := life.working()) is None:
            self.note("there is no daemon to reload")
            return
        self._note_reload("reload", device)
        await engine.refit({device.target: self._install(life, device)}, _TEMPLATE, Rules())

    async def take_away(self, device: Device) -> bool:
        """Take a target out of the configuration of a daemon that works, if it is there."""
        if self._life is None or (engine := self._life.working()) is None:
            return False
        if not await self._configure(self._configured() - {device.target}):
            return False
        self._note_reload("take away", device)
        self.history.absences.append(Hold(device.target, self.clock.monotonic()))
        await engine.refit({device.target: NOT_CONFIGURED}, _TEMPLATE, Rules())
        return True

    async def put_back(self, device: Device) -> None:
        """Put a target back, with a new driver; a daemon that is down finds it when it boots."""
        await self._configure(self._configured() | {device.target})
        self._note_reload("put back", device)
        (gone,) = (hold for hold in self._absent() if hold.target == device.target)
        gone.to_s = self.clock.monotonic()
        if (life := self._life) is not None and (engine := life.working()) is not None:
            await engine.refit({device.target: self._install(life, device)}, _TEMPLATE, Rules())

    def _note_reload(self, what: str, device: Device) -> None:
        self.note(f"{what} {device.target}, {len(device.running())} running")
        self.history.reloads.append((self.clock.monotonic(), device.target))

    async def _configure(self, wanted: set[str]) -> bool:
        """Make these the configured targets; tells whether that is another configuration."""
        if wanted == self._configured():
            return False
        async with self.store.write() as tx:
            await sync_targets(tx, [self.history.targets[key] for key in sorted(wanted)])
        return True

    def _absent(self) -> list[Hold]:
        return [hold for hold in self.history.absences if hold.to_s is None]

    def _configured(self) -> set[str]:
        return self.history.targets.keys() - {hold.target for hold in self._absent()}

    @staticmethod
    def _install(life: _Life, device: Device) -> Installed:
        driver = ScriptedRecorder(device)
        life.drivers.append(driver)
        return Installed("scripted", driver)

    def _engine(self, life: _Life) -> Engine:
        surroundings = Surroundings(
            store=self.store,
            clock=self.clock,
            disk=FakeDisk(),
            make_alarm=lambda wake, stepped: FakeAlarm(self.clock, wake, stepped),
            drivers={
                device.target: self._install(life, device)
                for device in self.devices
                if device.target in self._configured()
            },
            orders=Orders(Path("/recordings"), _TEMPLATE),
            nudged=self._nudge_came,
            ledger_keep=timedelta(days=730),
            retention=Rules(),
            publish=_nowhere,
            service=FakeServiceManager(),
            absence=self._absence(),
            shelf=FakeShelf(),
            ledger_settled=anyio.lowlevel.checkpoint,
        )
        return Engine(surroundings, _Log(self.note, self.history.broken))

    def _absence(self) -> Absence:
        now = self.clock.now()
        up_for = timedelta(seconds=self.clock.monotonic() - self._machine_up_s)
        return Absence(now - up_for, now)

    async def _settle(self, operator: Operator) -> None:
        """Let every trouble pass, want nothing any more, and wait for the last outcome."""
        self.note("everything is to settle")
        await self.clock.sleep(1)  # a trouble that was asked for just now begins
        while self._passing:
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
        is_room = key.startswith("rooms.")
        return Target(
            key=key,
            name=key,
            public_id=0,
            uid="",
            zone=self._chance.choice(ZONES),
            capacity=self._chance.choice((1, 1, 2)) if is_room else 1,
            min_piece=ROOM_MIN_PIECE if is_room else CHANNEL_MIN_PIECE,
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
