"""Keeps the database safe while the daemon runs: saves it, looks it over, keeps room for its log.

Nothing due ever waits for any of this: it has a thread and connections of its own.
"""

import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from tallyd.domain.window import floor_ms
from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock
from tallyd.ports.store import StoreError
from tallyd.state_dir import StateDir, StateDirError
from tallyd.store import (
    Backups,
    DatabaseDamagedError,
    Generation,
    SqliteStore,
    ledger_end_of,
    require_descent,
    require_sound_throughout,
    reserve_log,
    restore,
    settle_ledger,
)
from tallyd.store.rhythm import Rhythm, is_look_due

T = TypeVar("T")
NextEdge = Callable[[], datetime | None]

LOOK_S = 0.5
LOOK_WHERE_IDLE_S = 5.0
"""So long a change may go unnoticed; looking more often would keep an idle machine awake."""

RESERVE_EVERY_S = 60.0
LOOK_OVER_EVERY_S = 60.0
LAST_BACKUP_WITHIN_S = 10.0
PAUSE_S = 0.005


class Upkeep:
    """Three tasks for one database, and what is to be done at the end."""

    def __init__(
        self,
        *,
        state: StateDir,
        backups: Backups,
        store: SqliteStore,
        clock: Clock,
        announcer: Announcer,
    ) -> None:
        self._state = state
        self._backups = backups
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._file = state.database_file()
        self._rhythm = Rhythm()
        self._failing = False
        self._damaged = False
        self._ending = threading.Event()
        self._saving = CapacityLimiter(1)
        self._looking = CapacityLimiter(1)

    async def save(self, is_free: Callable[[], bool]) -> None:
        """Make a backup soon after each change, thirty seconds at most; until cancelled.

        It waits, within that time, for a moment at which the daemon has nothing better to do.
        """
        while True:
            await self._look()
            now = self._clock.monotonic()
            if self._rhythm.is_overdue(now) or (self._rhythm.is_due(now) and is_free()):
                await self._save()
            idle = self._rhythm.first_unsaved_at is None
            await self._clock.sleep(LOOK_WHERE_IDLE_S if idle else LOOK_S)

    async def finish(self) -> None:
        """Save what is not saved yet, in the time that there is at the end."""
        self._ending.set()
        with anyio.move_on_after(LAST_BACKUP_WITHIN_S):
            await self._look()
            if self._rhythm.first_unsaved_at is not None:
                await self._save()

    async def look_over(self, next_edge: NextEdge) -> None:
        """Look the whole database and its backups over, once a day, at a quiet time."""
        looked_at = begun_at = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_OVER_EVERY_S)
            edge, now = next_edge(), self._clock.monotonic()
            quiet_for = None if edge is None else edge - self._clock.now()
            if is_look_due(now, begun_at, looked_at, quiet_for):
                await self._look_over()
                looked_at = self._clock.monotonic()

    async def keep_room(self) -> None:
        """Keep room for the log, so that changes can be stored when the disk is full."""
        told = False
        while True:
            try:
                await self._in_thread(partial(reserve_log, self._state.database))
            except StoreError as error:
                if not told:
                    self._announcer.say("store.room_missing", error=str(error))
                told = True
            else:
                told = False
            await self._clock.sleep(RESERVE_EVERY_S)

    async def _look(self) -> None:
        file = await self._in_thread(self._state.database_file)
        if file is None:
            await self._put_back()
        elif file != self._file:
            await self._tell_damage("another file is in its place")
        try:
            version = await self._store.data_version()
        except StoreError:
            return  # whoever needs the database now says so
        self._rhythm = self._rhythm.seen(version, self._clock.monotonic())

    async def _put_back(self) -> None:
        """Write the file anew that somebody removed, from what is still open."""
        saved: list[Generation] = []

        def save(connection: sqlite3.Connection) -> None:
            saved.append(self._backups.make_from(connection, self._clock.now()))

        def place() -> None:
            restore(self._state.database, self._backups, saved[0], self._clock.now())
            if ledger_end_of(self._state.database) == floor_ms(saved[0].made_at):
                settle_ledger(self._state.database)  # nothing was lost

        try:
            await self._store.put_back(save, place)
        except StoreError as error:
            await self._tell_damage(f"it is gone, and cannot be written anew: {error}")
        else:
            self._file = await self._in_thread(self._state.database_file)
            self._announcer.say("store.put_back", path=str(self._state.database))

    async def _save(self) -> None:
        if self._damaged:
            return  # what is damaged does not take the place of what is good
        began = self._clock.monotonic()
        try:
            generation = await self._in_thread(partial(self._backups.make, self._clock.now()))
        except DatabaseDamagedError as error:
            await self._tell_damage(error.what)
            return
        except StoreError as error:
            self._rhythm = self._rhythm.failed(self._clock.monotonic())
            if not self._failing:
                self._announcer.say("store.backup_failed", error=str(error))
            self._failing = True
            return
        ended = self._clock.monotonic()
        self._rhythm = self._rhythm.saved(began, ended)
        if self._failing:
            self._announcer.say("store.backup_recovered", generation=generation.serial)
        self._failing = False
        self._announcer.say(
            "store.backed_up", generation=generation.serial, took_ms=_ms(ended - began)
        )

    async def _look_over(self) -> None:
        began = self._clock.monotonic()
        try:
            aside = await to_thread.run_sync(
                self._look_through, self._clock.now(), limiter=self._looking, abandon_on_cancel=True
            )
        except DatabaseDamagedError as error:
            await self._tell_damage(error.what)
            return
        except StoreError as error:
            self._announcer.say("store.look_failed", error=str(error))
            return
        for path in aside:
            self._announcer.say("store.backup_damaged", path=str(path))
        took_ms = _ms(self._clock.monotonic() - began)
        self._announcer.say("store.looked_over", took_ms=took_ms)

    def _look_through(self, now: datetime) -> tuple[Path, ...]:
        """Make sure that all is sound; gives the backups that were not, where they are now."""
        require_sound_throughout(self._state.database, self._pace)
        newest = self._backups.newest_good(self._state.appliance_id())
        if newest is not None:
            require_descent(self._state.database, self._backups.path_of(newest))
        return self._backups.put_aside_damaged(now)

    def _pace(self) -> bool:
        return self._ending.wait(PAUSE_S)

    async def _tell_damage(self, damage: str) -> None:
        if self._damaged:
            return
        # It is not mended at once: other processes have the file open, and what they store in it
        # would be lost if another came in its place now. The engine remembers what it needs.
        self._damaged = True
        try:
            await self._in_thread(partial(self._state.suspect, damage))
        except StateDirError as error:
            self._announcer.say("store.failed", error=str(error), waiting=0)
        self._announcer.say("store.damaged", path=str(self._state.database), damage=damage)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._saving, abandon_on_cancel=True)


def _ms(seconds: float) -> int:
    return round(timedelta(seconds=seconds) / timedelta(milliseconds=1))
