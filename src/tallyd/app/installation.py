"""One installation as commands see it: its settings, its database, its daemon if one runs."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio import to_thread

from tallyd import logs, nudge, state_dir
from tallyd.app.as_run import AsRunLogs
from tallyd.app.readiness import backups_of
from tallyd.bookings import Bookings
from tallyd.catalogue import add_missing_targets, sync_targets
from tallyd.clock import SystemClock
from tallyd.config import Settings
from tallyd.domain.model import Target, TargetKind
from tallyd.domain.retention import Rules
from tallyd.drivers.recordings import MountRule, Recordings
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store, StoreError
from tallyd.reports import Reports
from tallyd.state_dir import StateDir
from tallyd.store import SqliteStore, appliance_id_of, initialise, open_store
from tallyd.testing.memory_store import MemoryStore

HAVE_PLAYOUTS = frozenset({"ffmpeg"})
"""The feeds that play what is found for them, by their playouts; others know what to show."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """What a command needs of an installation; `installed` once it has a database."""

    settings: Settings
    clock: Clock
    bookings: Bookings
    reports: Reports
    installed: bool
    nudge: Callable[[], None]
    nudges: Callable[[], Mapping[str, int]]

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
    async with open_with_store(settings) as (appliance, _):
        yield appliance


@asynccontextmanager
async def open_with_store(settings: Settings) -> AsyncGenerator[tuple[Appliance, SqliteStore]]:
    """Open an installation to change it, with its database itself.

    Raises:
        StateDirError, StoreError: as for `open_for_changes`.
    """
    state = StateDir(settings.appliance.state_dir)
    await to_thread.run_sync(install, state)
    async with open_store(state.database) as store:
        async with store.write() as tx:
            await add_missing_targets(tx, targets_of(settings))
        bell = _Bell(settings.appliance.run_dir)
        yield _appliance(settings, store, bell, installed=True), store
    if bell.unheard:
        await to_thread.run_sync(_save, state)


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
        bell = _Bell(settings.appliance.run_dir)
        yield _appliance(settings, store, bell, installed=installed)


class _Bell:
    """Tells the engine of changes, and remembers whether there was none to hear it."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self.unheard = False
        self.rung: Counter[str] = Counter()

    def ring(self) -> None:
        try:
            result = nudge.send(self._run_dir)
            self.rung[result.name.lower()] += 1
        except nudge.NudgeError as error:
            # The change is stored; the engine looks at the database every few seconds anyway.
            self.rung["failed"] += 1
            logs.get_logger().warning("nudge.failed", error=str(error))
        else:
            self.unheard |= result is nudge.NudgeResult.NOBODY


class _Drivers:
    """Knows of drivers what the daemon tells while it is ready."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    async def why_unusable(self, target: str) -> str | None:
        told = await to_thread.run_sync(state_dir.read_snapshot, self._run_dir)
        if told is None or not told.get("ready"):
            return None
        shown = told["targets"].get(target, {})
        if shown.get("usable", True):
            return None
        return str(shown.get("problem") or "its driver cannot be used")


def _save(state: StateDir) -> None:
    """Make the backup that a running daemon would make by itself."""
    try:
        backups_of(state).make(SystemClock().now())
    except StoreError as error:
        # What was asked for is stored; it must not look as if it were not.
        logs.get_logger().error("store.backup_failed", error=str(error))


def _appliance(settings: Settings, store: Store, bell: _Bell, *, installed: bool) -> Appliance:
    clock = SystemClock()
    drivers = _Drivers(settings.appliance.run_dir)
    return Appliance(
        settings=settings,
        clock=clock,
        bookings=Bookings(store, clock, bell.ring, drivers.why_unusable, _dark(settings)),
        reports=Reports(
            store,
            clock,
            settings.appliance.horizon,
            AsRunLogs(settings.appliance.state_dir, clock),
        ),
        installed=installed,
        nudge=bell.ring,
        nudges=lambda: bell.rung,
    )


def _dark(settings: Settings) -> frozenset[str]:
    """Give the channels whose feed shows their `live` input, and that have none."""
    return frozenset(
        f"{TargetKind.CHANNEL}.{name}"
        for name, channel in settings.channels.items()
        if channel.driver in HAVE_PLAYOUTS and channel.live is None
    )


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


def retention_of(settings: Settings) -> Rules:
    """Give which recordings the operator wants removed."""
    rooms = {f"{TargetKind.ROOM}.{name}": room.keep for name, room in settings.rooms.items()}
    return Rules(
        keep=settings.retention.keep,
        min_free=settings.retention.min_free,
        keep_of={key: keep for key, keep in rooms.items() if keep is not None},
    )


def recordings_of(settings: Settings) -> Recordings:
    """Give the place of the recordings, with what is known of its disk; blocks."""
    state = StateDir(settings.appliance.state_dir)
    return Recordings(
        settings.appliance.recordings_dir,
        MountRule(settings.appliance.recordings_mount),
        state.recordings_mount(),
        state.remember_recordings_mount,
    )


def install(state: StateDir) -> None:
    """Make the database of a new installation; leave any other alone."""
    state.prepare()
    if state.is_new():
        initialise(state.database)
    if state.appliance_id() is None:
        state.mark_installed(appliance_id_of(state.database))
