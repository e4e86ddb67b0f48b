"""Keeps the database safe while the daemon runs: backs it up after changes.

Nothing due ever waits for it: it has threads and connections of its own.
"""

from datetime import timedelta
from functools import partial

import anyio
from anyio import CapacityLimiter, to_thread

from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store, StoreError
from tallyd.store import Backups
from tallyd.store.rhythm import Rhythm

LOOK_S = 0.5
LAST_BACKUP_WITHIN_S = 10.0


class BackupKeeper:
    """Makes a backup once two seconds passed without a change, thirty after the first at most."""

    def __init__(self, backups: Backups, store: Store, clock: Clock, announcer: Announcer) -> None:
        self._backups = backups
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._rhythm = Rhythm()
        self._failing = False
        self._thread = CapacityLimiter(1)

    async def run(self) -> None:
        """Look and save until cancelled."""
        while True:
            await self._look()
            if self._rhythm.is_due(self._clock.monotonic()):
                await self._save()
            await self._clock.sleep(LOOK_S)

    async def finish(self) -> None:
        """Save what is not saved yet, in the time that there is at the end."""
        with anyio.move_on_after(LAST_BACKUP_WITHIN_S):
            await self._look()
            if self._rhythm.first_unsaved_at is not None:
                await self._save()

    async def _look(self) -> None:
        try:
            version = await self._store.data_version()
        except StoreError:
            return  # whoever needs the database now says so
        self._rhythm = self._rhythm.seen(version, self._clock.monotonic())

    async def _save(self) -> None:
        began = self._clock.monotonic()
        make = partial(self._backups.make, self._clock.now())
        try:
            generation = await to_thread.run_sync(
                make, limiter=self._thread, abandon_on_cancel=True
            )
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
        took_ms = round(timedelta(seconds=ended - began) / timedelta(milliseconds=1))
        self._announcer.say("store.backed_up", generation=generation.serial, took_ms=took_ms)
