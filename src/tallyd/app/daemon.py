"""The daemon as a whole: lock, database, nudges, signals, drivers and engine, joined and ended."""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import anyio.abc
from anyio import to_thread

from tallyd import __version__, logs, nudge, state_dir, systemd
from tallyd.app.inputs import inputs_of
from tallyd.app.installation import recordings_of, retention_of, targets_of
from tallyd.app.last_resort import LastResort
from tallyd.app.readiness import Readiness, backups_of, make_ready
from tallyd.app.reloading import Reloader
from tallyd.app.server_child import ServerChild
from tallyd.app.upkeep import Upkeep
from tallyd.app.workshop import Workshop
from tallyd.catalogue import sync_targets
from tallyd.clock import SystemClock
from tallyd.config import Settings
from tallyd.domain.absence import Absence
from tallyd.domain.health import ClockTrust
from tallyd.domain.naming import parse_template
from tallyd.drivers.disk import DirectoryDisk
from tallyd.drivers.recordings import Recordings
from tallyd.drivers.shelf import DirectoryShelf
from tallyd.engine.alarm import SchedulerAlarm
from tallyd.engine.announcer import Announcer
from tallyd.engine.fence import run_in_background
from tallyd.engine.orders import Orders
from tallyd.engine.presence import Publish, Snapshot
from tallyd.engine.programmes import LiveInputs
from tallyd.engine.staff import keep_running
from tallyd.engine.supervisor import (
    LEDGER_WRITTEN_WITHIN_S,
    SESSIONS_END_WITHIN_S,
    Engine,
    World,
)
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk, DiskError
from tallyd.ports.drivers import BackgroundTask
from tallyd.ports.service_manager import ServiceManager
from tallyd.ports.store import Store
from tallyd.state_dir import StateDir
from tallyd.store import open_store, settle_ledger

GARBAGE_WAITS_FOR = 200_000
"""So many objects, less those gone, may be made until garbage is looked for, whatever is due: a
herd of two thousand starts makes fewer."""

THREADS_TAKE_TURNS_S = 0.0005
"""So long the thread of the database may keep a due start waiting; Python's own 5 ms show."""

TIDIED_EVERY_S = 20.0
TIDIED_WHERE_FREE = timedelta(seconds=2)
TIDIED_WHOLLY_EVERY = 15
"""Each five minutes what has become old is looked through, too: tasks that ended leave cycles."""

SURROUNDINGS_END_WITHIN_S = 15.0

DIFFERENCES_SAID = 100


@dataclass(frozen=True, slots=True)
class _Base:
    """What the daemon stands on once it has the lock and the database."""

    settings: Settings
    load_again: Callable[[], Settings]
    clock: SystemClock
    store: Store
    announcer: Announcer
    service: ServiceManager
    state: StateDir
    ready: Readiness
    recordings: Recordings
    last_resort: LastResort
    server: Sequence[str]


async def run_daemon(
    settings: Settings, load_again: Callable[[], Settings], server: Sequence[str] = ()
) -> None:
    """Run the engine in the foreground until SIGTERM or SIGINT; SIGHUP reads the settings anew.

    `server` is the command of the HTTP server that is to run beside it, if one is.

    Raises:
        ConfigError: the `id` of a target belongs to another one.
        StateDirError: another daemon runs, or a directory cannot be used.
        StoreError: the database cannot be used.
    """
    clock = SystemClock()
    state = StateDir(settings.appliance.state_dir)
    with (
        systemd.notifier(os.environ, clock) as service,
        logs.to_stdout(settings.logs.format, settings.logs.level, clock.now) as lines,
    ):
        state.prepare()
        with state.locked():
            ready = await to_thread.run_sync(make_ready, state, clock.now)
            async with open_store(state.database) as store:
                announcer = Announcer()
                announcer.say("daemon.started", version=__version__, pid=os.getpid())
                _say_ready(announcer, state, ready, clock)
                recordings = await to_thread.run_sync(recordings_of, settings)
                base = _Base(
                    settings,
                    load_again,
                    clock,
                    store,
                    announcer,
                    service,
                    state,
                    ready,
                    recordings,
                    LastResort(lines),
                    server,
                )
                upkeep = Upkeep(
                    state=state,
                    backups=backups_of(state),
                    store=store,
                    clock=clock,
                    announcer=announcer,
                )
                try:
                    await _run_engine(base, upkeep)
                    announcer.flush()
                    await upkeep.finish()
                except BaseException:
                    base.last_resort.end_within(SURROUNDINGS_END_WITHIN_S)
                    raise
                announcer.say("daemon.stopped")
                announcer.flush()


def _say_ready(announcer: Announcer, state: StateDir, ready: Readiness, clock: Clock) -> None:
    database = str(state.database)
    if (restoration := ready.restoration) is not None:
        announcer.say(
            "store.restored",
            path=database,
            damage=ready.damage,
            generation=restoration.generation.serial,
            made_at=restoration.ledger_ends,
            age_s=round(restoration.age(clock.now()).total_seconds(), 3),
            aside=restoration.aside and str(restoration.aside),
            differences=len(restoration.divergences),
        )
        for each in restoration.divergences[:DIFFERENCES_SAID]:
            announcer.say(
                "store.difference_found", table=each.table, row_id=each.id, sentence=str(each)
            )
    announcer.say("store.opened", path=database, migrations=ready.migrations)


async def _run_engine(base: _Base, upkeep: Upkeep) -> None:
    appliance = base.settings.appliance
    await _sync_targets(base)
    async with (
        nudge.Listener(appliance.run_dir) as nudges,
        anyio.create_task_group() as background,
    ):

        def spawn(target: str, task: BackgroundTask) -> None:
            background.start_soon(run_in_background, task, target, base.announcer)

        workshop = Workshop(base.clock, base.recordings, appliance.state_dir, spawn, base.announcer)
        workshop.end_strangers(base.settings.targets())
        inputs = _inputs(base)
        disk = DirectoryDisk(base.recordings, partial(spawn, "the recordings"))
        background.start_soon(_see, disk)
        engine = Engine(_world(base, workshop, inputs, disk, nudges.wait), base.announcer)
        reloader = Reloader(
            settings=base.settings,
            load_again=base.load_again,
            workshop=workshop,
            inputs=inputs,
            store=base.store,
            engine=engine,
            announcer=base.announcer,
        )
        stop = anyio.Event()
        if appliance.on_stop == "leave":
            engine.leave_recordings()
        await background.start(_heed_signals, stop, reloader, base, engine)
        background.start_soon(_tidy, engine, base.clock)
        if base.server:
            child = ServerChild(base.server, base.announcer, base.clock)
            background.start_soon(_serve, child, engine, base)
        for task in (
            partial(upkeep.save, partial(engine.is_free_for, TIDIED_WHERE_FREE)),
            partial(upkeep.look_over, engine.next_edge),
            upkeep.keep_room,
        ):
            background.start_soon(keep_running, "upkeep", task, base.announcer, base.clock)
        await engine.run(stop)
        base.service.stopping(SURROUNDINGS_END_WITHIN_S)
        background.cancel_scope.cancel()


async def _serve(child: ServerChild, engine: Engine, base: _Base) -> None:
    """Keep the HTTP server running, once everything that is due has been seen to."""
    await engine.booted.wait()
    await keep_running("server", child.run, base.announcer, base.clock)


async def _see(disk: Disk) -> None:
    """Look at the disk of the recordings, to know it again; what ails it is told by the engine."""
    with contextlib.suppress(DiskError):
        await disk.room()


async def _tidy(engine: Engine, clock: SystemClock) -> None:
    """Look for garbage while nothing is due: that stalls everything for as long as it takes.

    What the boot has made is never looked through.
    """
    await engine.booted.wait()
    gc.freeze()
    gc.set_threshold(GARBAGE_WAITS_FOR)
    sys.setswitchinterval(THREADS_TAKE_TURNS_S)
    gc.enable()
    for turn in count(1):
        await clock.sleep(TIDIED_EVERY_S)
        if engine.is_free_for(TIDIED_WHERE_FREE):
            gc.collect(1 if turn % TIDIED_WHOLLY_EVERY else 2)


def _inputs(base: _Base) -> LiveInputs:
    """Give the live inputs; one whose credential cannot be read costs what would show it only."""
    inputs, problems = inputs_of(base.settings)
    for name, problem in problems.items():
        base.announcer.say("slicer.failed", slicer=name, error=problem.fix)
    return inputs


def _world(
    base: _Base,
    workshop: Workshop,
    inputs: LiveInputs,
    disk: Disk,
    nudged: Callable[[], Awaitable[None]],
) -> World:
    appliance = base.settings.appliance

    async def ledger_settled() -> None:
        await to_thread.run_sync(settle_ledger, base.state.database)

    return World(
        store=base.store,
        clock=base.clock,
        disk=disk,
        make_alarm=partial(SchedulerAlarm, base.clock),
        drivers={each.key: workshop.install(each, inputs) for each in base.settings.targets()},
        orders=Orders(appliance.recordings_dir, parse_template(appliance.file_name), inputs),
        nudged=nudged,
        ledger_keep=appliance.ledger_keep,
        retention=retention_of(base.settings),
        publish=_publisher(appliance.run_dir),
        service=base.service,
        absence=_absence(base),
        shelf=DirectoryShelf(appliance.recordings_dir),
        ledger_settled=ledger_settled,
        clock_trust=ClockTrust(base.settings.clock.trust),
    )


def _absence(base: _Base) -> Absence:
    """Give what is known of the time before this daemon: the last picture of the one before it."""
    last = state_dir.read_snapshot(base.settings.appliance.run_dir) or {}
    clock: dict[str, object] = last.get("clock") or {}
    heartbeat = last.get("heartbeat_at") if clock.get("trusted", True) else None
    heard_at = datetime.fromisoformat(heartbeat) if isinstance(heartbeat, str) else None
    return Absence(
        machine_up_at=base.clock.machine_up_at(),
        daemon_up_at=base.clock.now(),
        stopped_at=None if last.get("ready", True) else heard_at,
        heard_at=heard_at,
        ledger_ends=base.ready.ledger_ends,
    )


async def _sync_targets(base: _Base) -> None:
    """Bring the targets to what the settings say; warn of those that are gone and still booked."""
    async with base.store.write() as tx:
        gone = await sync_targets(tx, targets_of(base.settings))
    for target in gone:
        async with base.store.read() as reader:
            booked = [s for s in await reader.schedules(target.key) if s.ended is None]
        if booked:
            base.announcer.say("target.unknown", target=target.key, schedules=len(booked))


def _publisher(run_dir: Path) -> Publish:
    async def publish(snapshot: Snapshot) -> None:
        whole = {"pid": os.getpid(), "version": __version__, **snapshot}
        with contextlib.suppress(OSError):  # monitoring must not stop what it watches
            await to_thread.run_sync(state_dir.write_snapshot, run_dir, whole)

    return publish


async def _heed_signals(
    stop: anyio.Event,
    reloader: Reloader,
    base: _Base,
    engine: Engine,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Heed signals; a reload runs beside, so that a stop never waits for one."""
    async with anyio.create_task_group() as reloads:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP:
                    reloads.start_soon(_reload, reloader, base)
                    continue
                if not stop.is_set():
                    base.announcer.say("daemon.stopping", signal=signal.Signals(number).name)
                    base.last_resort.end_within(
                        SESSIONS_END_WITHIN_S + LEDGER_WRITTEN_WITHIN_S + SURROUNDINGS_END_WITHIN_S
                    )
                if number == signal.SIGINT:
                    engine.finish_recordings()
                stop.set()


async def _reload(reloader: Reloader, base: _Base) -> None:
    base.service.reloading()
    try:
        await reloader.reload()
    except Exception as error:  # noqa: BLE001 - the fence: no reload may end a recording
        base.announcer.say("task.failed", task="reload", error=repr(error), exception=None)
    base.service.ready()
