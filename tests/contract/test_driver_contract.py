"""Every driver that comes with the package keeps the contract, checked by the suite that ships."""

import os
import shutil
import signal
import sys
from pathlib import Path

import anyio
import imageio_ffmpeg
import pytest

from tallyd.clock import SystemClock
from tallyd.domain.window import Window
from tallyd.drivers.feeds.command import CommandFeed
from tallyd.drivers.feeds.simulated import SimulatedFeed
from tallyd.drivers.recorders.command import CommandRecorder
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.ports.drivers import (
    Driver,
    DriverContext,
    DriverError,
    GiveUpError,
    Observation,
    Salvaged,
    SessionState,
    StartOrder,
)
from tallyd.testing.conformance import CHECKS, Check, NonConformity, Subject, verify

SYSTEM = shutil.which("ffmpeg")
BUNDLED = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(binary: str):
    """Make a maker of an ffmpeg recorder with two test inputs."""
    options = FfmpegRecorder.Options(inputs=("test", "test"), binary=binary)
    return lambda context: FfmpegRecorder(context, options)


def simulated(driver_class, **options):
    """Make a maker of a simulated driver with two inputs."""
    checked = driver_class.Options(inputs=2, start_ms=30, **options)
    return lambda context: driver_class(context, checked)


WRITER = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    while True:
        file.write(b"data")
        time.sleep(0.005)
"""


def command(driver_class, **options):
    """Make a maker of a driver that keeps one command running for each session."""
    checked = driver_class.Options(inputs=2, **options)
    return lambda context: driver_class(context, checked)


class Switchboard:
    """A device of two inputs, each of which runs while a file is there."""

    def __init__(self, driver_class) -> None:
        self._driver_class = driver_class
        self._root = Path()

    def make(self, context: DriverContext) -> Driver:
        """Make a driver that starts, stops and asks by commands."""
        self._root = Path(str(context.root))
        switch = str(self._root / "input-{input}")
        options = self._driver_class.Options(
            start=["touch", switch],
            stop=["rm", switch],
            status=["test", "-e", switch],
            status_every_s=0.1,
        )
        return self._driver_class(context, options)

    async def switch_off(self, shown: Observation) -> None:
        """End a session at the device."""
        await anyio.Path(self._root / f"input-{shown.input}").unlink()


async def kill(shown: Observation) -> None:
    """Kill the process that a session refers to."""
    os.kill(int(str(shown.reference).partition("@")[0]), signal.SIGKILL)


async def nothing(_shown: Observation) -> None:
    """Leave a session to its own early end."""


ROOM, CHANNEL = Switchboard(CommandRecorder), Switchboard(CommandFeed)

DRIVERS = {
    "ffmpeg-system": (ffmpeg(SYSTEM or "/no/ffmpeg"), kill),
    "ffmpeg-bundled": (ffmpeg(BUNDLED), kill),
    "simulated-recorder": (simulated(SimulatedRecorder), None),
    "simulated-recorder-exclusive": (simulated(SimulatedRecorder, overlap=False), None),
    "simulated-recorder-dying": (simulated(SimulatedRecorder, die_after_s=0.3), nothing),
    "simulated-feed": (simulated(SimulatedFeed), None),
    "command-recorder-run": (
        command(CommandRecorder, run=[sys.executable, "-c", WRITER, "{file}"], file_ending=".data"),
        kill,
    ),
    "command-recorder-start-stop": (ROOM.make, ROOM.switch_off),
    "command-feed-run": (command(CommandFeed, run=["sleep", "60"], alive_after_s=0.05), kill),
    "command-feed-start-stop": (CHANNEL.make, CHANNEL.switch_off),
}
DYING_CHECKS = {"ended_session_is_shown_until_stopped"}


def cases():
    """Pair every driver with the checks that make sense for it."""
    for name in DRIVERS:
        for check in CHECKS:
            dying = name == "simulated-recorder-dying"
            if dying == (check.__name__ in DYING_CHECKS) or name.startswith(("ffmpeg", "command")):
                yield pytest.param(name, check, id=f"{name}-{check.__name__}")


@pytest.mark.parametrize(("name", "check"), list(cases()))
async def test_driver_keeps_the_contract(name: str, check: Check, tmp_path: Path):
    """What the engine relies on holds for this driver."""
    if name == "ffmpeg-system" and SYSTEM is None:
        pytest.skip("install ffmpeg: this test uses the system's too")
    make, break_session = DRIVERS[name]
    subject = Subject(
        make=make,
        clock=SystemClock(),
        directory=tmp_path,
        capacity=2,
        run_s=0.1,
        break_session=break_session,
    )
    await verify(check, subject)


class Liar(SimulatedRecorder):
    """Breaks every promise of the contract that it can."""

    def __init__(self, context: DriverContext) -> None:
        super().__init__(context, self.Options(overlap=False))
        self._overwritten = context.root / "same.ts"
        self._runs: list[StartOrder] = []

    @property
    def traits(self):
        """Claim another lead each time."""
        self._starts += 100_000
        return super().traits.__class__(lead_ms=self._starts, overlap=False, survives=True)

    async def probe(self) -> str:
        """Say nothing."""
        return ""

    async def warm_up(self) -> None:
        """Start right away instead."""
        now = self._clock.now()
        self._runs.append(StartOrder("rooms.x", 0, "w", "W", Window(now, now), self._overwritten))

    async def start(self, order: StartOrder) -> Observation:
        """Take every order, and a while over it, without any data."""
        self._runs.append(order)
        await anyio.Path(self._overwritten).write_text(order.token)
        await anyio.Path(self._overwritten.with_name(order.token)).touch()
        await self._clock.sleep(0.03)
        return self._say(order)

    async def observe(self) -> tuple[Observation, ...]:
        """Show all there ever was, silent."""
        return tuple(map(self._say, self._runs))

    async def stop(self, token: str) -> Observation:
        """Answer at random, with a file that it overwrites."""
        shown = self._say(self._runs[0]) if self._runs else None
        if shown is None or not token.startswith("t"):
            raise GiveUpError(None, "")
        return shown

    async def recover(self) -> tuple[Observation, ...]:
        """Find nothing, whatever there is."""
        return ()

    async def salvage(self, _files: tuple[Path, ...]) -> Salvaged:
        """Lose everything."""
        return Salvaged(())

    def _say(self, order: StartOrder) -> Observation:
        return Observation(
            token=order.token,
            input=0,
            state=SessionState.SILENT,
            first_data_at=None,
            last_data_at=None,
            files=(self._overwritten,),
            bytes=len(self._runs),
        )


@pytest.mark.parametrize(
    "check",
    [c for c in CHECKS if c.__name__ not in DYING_CHECKS],
    ids=lambda check: check.__name__,
)
async def test_the_suite_catches_a_driver_that_lies(check: Check, tmp_path: Path):
    """No check passes a driver that breaks the promise it is about."""

    def make(context: DriverContext) -> Driver:
        return Liar(context)

    subject = Subject(make, SystemClock(), tmp_path, 2, run_s=0.01, break_session=nothing)
    with pytest.raises((NonConformity, DriverError)):
        await verify(check, subject)
