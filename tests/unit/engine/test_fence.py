"""Drivers are other people's code: whatever they raise is an answer, and costs themselves only."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import hide
from tallyd.domain.window import Window
from tallyd.engine.fence import FencedDriver, run_in_background
from tallyd.ports.drivers import (
    DriverError,
    GiveUpError,
    Observation,
    Salvaged,
    SessionState,
    StartOrder,
    Traits,
    TryAgainError,
)
from tallyd.testing.virtual_time import START

ORDER = StartOrder(
    target="rooms.a",
    input=0,
    token="1-1-x",  # noqa: S106 - the part's name, no secret
    name="lecture",
    piece=Window(START, START + timedelta(hours=1)),
    output=Path("/recordings/lecture"),
)

CALLS = [
    pytest.param(lambda driver: driver.probe(), id="probe"),
    pytest.param(lambda driver: driver.start(ORDER), id="start"),
    pytest.param(lambda driver: driver.observe(), id="observe"),
    pytest.param(lambda driver: driver.stop("1-1-x"), id="stop"),
]


class Broken:
    """A driver that raises the same from every call."""

    traits = Traits(lead_ms=7)

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def probe(self):
        """Raise."""
        raise self._error

    async def start(self, _order):
        """Raise."""
        raise self._error

    async def observe(self):
        """Raise."""
        raise self._error

    async def stop(self, _token):
        """Raise."""
        raise self._error


@pytest.mark.parametrize("call", CALLS)
async def test_what_nobody_foresaw_means_try_again(call):
    """A bug in a driver becomes a refusal with the bug's own words, whatever was asked."""
    with pytest.raises(TryAgainError) as raised:
        await call(FencedDriver(Broken(ZeroDivisionError("by nought"))))
    assert raised.value.reason is Reason.DEVICE_REFUSED
    assert raised.value.sentence == "the driver failed: ZeroDivisionError: by nought"


@pytest.mark.parametrize("call", CALLS)
async def test_what_a_driver_says_on_purpose_passes(call):
    """A driver that gives up is believed."""
    said = GiveUpError(Reason.DRIVER_UNAVAILABLE, "no such camera")
    with pytest.raises(GiveUpError) as raised:
        await call(FencedDriver(Broken(said)))
    assert raised.value is said


class Talkative:
    """A driver that repeats what it knows in every answer."""

    traits = Traits()
    said = "rtmp://h/live/k3y is k3y"

    async def probe(self):
        """Say it."""
        return self.said

    async def start(self, order):
        """Say it."""
        return Observation(order.token, 0, SessionState.FLOWING, None, None, detail=self.said)

    async def observe(self):
        """Say it."""
        return (await self.start(ORDER),)

    async def stop(self, _token):
        """Say it."""
        return await self.start(ORDER)

    async def recover(self):
        """Say it."""
        return await self.observe()

    async def salvage(self, files):
        """Say it."""
        return Salvaged(files, detail=self.said)


@pytest.mark.parametrize(
    "call",
    [
        *CALLS,
        pytest.param(lambda driver: driver.recover(), id="recover"),
        pytest.param(lambda driver: driver.salvage(()), id="salvage"),
    ],
)
async def test_no_driver_repeats_its_secrets(call):
    """What it answers, refuses and breaks with is cleaned before the engine hears of it."""
    clean = partial(hide, secrets=("k3y",))
    answer = repr(await call(FencedDriver(Talkative(), clean)))
    assert "k3y" not in answer
    assert "rtmp://h/*** is ***" in answer
    assert "k3y" in repr(await call(FencedDriver(Talkative()))), "without secrets: only URLs"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error", [GiveUpError(Reason.DEVICE_REFUSED, "bad k3y"), RuntimeError("bad k3y")]
)
async def test_no_error_of_a_driver_repeats_its_secrets(call, error):
    """Neither the sentence of a refusal nor what nobody foresaw shows one."""
    with pytest.raises(DriverError) as raised:
        await call(FencedDriver(Broken(error), partial(hide, secrets=("k3y",))))
    assert "bad ***" in raised.value.sentence
    assert "k3y" not in f"{raised.value} {raised.value.sentence}"


async def test_traits_pass_as_they_are():
    """The fence adds no lead and no timeout of its own."""
    assert FencedDriver(Broken(OSError())).traits == Traits(lead_ms=7)


async def test_a_task_of_a_driver_that_fails_is_reported(rig):
    """What a driver left running and what breaks there ends no other room."""

    async def breaks() -> None:
        raise OSError("the cable is out")

    async def ends() -> None:
        return

    await run_in_background(ends, "rooms.a", rig.log)
    assert rig.log.of("task.failed") == []
    await run_in_background(breaks, "rooms.a", rig.log)
    (line,) = rig.log.of("task.failed")
    assert (line["task"], line["error"]) == ("driver of rooms.a", "OSError('the cable is out')")
