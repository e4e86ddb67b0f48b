"""Rooms with several inputs: the engine records as many lectures at once as the device can."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from media import Media
from tallyd.bookings import Bookings, nothing_told
from tallyd.catalogue import sync_targets
from tallyd.clock import SystemClock
from tallyd.domain.absence import Absence
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Outcome, Reason, Run, Schedule, Status, Target
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.domain.window import EPOCH
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.engine.alarm import SchedulerAlarm
from tallyd.engine.announcer import Announcer
from tallyd.engine.orders import Orders
from tallyd.engine.supervisor import Engine, Installed, World
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import Driver, DriverContext
from tallyd.testing.disk import FakeDisk
from tallyd.testing.memory_store import MemoryStore
from tallyd.testing.service_manager import FakeServiceManager
from tallyd.testing.shelf import FakeShelf
from tallyd.testing.virtual_time import FakeAlarm, FakeClock, VirtualTimeLoop

ROOM = Target("rooms.hall", "Hall", 0, "", "Europe/Berlin", capacity=2, min_piece=timedelta(0))


@dataclass
class Hall:
    """One room of two inputs, an engine for it, and its ledger."""

    clock: Clock
    make_alarm: Callable[..., Any]
    recordings: Path = Path("/recordings")
    store: MemoryStore = field(default_factory=MemoryStore)
    nudged: anyio.Event = field(default_factory=anyio.Event)

    async def _nudge(self) -> None:
        await self.nudged.wait()
        self.nudged = anyio.Event()

    async def _publish(self, _snapshot: object) -> None:
        """Nobody looks."""

    @asynccontextmanager
    async def running(self, driver: Driver) -> AsyncIterator[None]:
        """Run an engine with this driver in the room, and end it in order."""
        async with self.store.write() as tx:
            await sync_targets(tx, [ROOM])
        stop = anyio.Event()
        world = World(
            store=self.store,
            clock=self.clock,
            disk=FakeDisk(),
            make_alarm=self.make_alarm,
            drivers={ROOM.key: Installed("under test", driver)},
            orders=Orders(self.recordings, parse_template(DEFAULT_TEMPLATE)),
            nudged=self._nudge,
            ledger_keep=timedelta(days=730),
            retention=Rules(),
            publish=self._publish,
            service=FakeServiceManager(),
            absence=Absence(EPOCH, self.clock.now()),
            shelf=FakeShelf(),
            ledger_settled=anyio.lowlevel.checkpoint,
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Engine(world, Announcer()).run, stop)
            yield
            stop.set()

    async def book(self, name: str, begin: datetime, *seconds: float) -> Schedule:
        """Book from and until so many seconds after `begin`."""
        start, stop = (begin + timedelta(seconds=each) for each in seconds)
        draft = Draft(ROOM.key, name, InstantStart(start), stop - start)
        bookings = Bookings(self.store, self.clock, self.nudged.set, nothing_told)
        change = await bookings.add(lambda _now: draft)
        assert change.after is not None
        return change.after

    async def finished(self, *schedules: Schedule) -> list[Run]:
        """Wait until each has its outcome, and give their runs."""
        while True:
            async with self.store.read() as reader:
                runs = {run.schedule_id: run for run in await reader.runs()}
            found = [runs[s.id] for s in schedules if s.id in runs]
            if len(found) == len(schedules) and all(r.status is Status.FINISHED for r in found):
                return found
            await self.clock.sleep(0.1)


class TestVirtualTime:
    """The simulated recorder, through a morning at once."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, Any]]:
        """Run on virtual time."""
        return "asyncio", {"loop_factory": VirtualTimeLoop}

    async def test_a_room_of_two_records_two_and_says_who_holds_it(self) -> None:
        """Two lectures run on two inputs, a third is blocked, a fourth gets the free one."""
        clock = FakeClock()
        hall = Hall(clock, lambda wake, stepped: FakeAlarm(clock, wake, stepped))
        driver = SimulatedRecorder(
            DriverContext(ROOM.key, 2, clock, lambda _task: None),
            SimulatedRecorder.Options(start_ms=200, stop_ms=300, overlap=False, bytes_per_s=1_000),
        )
        begin = clock.now()
        async with hall.running(driver):
            booked = [
                await hall.book("A", begin, 60, 3_600),
                await hall.book("B", begin, 60, 7_200),
                await hall.book("C", begin, 600, 3_000),
                await hall.book("D", begin, 3_600, 5_400),
            ]
            await clock.sleep(1_000)
            assert sorted(shown.input for shown in await driver.observe()) == [0, 1]
            a, b, c, d = await hall.finished(*booked)
        assert [run.outcome for run in (a, b, d)] == [Outcome.RECORDED] * 3
        assert [run.parts[0].input for run in (a, b, d)] == [0, 1, 0]
        assert (c.outcome, c.reason, c.parts) == (Outcome.BLOCKED, Reason.OCCUPIED, ())
        assert [len(run.parts) for run in (a, b, d)] == [1, 1, 1]


@pytest.mark.parametrize("options", [{"inputs": ("test", "test")}, {"source": "test"}])
async def test_two_ffmpegs_record_one_room_at_once(
    tmp_path: Path, tasks: Any, options: dict[str, Any]
) -> None:
    """Of two sources, and of a test picture as often as wanted, two whole files are made."""
    clock = SystemClock()
    hall = Hall(
        clock, lambda wake, stepped: SchedulerAlarm(clock, wake, stepped), recordings=tmp_path
    )
    context = DriverContext(ROOM.key, 2, clock, tasks.start_soon, tmp_path)
    driver = FfmpegRecorder(context, FfmpegRecorder.Options(**options, size="320x180"))
    assert driver.traits.inputs == 2
    begin = clock.now()
    with anyio.fail_after(30):
        async with hall.running(driver):
            booked = [await hall.book(name, begin, 1, 3) for name in ("A", "B", "C")]
            a, b, c = await hall.finished(*booked)
    assert [run.outcome for run in (a, b, c)] == [Outcome.RECORDED] * 2 + [Outcome.BLOCKED]
    assert {run.parts[0].input for run in (a, b)} == {0, 1}
    files = {file for run in (a, b) for file in run.parts[0].files}
    assert len(files) == 2
    for file in files:
        assert await Media().damage(file) == ""
        assert len(await Media().packet_times(file)) / 25 == pytest.approx(2, abs=0.5)
