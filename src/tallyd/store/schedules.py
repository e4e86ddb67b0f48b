"""The wishes in the database: targets, schedules, overrides, exception days, their revisions."""

# ruff: noqa: D102 - the port says what each method gives

import json
import sqlite3
from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from operator import itemgetter
from typing import NamedTuple

from tallyd.domain.contents import Asset
from tallyd.domain.model import ExceptionDay, Override, Schedule, Target
from tallyd.domain.window import MILLISECOND
from tallyd.ports.store import Changes, StoreError
from tallyd.store.asset_rows import asset_from
from tallyd.store.connection import translated
from tallyd.store.schedule_rows import (
    optional_instant,
    optional_ms,
    schedule_from,
    schedule_row,
)
from tallyd.store.session import Parameters, Session


class Meta(NamedTuple):
    """What is true of the database as a whole."""

    revision: int
    targets_revision: int
    exception_days_revision: int
    assets_revision: int
    watermark_ms: int | None


class WishReader:
    """Reads the wishes; see the port for what each method gives."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def _meta(self) -> Meta:
        found = await self._session.first("get_meta", lambda row: Meta(*row))
        if found is None:
            raise StoreError("get_meta: the row is gone")
        return found

    async def revision(self) -> int:
        return (await self._meta()).revision

    async def changes_since(self, revision: int) -> Changes:
        meta = await self._meta()
        if meta.revision <= revision:
            return Changes(meta.revision, (), (), None, None)
        schedules = await self._schedules_changed(revision)
        overrides = await self._overrides_changed(revision)
        return await self._changes(meta, revision, schedules, overrides)

    async def _changes(
        self,
        meta: Meta,
        revision: int,
        schedules: tuple[Schedule, ...],
        overrides: tuple[Override, ...],
    ) -> Changes:
        days_changed = meta.exception_days_revision > revision
        return Changes(
            revision=meta.revision,
            schedules=schedules,
            overrides=overrides,
            exception_days=await self.exception_days() if days_changed else None,
            targets=await self.targets() if meta.targets_revision > revision else None,
            assets=await self.assets() if meta.assets_revision > revision else None,
        )

    async def _schedules_changed(self, revision: int) -> tuple[Schedule, ...]:
        if revision < 0:  # all of them: in the order of the table, so without sorting
            return await self.schedules()
        return await self._session.rows("list_schedules_changed", schedule_from, revision=revision)

    async def _overrides_changed(self, revision: int) -> tuple[Override, ...]:
        if revision < 0:
            return await self.overrides()
        return await self._session.rows("list_overrides_changed", override_from, revision=revision)

    async def targets(self) -> tuple[Target, ...]:
        return await self._session.rows("list_targets", target_from)

    async def target(self, key: str) -> Target | None:
        return await self._session.first("get_target", target_from, key=key)

    async def schedules(self, target: str | None = None) -> tuple[Schedule, ...]:
        if target is None:
            return await self._session.rows("list_schedules", schedule_from)
        return await self._session.rows("list_schedules_of_target", schedule_from, target=target)

    async def schedule(self, schedule_id: int) -> Schedule | None:
        return await self._session.first("get_schedule", schedule_from, id=schedule_id)

    async def overrides(self, schedule_ids: Collection[int] | None = None) -> tuple[Override, ...]:
        if schedule_ids is None:
            return await self._session.rows("list_overrides", override_from)
        return await self._session.rows(
            "list_overrides_of_schedules", override_from, schedule_ids=json.dumps([*schedule_ids])
        )

    async def exception_days(self) -> tuple[ExceptionDay, ...]:
        return await self._session.rows("list_exception_days", exception_day_from)

    async def assets(self) -> tuple[Asset, ...]:
        return await self._session.rows("list_assets", asset_from)


class WishWriter(WishReader):
    """Changes the wishes in one transaction, and raises their revision once for all of it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._raised_to: int | None = None

    async def changed(self) -> Changes:
        if self._raised_to is None:
            return Changes(await self.revision(), (), (), None, None)
        before = self._raised_to - 1
        (meta,), schedules, overrides = await self._session.rows_of_each(
            ("get_meta", {}),
            ("list_schedules_changed", {"revision": before}),
            ("list_overrides_changed", {"revision": before}),
        )
        with translated("changed"):
            return await self._changes(
                Meta(*meta),
                before,
                tuple(map(schedule_from, schedules)),
                tuple(map(override_from, overrides)),
            )

    async def _stamp(self, name: str, /, **parameters: object) -> tuple[int, ...]:
        """Run a statement that stamps rows with the revision, which is new in each transaction."""
        if self._raised_to is not None:
            return await self._session.integers(name, **parameters)
        (raised,), stamped = await self._session.rows_of_each(
            ("raise_revision", {}), (name, parameters)
        )
        self._raised_to = int(raised[0])
        return tuple(int(row[0]) for row in stamped)

    async def add_target(self, target: Target) -> Target:
        (public_id,) = await self._session.integers("take_public_id", wanted=target.public_id)
        added = replace(target, public_id=public_id)
        await self._session.integers("insert_target", **_target_row(added))
        await self._stamp("stamp_targets")
        return added

    async def change_target(self, target: Target) -> None:
        if not await self._session.integers("update_target", **_target_row(target)):
            raise StoreError(f"update_target: there is no target {target.key}")
        await self._stamp("stamp_targets")

    async def rename_target(self, key: str, new_key: str) -> None:
        if not await self._session.integers("rename_target", key=key, new_key=new_key):
            raise StoreError(f"rename_target: there is no target {key}")
        await self._stamp("stamp_schedules_of_target", target=new_key)
        await self._stamp("stamp_targets")

    async def renumber_target(self, key: str, public_id: int) -> None:
        await self._session.integers("take_public_id", wanted=public_id)
        if not await self._session.integers("renumber_target", key=key, public_id=public_id):
            raise StoreError(f"renumber_target: there is no target {key}")
        await self._stamp("stamp_targets")

    async def add_schedule(self, schedule: Schedule) -> Schedule:
        (new_id,) = await self._stamp("insert_schedule", **schedule_row(schedule))
        return replace(schedule, id=new_id)

    async def change_schedule(self, schedule: Schedule) -> None:
        if not await self._stamp("update_schedule", **schedule_row(schedule)):
            raise StoreError(f"update_schedule: there is no schedule {schedule.id}")

    async def put_override(self, override: Override) -> None:
        await self._session.integers(
            "put_override",
            schedule_id=override.schedule_id,
            slot=override.slot,
            excluded=override.excluded,
            stop_ms=optional_ms(override.stop),
            paused=override.paused,
        )
        await self._stamp("stamp_schedule", id=override.schedule_id)

    async def drop_overrides(self, schedule_id: int) -> None:
        if await self._session.integers("delete_overrides", schedule_id=schedule_id):
            await self._stamp("stamp_schedule", id=schedule_id)

    async def add_exception_day(self, day: date, name: str, target: str | None) -> ExceptionDay:
        there = await self._session.first(
            "get_exception_day", exception_day_from, day=day.isoformat(), target=target
        )
        if there is not None:
            return there
        (new_id,) = await self._session.integers(
            "insert_exception_day", day=day.isoformat(), name=name, target=target
        )
        await self._stamp("stamp_exception_days")
        return ExceptionDay(new_id, day, name, target)

    async def remove_exception_day(self, day_id: int) -> bool:
        if await self._session.first("delete_exception_day", itemgetter(0), id=day_id) is None:
            return False
        await self._stamp("stamp_exception_days")
        return True


def target_from(row: sqlite3.Row) -> Target:
    """Make a target of its row."""
    return Target(
        key=row["key"],
        name=row["name"],
        public_id=row["public_id"],
        uid=row["uid"],
        zone=row["zone"],
        capacity=row["capacity"],
        min_piece=timedelta(milliseconds=row["min_piece_ms"]),
        known=bool(row["known"]),
        locked_since=optional_instant(row["locked_since_ms"]),
    )


def _target_row(target: Target) -> Parameters:
    return {
        "key": target.key,
        "name": target.name,
        "public_id": target.public_id,
        "uid": target.uid,
        "zone": target.zone,
        "capacity": target.capacity,
        "min_piece_ms": target.min_piece // MILLISECOND,
        "known": target.known,
        "locked_since_ms": optional_ms(target.locked_since),
    }


def override_from(row: sqlite3.Row) -> Override:
    """Make an override of its row."""
    return Override(
        schedule_id=row["schedule_id"],
        slot=row["slot"],
        excluded=bool(row["excluded"]),
        stop=optional_instant(row["stop_ms"]),
        paused=bool(row["paused"]),
    )


def exception_day_from(row: sqlite3.Row) -> ExceptionDay:
    """Make an exception day of its row."""
    return ExceptionDay(row["id"], date.fromisoformat(row["day"]), row["name"], row["target"])
