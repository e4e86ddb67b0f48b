"""What is on also when nothing is ordered: switched on at once, and off in the end."""

from dataclasses import replace

import pytest

from tallyd.domain.model import Reason
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.engine.supervisor import Installed
from tallyd.ports.drivers import TryAgainError


class Channel:
    """A device that stays on; it notes what it is told."""

    Options = None

    def __init__(self, device, told: list[str], name: str = "it", *, survives: bool = True) -> None:
        self._device = device
        self._told = told
        self._name = name
        self.traits = replace(device.traits, survives=survives)
        self.probe, self.start = device.probe, device.start
        self.observe, self.stop = device.observe, device.stop

    async def switch_on(self) -> None:
        """Note it; a device may refuse."""
        self._told.append(f"{self._name} on")
        raise TryAgainError(Reason.DEVICE_REFUSED, "not yet")

    async def switch_off(self) -> None:
        """Note it."""
        self._told.append(f"{self._name} off")

    async def recover(self):
        """Find nothing."""
        return ()

    async def salvage(self, files):
        """Have no files."""
        raise AssertionError(files)


@pytest.fixture
def told() -> list[str]:
    """Give what devices are told."""
    return []


async def test_it_is_on_as_soon_as_the_daemon_is_and_off_with_it(rig, told):
    """A channel waits for no booking, and does not stay on after what is to be finished."""
    rig.drivers["rooms.a"] = Channel(rig.device("rooms.a"), told)
    async with rig.running():
        await rig.until(5)
        assert told == ["it on"]
        run = await rig.book("talk", 10, 60)
        await rig.until(200)
        assert told == ["it on"]
    assert told == ["it on", "it off"]
    assert (await rig.run_of(run)).outcome is not None


async def test_it_is_left_on_where_recordings_are_left(rig, told):
    """A daemon that is exchanged takes no channel off the air."""
    rig.drivers["rooms.a"] = Channel(rig.device("rooms.a"), told)
    async with rig.leaving():
        await rig.until(5)
    assert told == ["it on"]


async def test_another_driver_comes_on_when_the_old_one_is_off(rig, told):
    """A change of a channel's options is in force at once, and never are two of it on."""
    device = rig.device("rooms.a")
    rig.drivers["rooms.a"] = Channel(device, told, "old")
    async with rig.running() as engine:
        await rig.until(5)
        installed = Installed("channel", Channel(device, told, "new"))
        await engine.refit({"rooms.a": installed}, parse_template(DEFAULT_TEMPLATE), Rules())
        await rig.until(10)
        assert told == ["old on", "old off", "new on"]
