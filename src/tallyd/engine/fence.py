"""The fence around drivers: whatever one raises becomes a `DriverError` and costs itself only."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from tallyd.domain.model import Reason
from tallyd.engine.announcer import Announcer
from tallyd.ports.drivers import (
    BackgroundTask,
    Driver,
    DriverError,
    Observation,
    Recovers,
    Salvaged,
    StartOrder,
    Traits,
    TryAgainError,
    WarmsUp,
)


class FencedDriver:
    """A driver whose unforeseen errors are answers like any other: it may work in a moment."""

    Options: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def traits(self) -> Traits:
        """Give what the options make of this device."""
        return self._driver.traits

    async def probe(self) -> str:
        """Ask the device whether it could start now."""
        return await _fenced(self._driver.probe)

    async def warm_up(self) -> None:
        """Have the driver get ready for a start, if it can."""
        if isinstance(self._driver, WarmsUp):
            await _fenced(self._driver.warm_up)

    async def recover(self) -> tuple[Observation, ...]:
        """Find again what an earlier process left running, if the driver can."""
        if isinstance(self._driver, Recovers):
            return await _fenced(self._driver.recover)
        return ()

    @property
    def salvages(self) -> bool:
        """Whether the driver knows what to do with files that were left unfinished."""
        return isinstance(self._driver, Recovers)

    async def salvage(self, files: tuple[Path, ...]) -> Salvaged:
        """Finish files that were left unfinished, if the driver can."""
        if isinstance(self._driver, Recovers):
            driver = self._driver
            return await _fenced(lambda: driver.salvage(files))
        return Salvaged(files)

    async def start(self, order: StartOrder) -> Observation:
        """Start a session and return once its data flows."""
        return await _fenced(lambda: self._driver.start(order))

    async def observe(self) -> tuple[Observation, ...]:
        """Give what the device is doing."""
        return await _fenced(self._driver.observe)

    async def stop(self, token: str) -> Observation:
        """End a session for sure."""
        return await _fenced(lambda: self._driver.stop(token))


T = TypeVar("T")


async def _fenced(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except DriverError:
        raise
    except Exception as error:
        sentence = f"the driver failed: {type(error).__name__}: {error}"
        raise TryAgainError(Reason.DEVICE_REFUSED, sentence) from error


async def run_in_background(task: BackgroundTask, target: str, announcer: Announcer) -> None:
    """Run a driver's own task; what it raises is reported and goes no further."""
    try:
        await task()
    except Exception as error:  # noqa: BLE001 - the fence: drivers are other people's code
        announcer.say("task.failed", task=f"driver of {target}", error=repr(error), exception=None)
