"""Drivers from settings: what is wrong with them, and the built ones; devices are not touched."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from tallyd.app.as_run import directory_of
from tallyd.app.installation import HAVE_PLAYOUTS
from tallyd.config import (
    CheckDriver,
    ConfigError,
    TargetSettings,
    credentials_directory,
    secrets_among,
    with_credentials,
)
from tallyd.domain.errors import Problem
from tallyd.domain.model import TargetKind
from tallyd.domain.secrecy import hide
from tallyd.drivers.playout.strangers import end_strangers
from tallyd.drivers.recordings import Recordings
from tallyd.drivers.registry import Registry, load_drivers
from tallyd.engine.announcer import Announcer
from tallyd.engine.fence import Clean
from tallyd.engine.programmes import NO_INPUTS, LiveInputs
from tallyd.engine.staff import Installed
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import BackgroundTask, DriverContext, DriverError

Spawn = Callable[[str, BackgroundTask], None]
"""Runs a task beside the driver of a target until it ends."""


def registry() -> Registry:
    """Give the drivers that are installed."""
    return load_drivers()


def driver_checker() -> CheckDriver:
    """Give what `config.load` asks about drivers and their options; it touches no device."""
    drivers = load_drivers()

    def problems(kind: TargetKind, driver: str, options: Mapping[str, object]) -> Iterator[Problem]:
        filled = options
        try:
            filled = with_credentials(options, credentials_directory())
        except ConfigError as error:
            yield from (replace(p, field=f"options.{p.field}") for p in error.problems)
            return
        for problem in drivers.validate(kind, driver, filled):
            own = problem.field in {"driver", "options"}
            yield problem if own else replace(problem, field=f"options.{problem.field}")

    return problems


class Workshop:
    """Builds the drivers of targets; one that cannot be built costs its own target only."""

    def __init__(
        self,
        clock: Clock,
        recordings: Recordings,
        state_dir: Path,
        spawn: Spawn,
        announcer: Announcer,
    ) -> None:
        self._clock = clock
        self._recordings = recordings
        self._locks_dir = state_dir / "inputs"
        self._state_dir = state_dir
        self._spawn = spawn
        self._announcer = announcer
        self._drivers = load_drivers()

    def install(self, target: TargetSettings, inputs: LiveInputs) -> Installed:
        """Build the driver of a target, which may show any of the inputs, or say why not."""
        kind = TargetKind(target.key.partition(".")[0])

        def spawn(task: BackgroundTask) -> None:
            self._spawn(target.key, task)

        context = DriverContext(
            target=target.key,
            capacity=target.capacity,
            clock=self._clock,
            spawn=spawn,
            root=self._recordings.directory,
            locks=self._locks_dir / target.key,
            state=directory_of(self._state_dir, target.key),
            live=inputs.live.get(target.key),
            ad_slate=target.ad_slate,
            check_disk=self._recordings.require,
            say=self._announcer.say,
        )
        shown = inputs if kind is TargetKind.CHANNEL else NO_INPUTS
        clean = _hiding(target.options, shown)
        try:
            options = with_credentials(target.options, credentials_directory())
            clean = _hiding(options, shown)
            driver = self._drivers.build(kind, target.driver, context, options)
        except (DriverError, ConfigError) as error:
            why = clean(str(error))
            self._announcer.say("driver.failed", target=target.key, driver=target.driver, error=why)
            return Installed(target.driver, None, why)
        self._announcer.say("driver.loaded", target=target.key, driver=target.driver)
        return Installed(target.driver, driver, clean=clean)

    def end_strangers(self, targets: Iterable[TargetSettings]) -> None:
        """Have channels taken off the air that an earlier daemon left, and that have gone since."""
        own = {each.key for each in targets if each.driver in HAVE_PLAYOUTS}
        task = partial(end_strangers, self._locks_dir, own, self._announcer.say)
        self._spawn("channels", task)


def _hiding(options: Mapping[str, object], inputs: LiveInputs) -> Clean:
    """Give what takes the secrets of a driver's options, and of what it may show, out of a text."""
    among = {"options": options, "inputs": list(inputs.slicers.values())}
    return partial(hide, secrets=secrets_among(among))
