"""Removes old recordings and old rows, as the operator wishes. What may go is decided purely.

It stands beside: nothing waits for it, and it waits for what is due.
"""

from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path

import anyio

from tallyd.domain.health import Room
from tallyd.domain.model import RemovedBecause, RemovedFile
from tallyd.domain.retention import Removable, Rules, removable
from tallyd.domain.window import FAR_FUTURE
from tallyd.engine.announcer import Announcer
from tallyd.engine.reporter import names_of
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk, DiskError, NotRecordedError, RecordedFile
from tallyd.ports.store import Store, StoreError

LOOK_EVERY_S = 30.0
QUIET = timedelta(seconds=2)
"""Nothing is removed while something is due so soon, ..."""

QUIET_WITHIN_S = 5.0
"""... unless it is never as quiet as that: then for room's sake it goes on."""

AT_ONCE = 50
DISK_ANSWERS_WITHIN_S = 30.0

_Noted = tuple[Removable, RemovedFile]


class Retention:
    """One task for all targets; rests while the operator wants nothing removed."""

    def __init__(  # noqa: PLR0913 - what it looks at, what it removes, and whom it tells
        self,
        *,
        rules: Rules,
        targets: Callable[[], Collection[str]],
        store: Store,
        disk: Disk,
        clock: Clock,
        announcer: Announcer,
        is_free_for: Callable[[timedelta], bool],
    ) -> None:
        self._rules = rules
        self._told = anyio.Event()
        self._targets = targets
        self._store = store
        self._disk = disk
        self._clock = clock
        self._announcer = announcer
        self._is_free_for = is_free_for
        self._unwritten: list[_Noted] = []
        self._left: set[str] = set()
        self._failing = False
        self._short = False

    def rule_by(self, rules: Rules) -> None:
        """Go by other rules from here on."""
        self._rules = rules
        self._told.set()

    async def run(self) -> None:
        """Look every half minute until cancelled."""
        while True:
            while not self._rules.remove_any:
                self._told = anyio.Event()
                await self._told.wait()
            await self._clock.sleep(LOOK_EVERY_S)
            try:
                await self._look()
            except (StoreError, DiskError, TimeoutError) as error:
                if not self._failing:
                    why = str(error) or "the disk does not answer"
                    self._announcer.say("retention.failed", error=why)
                self._failing = True
            else:
                self._failing = False

    async def _look(self) -> None:
        """Remove what is too old, then what is in the way of the room that is to stay free.

        Raises:
            StoreError, DiskError, TimeoutError: it is looked again later.
        """
        await self._write_down()
        now = self._clock.now()
        for keep, targets in self._rules.ages(self._targets()).items():
            async for file in self._oldest(now - keep, targets):
                await self._remove(file, RemovedBecause.AGE)
        if self._rules.min_free is None:
            return
        room = await self._room()
        lacking = self._rules.lacking(room.free)
        if lacking and self._rules.min_free < room.total:
            async for file in self._oldest(FAR_FUTURE, None):
                lacking -= await self._remove(file, RemovedBecause.ROOM)
                if lacking <= 0:
                    break
        self._tell_short(room, lacking)

    async def _oldest(
        self, before: datetime, targets: Collection[str] | None
    ) -> AsyncIterator[Removable]:
        """Give the files of what was over before an instant, the oldest first."""
        after = None
        while True:
            async with self._store.read() as reader:
                runs = await reader.recordings(
                    before=before, after=after, targets=targets, limit=AT_ONCE
                )
            for run in runs:
                for file in removable(run):
                    yield file
            if len(runs) < AT_ONCE:
                return
            after = (runs[-1].planned.stop, runs[-1].id)

    async def _remove(self, file: Removable, why: RemovedBecause) -> int:
        """Remove a file and write that down; gives how many bytes that made free."""
        await self._quiet()
        recorded = RecordedFile(Path(file.path), file.finished_at, file.bytes)
        try:
            with anyio.fail_after(DISK_ANSWERS_WITHIN_S):
                size = await self._disk.remove(recorded)
        except NotRecordedError as error:
            self._tell_left(file, error)
            return 0
        now = self._clock.now()
        if size is None:
            why = RemovedBecause.GONE
        else:
            self._tell_removed(file, why, size, now)
        self._unwritten.append((file, RemovedFile(file.path, now, why)))
        await self._write_down()
        return size or 0

    async def _write_down(self) -> None:
        """Write into the ledger what was removed; until that is done nothing else is."""
        if not self._unwritten:
            return
        async with self._store.write() as tx:
            for file, removed in self._unwritten:
                await tx.note_removed(file.run.id, file.part.number, removed)
        self._unwritten.clear()

    async def _room(self) -> Room:
        with anyio.fail_after(DISK_ANSWERS_WITHIN_S):
            return await self._disk.room()

    async def _quiet(self) -> None:
        with anyio.move_on_after(QUIET_WITHIN_S):
            while not self._is_free_for(QUIET):
                await self._clock.sleep(QUIET.total_seconds() / 4)

    def _tell_removed(self, file: Removable, why: RemovedBecause, size: int, now: datetime) -> None:
        self._announcer.say(
            "recording.removed",
            **_names(file),
            why=why,
            bytes=size,
            age_s=round((now - file.run.planned.stop).total_seconds()),
        )

    def _tell_left(self, file: Removable, error: NotRecordedError) -> None:
        if file.path not in self._left:
            self._left.add(file.path)
            self._announcer.say("recording.kept", **_names(file), error=str(error))

    def _tell_short(self, room: Room, lacking: int) -> None:
        if lacking > 0 and not self._short:
            self._announcer.say(
                "retention.short",
                free_bytes=room.free,
                total_bytes=room.total,
                lacking_bytes=lacking,
            )
        self._short = lacking > 0


def _names(file: Removable) -> dict[str, object]:
    return {**names_of(file.run), "part": file.part.number, "file": file.path}
