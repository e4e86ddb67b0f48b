"""The engine on virtual time: a store in memory, simulated devices, hours in milliseconds."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from tallyd.bookings import Bookings, Policy, nothing_told
from tallyd.catalogue import sync_targets
from tallyd.domain.absence import Absence
from tallyd.domain.drafts import Draft
from tallyd.domain.health import ClockTrust
from tallyd.domain.model import InstantStart, Run, Schedule, Target
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.domain.window import EPOCH
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.engine.announcer import Announcer
from tallyd.engine.orders import Orders
from tallyd.engine.supervisor import Engine, Installed, World
from tallyd.ports.drivers import Driver, DriverContext
from tallyd.ports.store import StoreError
from tallyd.testing.disk import FakeDisk
from tallyd.testing.memory_store import MemoryStore
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.shelf import FakeShelf
from tallyd.testing.virtual_time import START, FakeAlarm, FakeClock, VirtualTimeLoop

VIRTUAL_TIME: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": VirtualTimeLoop})
"""The backend of tests whose hours pass at once."""


class Log(Announcer):
    """Keeps what is said instead of writing it."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, dict[str, object]]] = []

    def say_at(self, level: str, event: str, **fields: object) -> None:
        """Keep an event."""
        self.events.append((event, {"level": level, **fields}))

    def levels(self, event: str) -> list[object]:
        """Give the levels at which an event was said, in order."""
        return [fields["level"] for fields in self.of(event)]

    def of(self, event: str) -> list[dict[str, object]]:
        """Give the fields of every event of a name, in order."""
        return [fields for name, fields in self.events if name == event]


class FlakyStore(MemoryStore):
    """A store in memory whose disk can be made to refuse writes."""

    def __init__(self) -> None:
        super().__init__()
        self._refuses = False

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse every write inside."""
        self._refuses = True
        yield
        self._refuses = False

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        """Open a transaction, unless the disk refuses."""
        if self._refuses:
            raise StoreError("the disk is full")
        async with super().write() as tx:
            yield tx


@dataclass
class Rig:
    """One appliance: rooms `rooms.a` and `rooms.b` unless said otherwise."""

    clock: FakeClock
    store: FlakyStore = field(default_factory=FlakyStore)
    log: Log = field(default_factory=Log)
    disk: FakeDisk = field(default_factory=FakeDisk)
    drivers: dict[str, Driver | None] = field(default_factory=dict)
    nudge: anyio.Event = field(default_factory=anyio.Event)
    engine: Engine | None = None
    service: FakeServiceManager = field(default_factory=FakeServiceManager)
    clock_trust: ClockTrust = ClockTrust.PLAUSIBLE
    heard_at: datetime | None = None
    off_until: datetime = EPOCH
    shelf: FakeShelf = field(default_factory=FakeShelf)
    absence: Absence | None = None
    ledger_settled: int = 0

    @property
    def bookings(self) -> Bookings:
        """Give the way to change wishes."""
        return Bookings(self.store, self.clock, self._nudge, nothing_told)

    def _nudge(self) -> None:
        self.nudge.set()

    async def _nudged(self) -> None:
        await self.nudge.wait()
        self.nudge = anyio.Event()

    async def _ledger_settled(self) -> None:
        self.ledger_settled += 1

    async def configure(self, *targets: Target) -> None:
        """Make these the configured targets."""
        async with self.store.write() as tx:
            await sync_targets(tx, targets)

    def device(self, key: str, **options: Any) -> SimulatedRecorder:
        """Put a simulated recorder with these options behind a target."""
        context = DriverContext(key, options.get("inputs", 1), self.clock, lambda _task: None)
        driver = SimulatedRecorder(context, SimulatedRecorder.Options(**options))
        self.drivers[key] = driver
        return driver

    @asynccontextmanager
    async def leaving(self) -> AsyncIterator[Engine]:
        """Run an engine that leaves what it records to the next."""
        async with self.running() as engine:
            engine.leave_recordings()
            yield engine

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """Run an engine on what the store holds, and end it in order."""
        stop = anyio.Event()
        async with self._living(stop) as engine:
            yield engine
            stop.set()

    @asynccontextmanager
    async def until_the_power_goes(self) -> AsyncIterator[Engine]:
        """Run an engine that comes to no end: what it had not written down is gone."""
        with anyio.CancelScope() as power:
            async with self._living(anyio.Event()) as engine:
                yield engine
                power.cancel()

    def boot_at(self, shows: datetime, *, trusted_until: datetime | None = None) -> None:
        """Start the machine anew: its clock shows this, its devices do nothing."""
        elapsed = timedelta(seconds=self.clock.monotonic())
        keeps_right = self.clock.keeps_right
        self.clock = FakeClock(shows - elapsed)
        self.clock.keeps_right = keeps_right
        self.off_until, self.heard_at = shows, trusted_until
        for key in self.drivers:
            self.device(key)

    @asynccontextmanager
    async def _living(self, stop: anyio.Event) -> AsyncIterator[Engine]:
        engine = Engine(
            World(
                store=self.store,
                clock=self.clock,
                disk=self.disk,
                make_alarm=lambda wake, stepped: FakeAlarm(self.clock, wake, stepped),
                drivers={
                    key: Installed("simulated", driver) for key, driver in self.drivers.items()
                },
                orders=Orders(Path("/recordings"), parse_template(DEFAULT_TEMPLATE)),
                nudged=self._nudged,
                ledger_keep=timedelta(days=730),
                retention=Rules(),
                publish=_nowhere,
                service=self.service,
                absence=self.absence
                or Absence(self.off_until, self.clock.now(), None, self.heard_at),
                shelf=self.shelf,
                ledger_settled=self._ledger_settled,
                clock_trust=self.clock_trust,
            ),
            self.log,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run, stop)
            await self.clock.sleep(0.001)
            self.engine = engine
            yield engine

    async def book(  # noqa: PLR0913 - each is one word of a booking
        self,
        name: str,
        start_s: float,
        length_s: float,
        *,
        target: str = "rooms.a",
        priority: int = 0,
        policy: Policy = Policy.REPORT,
    ) -> Schedule:
        """Book a one-shot, `start_s` seconds after the rig's beginning."""
        at = START + timedelta(seconds=start_s)
        change = await self.bookings.add(
            lambda now: Draft(
                target=target,
                name=name,
                start=InstantStart(max(at, now)),
                duration=timedelta(seconds=length_s),
                priority=priority,
            ),
            policy,
        )
        assert change.after is not None
        return change.after

    async def until(self, seconds: float) -> None:
        """Let time pass until so many seconds after the rig's beginning."""
        await self.clock.sleep_until(START + timedelta(seconds=seconds))

    async def run_of(self, schedule: Schedule) -> Run:
        """Give the one run of a one-shot."""
        async with self.store.read() as reader:
            runs = [r for r in await reader.runs() if r.schedule_id == schedule.id]
        assert len(runs) == 1
        return runs[0]


async def _nowhere(_snapshot: object) -> None:
    """Publish nothing."""


def room(key: str, *, capacity: int = 1, min_piece_s: float = 60) -> Target:
    """Give a configured room."""
    return Target(
        key=key,
        name=key,
        public_id=0,
        uid="",
        zone="Europe/Berlin",
        capacity=capacity,
        min_piece=timedelta(seconds=min_piece_s),
    )


async def two_rooms(clock: FakeClock | None = None) -> Rig:
    """Give two rooms with prompt devices."""
    rig = Rig(clock or FakeClock())
    await rig.configure(room("rooms.a"), room("rooms.b"))
    rig.device("rooms.a")
    rig.device("rooms.b")
    return rig


def at(seconds: float) -> datetime:
    """Give the instant so many seconds after the rig's beginning."""
    return START + timedelta(seconds=seconds)


def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine look about by the minute instead of by the second: days pass in a second."""
    for name in (
        "supervisor.BACKSTOP_S",
        "presence.HEARTBEAT_S",
        "headline.LOOK_AGAIN_S",
        "health.LOOK_AGAIN_S",
        "trust.LOOK_AGAIN_S",
        "checkup.ROUTINE_S",
    ):
        monkeypatch.setattr(f"tallyd.engine.{name}", 600.0)
    monkeypatch.setattr("tallyd.engine.past.ASLEEP_AFTER_S", 1500.0)
    monkeypatch.setattr("tallyd.engine.executor.OBSERVE_EVERY_S", 5.0)
