"""The alarm as the daemon runs it: on the system's clock and a real timer of the kernel."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta

import anyio
import pytest

from tallyd.clock import SystemClock
from tallyd.engine.alarm import SchedulerAlarm


class Bell:
    """Remembers who was woken and when, and how often the clock was set."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.rung: list[str] = []
        self.times: list[datetime] = []
        self.steps = 0
        self._more = anyio.Event()

    def ring(self, owner: str) -> None:
        """Take a wake-up."""
        self.rung.append(owner)
        self.times.append(self.clock.now())
        self._more.set()

    def stepped(self) -> None:
        """Take the news that the clock was set."""
        self.steps += 1
        self._more.set()

    async def heard(self, count: int) -> list[str]:
        """Wait until so many wake-ups came; gives who was woken."""
        with anyio.fail_after(20):
            while len(self.rung) < count:
                await self._more.wait()
                self._more = anyio.Event()
        return self.rung

    async def heard_step(self) -> None:
        """Wait until the news of a clock set came."""
        with anyio.fail_after(20):
            while not self.steps:
                await self._more.wait()
                self._more = anyio.Event()

    def ahead(self, milliseconds: float) -> datetime:
        """Give the instant so far from now."""
        return self.clock.now() + timedelta(milliseconds=milliseconds)


@pytest.fixture
def bell() -> Bell:
    """Give somebody to be woken."""
    return Bell()


@pytest.fixture
def resting(bell: Bell) -> SchedulerAlarm:
    """Give an alarm that does not run yet."""
    return SchedulerAlarm(bell.clock, bell.ring, bell.stepped)


@pytest.fixture
async def alarm(resting: SchedulerAlarm) -> AsyncIterator[SchedulerAlarm]:
    """Give an alarm that runs."""
    async with anyio.create_task_group() as tasks:
        await tasks.start(resting.run)
        yield resting
        tasks.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def _no_error_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look where libraries put what a job or a callback raises: into their log, nowhere else."""
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.WARNING]
    assert errors == []


@pytest.fixture(autouse=True)
def _no_rehearsal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wake at the instants alone, but where rehearsals are what is looked at."""
    if request.cls is None or request.cls.__name__ != "TestRehearsal":
        monkeypatch.setattr(SchedulerAlarm, "_rehearse", lambda _alarm, _at: None)
