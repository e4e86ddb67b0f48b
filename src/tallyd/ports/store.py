"""The port of the database: wishes, the ledger, the watermark. What is asked, not how it is kept.

A change is durable when the `async with store.write()` block has ended without raising; a block
that raises changes nothing. Wishes (schedules, overrides, exception days, targets) and assets
raise the revision once for each transaction that changes any; the ledger does not.
"""

from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from tallyd.domain.contents import Asset
from tallyd.domain.model import (
    ExceptionDay,
    Override,
    Part,
    RemovedFile,
    RequestKey,
    Run,
    Schedule,
    Status,
    Target,
)
from tallyd.domain.planner import Wishes


class StoreError(Exception):
    """The database did not do as told: what was being done, and what it said."""


class StoreFullError(StoreError):
    """Nothing was stored: the disk is full."""


class StoreBusyError(StoreError):
    """Nothing was stored: others held the database for too long; it may be tried again."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The wishes that changed after a revision: whole schedules with all their overrides.

    `exception_days`, `targets` and `assets` are None where nothing about them changed, else all of
    them: of the assets those that were not removed.
    """

    revision: int
    schedules: tuple[Schedule, ...]
    overrides: tuple[Override, ...]
    exception_days: tuple[ExceptionDay, ...] | None
    targets: tuple[Target, ...] | None
    assets: tuple[Asset, ...] | None = None


class Reader(Protocol):
    """A consistent look at the database; every method answers in order of id unless said."""

    async def revision(self) -> int:
        """Give the number of the last change of wishes."""
        ...

    async def changes_since(self, revision: int) -> Changes:
        """Give what changed after `revision`; -1 gives everything."""
        ...

    async def targets(self) -> tuple[Target, ...]:
        """Give every target ever configured, in order of key."""
        ...

    async def target(self, key: str) -> Target | None:
        """Give one target, whether it still is configured or not."""
        ...

    async def wishes_of(self, key: str, since: datetime) -> Wishes | None:
        """Give all that decides who holds a target; None where there is none of that key.

        Its runs are those without an outcome and those whose planned window ends after `since`.
        """
        ...

    async def schedules(self, target: str | None = None) -> tuple[Schedule, ...]:
        """Give the schedules of a target, or all; ended ones included."""
        ...

    async def standing_schedules(
        self, target: str, *, after: int, limit: int
    ) -> tuple[Schedule, ...]:
        """Give so many schedules of a target that were not removed, from the id `after` on."""
        ...

    async def schedules_of(self, schedule_ids: Collection[int]) -> tuple[Schedule, ...]:
        """Give the schedules that have these ids, ended or not."""
        ...

    async def schedule(self, schedule_id: int) -> Schedule | None:
        """Give one schedule, ended or not."""
        ...

    async def overrides(self, schedule_ids: Collection[int] | None = None) -> tuple[Override, ...]:
        """Give the overrides of some schedules, or all, in order of schedule and slot."""
        ...

    async def exception_days(self) -> tuple[ExceptionDay, ...]:
        """Give the exception days in order of day, then id."""
        ...

    async def run(self, run_id: int) -> Run | None:
        """Give one run with its parts."""
        ...

    async def run_of(self, schedule_id: int, slot: str) -> Run | None:
        """Give the run of an occurrence, with its parts."""
        ...

    async def unfinished_runs(self, targets: Collection[str] | None = None) -> tuple[Run, ...]:
        """Give the runs of some targets, or of all, that have no outcome; with parts."""
        ...

    async def runs(
        self,
        *,
        start: datetime | None = None,
        stop: datetime | None = None,
        target: str | None = None,
        limit: int | None = None,
    ) -> tuple[Run, ...]:
        """Give runs with parts whose planned window intersects [start, stop), newest first.

        `limit` keeps the newest ones.
        """
        ...

    async def recent_parts(self, target: str, limit: int) -> tuple[Part, ...]:
        """Give the newest parts of a target that were confirmed, newest first."""
        ...

    async def recordings(
        self,
        *,
        before: datetime,
        after: tuple[datetime, int] | None = None,
        targets: Collection[str] | None = None,
        limit: int,
    ) -> tuple[Run, ...]:
        """Give finished runs with files that are still there, the oldest planned stop first.

        Only those of some targets, or of all, planned to stop before an instant, and after the
        planned stop and id of the last one of the answer before.
        """
        ...

    async def watermark(self) -> datetime | None:
        """Give the instant up to which starts are written into the ledger; None: never yet."""
        ...


class Transaction(Reader, Protocol):
    """Reads and writes that become durable together or not at all."""

    async def changed(self) -> Changes:
        """Give the wishes that this transaction has changed so far."""
        ...

    async def add_target(self, target: Target) -> Target:
        """Insert a target; a `public_id` of 0 is replaced by the next one never used."""
        ...

    async def change_target(self, target: Target) -> None:
        """Replace everything but the key, public id and uid of the target of that key."""
        ...

    async def rename_target(self, key: str, new_key: str) -> None:
        """Give a target another key; ids, schedules, exception days and runs go with it."""
        ...

    async def renumber_target(self, key: str, public_id: int) -> None:
        """Give a target another public id, which no other target may have."""
        ...

    async def add_schedule(self, schedule: Schedule) -> Schedule:
        """Insert a schedule; its `id` is replaced by the next one never used."""
        ...

    async def change_schedule(self, schedule: Schedule) -> None:
        """Replace the schedule of that id."""
        ...

    async def booked_by(self, key: RequestKey) -> tuple[Schedule, str] | None:
        """Give what a request has booked, with the fingerprint that it had then."""
        ...

    async def note_request(self, key: RequestKey, schedule_id: int, at: datetime) -> None:
        """Note what a request has booked; what was noted a week before `at` is forgotten."""
        ...

    async def put_override(self, override: Override) -> None:
        """Insert the override or replace the one of that occurrence."""
        ...

    async def drop_overrides(self, schedule_id: int) -> None:
        """Forget every override of a schedule."""
        ...

    async def add_exception_day(self, day: date, name: str, target: str | None) -> ExceptionDay:
        """Insert an exception day, or give the one that is there for that day and target."""
        ...

    async def remove_exception_day(self, day_id: int) -> bool:
        """Remove an exception day; False where there is none of that id."""
        ...

    async def insert_runs(self, runs: Iterable[Run]) -> int:
        """Insert the runs, without parts, whose occurrence has none yet; how many were new."""
        ...

    async def move_run(self, run: Run, was: Status) -> bool:
        """Replace the run's row, not its parts, if its status is `was`; else False, no change."""
        ...

    async def forget_runs(self, before: datetime) -> int:
        """Remove the finished runs whose window ended before an instant; gives how many."""
        ...

    async def put_part(self, run_id: int, part: Part) -> None:
        """Insert the part or replace the one of that run and number."""
        ...

    async def note_removed(self, run_id: int, number: int, removed: RemovedFile) -> None:
        """Note that a file of a part is there no more; `put_part` changes nothing about that."""
        ...

    async def move_watermark(self, was: datetime | None, to: datetime) -> bool:
        """Move the watermark if it still is `was`; False (and no change) where it is not."""
        ...


class Store(Protocol):
    """The database as the engine, bookings and reports see it."""

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """Open a consistent look; keep it short.

        Raises:
            StoreError: the database cannot be read.
        """
        ...

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that waits its turn; await nothing in it but the transaction itself.

        Raises:
            StoreError: the database cannot be written, or the commit failed.
        """
        ...

    async def data_version(self) -> int:
        """Give a number that changes when another process has written."""
        ...
