"""The fence around drivers: whatever one raises becomes a `DriverError` and costs itself only."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import mask_urls
from tallyd.engine.announcer import Announcer
from tallyd.engine.stuck import Watch
from tallyd.ports.drivers import (
    BackgroundTask,
    Driver,
    DriverError,
    Observation,
    Recovers,
    Salvaged,
    StartOrder,
    StaysOn,
    Traits,
    TryAgainError,
    WarmsUp,
)

T = TypeVar("T")

Clean = Callable[[str], str]
"""Takes out of a driver's words what nobody may read."""


def _unwatched(_name: str, _timeout_ms: int) -> AbstractContextManager[None]:
    return nullcontext()


class FencedDriver:
    """A driver whose unforeseen errors are answers like any other: it may work in a moment.

    Whatever it says passes through `clean` before anybody else hears of it; `watch` looks after
    each call.
    """

    Options: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, driver: Driver, clean: Clean = mask_urls, watch: Watch = _unwatched) -> None:
        self._driver = driver
        self._clean = clean
        self._watch = watch

    @property
    def traits(self) -> Traits:
        """Give what the options make of this device."""
        return self._driver.traits

    async def probe(self) -> str:
        """Ask the device whether it could start now."""
        said = await self._call("probe", self.traits.call_timeout_ms, self._driver.probe)
        return self._clean(said)

    async def warm_up(self) -> None:
        """Have the driver get ready for a start, if it can."""
        if isinstance(self._driver, WarmsUp):
            timeout_ms = self.traits.call_timeout_ms
            await self._call("warm_up", timeout_ms, self._driver.warm_up)

    async def recover(self) -> tuple[Observation, ...]:
        """Find again what an earlier process left running, if the driver can."""
        if isinstance(self._driver, Recovers):
            timeout_ms = self.traits.call_timeout_ms
            seen = await self._call("recover", timeout_ms, self._driver.recover)
            return tuple(map(self._cleaned, seen))
        return ()

    async def switch_on(self) -> None:
        """Have the device on from now on, if it is one that stays on."""
        if isinstance(self._driver, StaysOn):
            await self._call("switch_on", self.traits.call_timeout_ms, self._driver.switch_on)

    async def switch_off(self) -> None:
        """Have the device off, if it is one that stays on."""
        if isinstance(self._driver, StaysOn):
            await self._call("switch_off", self.traits.stop_timeout_ms, self._driver.switch_off)

    @property
    def salvages(self) -> bool:
        """Whether the driver knows what to do with files that were left unfinished."""
        return isinstance(self._driver, Recovers)

    async def salvage(self, files: tuple[Path, ...]) -> Salvaged:
        """Finish files that were left unfinished, if the driver can."""
        if isinstance(self._driver, Recovers):
            driver = self._driver
            done = await self._call(
                "salvage", self.traits.stop_timeout_ms, lambda: driver.salvage(files)
            )
            return replace(done, detail=self._clean(done.detail)) if done.detail else done
        return Salvaged(files)

    async def start(self, order: StartOrder) -> Observation:
        """Start a session and return once its data flows."""
        timeout_ms = self.traits.first_data_timeout_ms
        return self._cleaned(
            await self._call("start", timeout_ms, lambda: self._driver.start(order))
        )

    async def observe(self) -> tuple[Observation, ...]:
        """Give what the device is doing."""
        seen = await self._call("observe", self.traits.call_timeout_ms, self._driver.observe)
        return tuple(map(self._cleaned, seen))

    async def stop(self, token: str) -> Observation:
        """End a session for sure."""
        timeout_ms = self.traits.stop_timeout_ms
        return self._cleaned(await self._call("stop", timeout_ms, lambda: self._driver.stop(token)))

    def _cleaned(self, seen: Observation) -> Observation:
        return replace(seen, detail=self._clean(seen.detail)) if seen.detail else seen

    async def _call(self, name: str, timeout_ms: int, made: Callable[[], Awaitable[T]]) -> T:
        try:
            with self._watch(name, timeout_ms):
                return await made()
        except DriverError as error:
            error.sentence = self._clean(error.sentence)
            error.args = (error.sentence,)
            raise
        except Exception as error:
            sentence = self._clean(f"the driver failed: {type(error).__name__}: {error}")
            raise TryAgainError(Reason.DEVICE_REFUSED, sentence) from error


async def run_in_background(task: BackgroundTask, target: str, announcer: Announcer) -> None:
    """Run a driver's own task; what it raises is reported and goes no further."""
    try:
        await task()
    except Exception as error:  # noqa: BLE001 - the fence: drivers are other people's code
        announcer.say("task.failed", task=f"driver of {target}", error=repr(error), exception=None)
