"""The composition root: joins settings, store, drivers and engine. Nothing else joins layers."""

import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from tallyd import __version__, logs, nudge, state_dir, systemd
from tallyd.bookings import Bookings
from tallyd.catalogue import add_missing_targets, sync_targets
from tallyd.clock import SystemClock
from tallyd.config import (
    CheckDriver,
    ConfigError,
    Settings,
    credentials_directory,
    with_credentials,
)
from tallyd.domain.errors import Problem
from tallyd.domain.model import Target, TargetKind
from tallyd.domain.naming import parse_template
from tallyd.drivers.registry import Registry, load_drivers
from tallyd.engine.alarm import SchedulerAlarm
from tallyd.engine.announcer import Announcer
from tallyd.engine.fence import run_in_background
from tallyd.engine.orders import Orders
from tallyd.engine.presence import Snapshot
from tallyd.engine.supervisor import Engine, Installed, World
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import BackgroundTask, DriverContext, DriverError
from tallyd.ports.service_manager import ServiceManager
from tallyd.ports.store import Store
from tallyd.reports import Reports
from tallyd.state_dir import StateDir
from tallyd.store import initialise, migrate, open_store
from tallyd.testing.memory_store import MemoryStore

SURROUNDINGS_END_WITHIN_S = 15.0
"""After the engine: the drivers' child processes, the database, what waits to be logged."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """What a command needs of an installation; `installed` once it has a database."""

    settings: Settings
    clock: Clock
    bookings: Bookings
    reports: Reports
    installed: bool

    def daemon_runs(self) -> bool:
        """Tell whether a daemon listens; it looks at the database once more for that."""
        return nudge.send(self.settings.appliance.run_dir) is not nudge.NudgeResult.NOBODY

    def snapshot(self) -> Mapping[str, Any] | None:
        """Give the engine's last picture, or None where there is none."""
        return state_dir.read_snapshot(self.settings.appliance.run_dir)


@asynccontextmanager
async def open_for_changes(settings: Settings) -> AsyncGenerator[Appliance]:
    """Open an installation to change its wishes; a new one gets its database.

    Raises:
        StateDirError: its directory cannot be used, or its database is gone.
        StoreError: its database cannot be used.
    """
    state = StateDir(settings.appliance.state_dir)
    await to_thread.run_sync(_install, state)
    async with open_store(state.database) as store:
        async with store.write() as tx:
            await add_missing_targets(tx, targets_of(settings))
        yield _appliance(settings, store, installed=True)


@asynccontextmanager
async def open_for_reports(settings: Settings) -> AsyncGenerator[Appliance]:
    """Open an installation to look at it; a new one is shown as it is: empty.

    Raises:
        StateDirError, StoreError: as for `open_for_changes`.
    """
    state = StateDir(settings.appliance.state_dir)
    async with AsyncExitStack() as stack:
        installed = not state.is_new()
        if not installed:
            store: Store = MemoryStore()
            async with store.write() as tx:
                await sync_targets(tx, targets_of(settings))
        else:
            store = await stack.enter_async_context(open_store(state.database))
        yield _appliance(settings, store, installed=installed)


def _appliance(settings: Settings, store: Store, *, installed: bool) -> Appliance:
    clock = SystemClock()

    def tell_engine() -> None:
        try:
            nudge.send(settings.appliance.run_dir)
        except nudge.NudgeError as error:
            # The change is stored; the engine looks at the database every few seconds anyway.
            logs.get_logger().warning("nudge.failed", error=str(error))

    return Appliance(
        settings=settings,
        clock=clock,
        bookings=Bookings(store, clock, tell_engine),
        reports=Reports(store, clock, settings.appliance.horizon),
        installed=installed,
    )


def registry() -> Registry:
    """Give the drivers that are installed."""
    return load_drivers()


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """Give the configured targets as the domain knows them; the database adds their uid."""
    return tuple(
        Target(
            key=target.key,
            name=target.name,
            public_id=target.public_id or 0,
            uid="",
            zone=target.zone,
            capacity=target.capacity,
            min_piece=target.min_piece,
        )
        for target in settings.targets()
    )


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


def _install(state: StateDir) -> None:
    """Make the database of a new installation; leave any other alone."""
    state.prepare()
    if state.is_new():
        initialise(state.database)
    state.mark_installed()


async def run_daemon(settings: Settings) -> None:
    """Run the engine in the foreground until SIGTERM or SIGINT.

    Raises:
        StateDirError: another daemon runs, or a directory cannot be used.
        StoreError: the database cannot be used.
    """
    clock = SystemClock()
    state = StateDir(settings.appliance.state_dir)
    with (
        systemd.notifier(os.environ, clock) as service,
        logs.to_stdout(settings.logs.format, settings.logs.level, clock.now),
    ):
        state.prepare()
        state_dir.make_directory(settings.appliance.recordings_dir)
        with state.locked():
            _install(state)
            applied = migrate(state.database)
            async with open_store(state.database) as store:
                announcer = Announcer()
                announcer.say("daemon.started", version=__version__, pid=os.getpid())
                announcer.say("store.opened", path=str(state.database), migrations=applied)
                await _run_engine(settings, clock, store, announcer, service)


async def _run_engine(
    settings: Settings, clock: Clock, store: Store, announcer: Announcer, service: ServiceManager
) -> None:
    async with store.write() as tx:
        gone = await sync_targets(tx, targets_of(settings))
    for target in gone:
        async with store.read() as reader:
            booked = [s for s in await reader.schedules(target.key) if s.ended is None]
        if booked:
            announcer.say("target.unknown", target=target.key, schedules=len(booked))
    async with (
        nudge.Listener(settings.appliance.run_dir) as nudges,
        anyio.create_task_group() as background,
    ):
        stop = anyio.Event()
        background.start_soon(_heed_signals, stop, announcer)

        def spawn_for(target: str) -> Callable[[BackgroundTask], None]:
            def spawn(task: BackgroundTask) -> None:
                background.start_soon(run_in_background, task, target, announcer)

            return spawn

        engine = Engine(
            World(
                store=store,
                clock=clock,
                make_alarm=lambda wake, stepped: SchedulerAlarm(clock, wake, stepped),
                drivers=_install_drivers(settings, clock, spawn_for, announcer),
                orders=Orders(
                    settings.appliance.recordings_dir,
                    parse_template(settings.appliance.file_name),
                ),
                nudged=nudges.wait,
                ledger_keep=settings.appliance.ledger_keep,
                publish=_publisher(settings.appliance.run_dir),
                service=service,
            ),
            announcer,
        )
        await engine.run(stop)
        service.stopping(SURROUNDINGS_END_WITHIN_S)
        background.cancel_scope.cancel()
    announcer.say("daemon.stopped")
    announcer.flush()


def _install_drivers(
    settings: Settings,
    clock: Clock,
    spawn_for: Callable[[str], Callable[[BackgroundTask], None]],
    announcer: Announcer,
) -> dict[str, Installed]:
    """Build the driver of every target; one that cannot be built costs its own target only."""
    drivers = load_drivers()
    installed: dict[str, Installed] = {}
    for target in settings.targets():
        kind = TargetKind(target.key.partition(".")[0])
        context = DriverContext(target.key, target.capacity, clock, spawn_for(target.key))
        try:
            options = with_credentials(target.options, credentials_directory())
            driver = drivers.build(kind, target.driver, context, options)
        except (DriverError, ConfigError) as error:
            installed[target.key] = Installed(target.driver, None, str(error))
            announcer.say(
                "driver.failed", target=target.key, driver=target.driver, error=str(error)
            )
        else:
            installed[target.key] = Installed(target.driver, driver)
            announcer.say("driver.loaded", target=target.key, driver=target.driver)
    return installed


def _publisher(run_dir: Path) -> Callable[[Snapshot], Any]:
    async def publish(snapshot: Snapshot) -> None:
        whole = {"pid": os.getpid(), "version": __version__, **snapshot}
        with contextlib.suppress(OSError):  # monitoring must not stop what it watches
            await to_thread.run_sync(state_dir.write_snapshot, run_dir, whole)

    return publish


async def _heed_signals(stop: anyio.Event, announcer: Announcer) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            if not stop.is_set():
                announcer.say("daemon.stopping", signal=signal.Signals(number).name)
            stop.set()
