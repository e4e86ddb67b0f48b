"""The store in memory: the same port without a disk, for tests and simulations. Nothing is durable.

It refuses what the database would refuse by its keys, so that what works here works there.
"""

from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import NoReturn

import anyio
from anyio import CancelScope

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
from tallyd.ports.store import Changes, Reader, Store, StoreError, Transaction
from tallyd.testing.memory_rows import Rows


class _Reader(Reader):
    def __init__(self, state: Rows) -> None:
        self._state = state

    async def revision(self) -> int:
        return self._state.revision

    async def changes_since(self, revision: int) -> Changes:
        state = self._state
        changed = {id_ for id_, at in state.changed_at.items() if at > revision}
        return Changes(
            revision=state.revision,
            schedules=tuple(state.schedules[id_] for id_ in sorted(changed)),
            overrides=await self.overrides(changed),
            exception_days=(
                await self.exception_days() if state.exception_days_revision > revision else None
            ),
            targets=await self.targets() if state.targets_revision > revision else None,
            assets=() if revision < 0 else None,
        )

    async def targets(self) -> tuple[Target, ...]:
        return tuple(self._state.targets[key] for key in sorted(self._state.targets))

    async def target(self, key: str) -> Target | None:
        return self._state.targets.get(key)

    async def wishes_of(self, key: str, since: datetime) -> Wishes | None:
        target = self._state.targets.get(key)
        if target is None:
            return None
        schedules = await self.schedules(key)
        overrides = await self.overrides({schedule.id for schedule in schedules})
        return Wishes(
            target=target,
            schedules=schedules,
            overrides={
                id_: tuple(own) for id_, own in groupby(overrides, attrgetter("schedule_id"))
            },
            exception_days=await self.exception_days(),
            runs=tuple(
                run
                for run in self._state.runs.values()
                if run.target == key and (run.outcome is None or run.planned.stop > since)
            ),
        )

    async def schedules(self, target: str | None = None) -> tuple[Schedule, ...]:
        every = self._state.schedules.values()
        return tuple(each for each in every if target in (None, each.target))

    async def standing_schedules(
        self, target: str, *, after: int, limit: int
    ) -> tuple[Schedule, ...]:
        every = await self.schedules(target)
        return tuple(each for each in every if each.ended is None and each.id > after)[:limit]

    async def schedules_of(self, schedule_ids: Collection[int]) -> tuple[Schedule, ...]:
        return tuple(each for each in await self.schedules() if each.id in schedule_ids)

    async def schedule(self, schedule_id: int) -> Schedule | None:
        return self._state.schedules.get(schedule_id)

    async def overrides(self, schedule_ids: Collection[int] | None = None) -> tuple[Override, ...]:
        wanted = None if schedule_ids is None else set(schedule_ids)
        return tuple(
            override
            for (id_, _), override in sorted(self._state.overrides.items(), key=lambda kv: kv[0])
            if wanted is None or id_ in wanted
        )

    async def exception_days(self) -> tuple[ExceptionDay, ...]:
        every = self._state.exception_days.values()
        return tuple(sorted(every, key=lambda each: (each.day, each.id)))

    async def run(self, run_id: int) -> Run | None:
        return self._state.runs.get(run_id)

    async def run_of(self, schedule_id: int, slot: str) -> Run | None:
        run_id = self._state.run_ids.get((schedule_id, slot))
        return None if run_id is None else self._state.runs[run_id]

    async def unfinished_runs(self, targets: Collection[str] | None = None) -> tuple[Run, ...]:
        return tuple(
            run
            for run in self._state.runs.values()
            if run.outcome is None and (targets is None or run.target in targets)
        )

    async def runs(
        self,
        *,
        start: datetime | None = None,
        stop: datetime | None = None,
        target: str | None = None,
        limit: int | None = None,
    ) -> tuple[Run, ...]:
        found = (
            run
            for run in self._newest_first()
            if (stop is None or run.planned.start < stop)
            and (start is None or run.planned.stop > start)
            and target in (None, run.target)
        )
        return tuple(found)[:limit]

    async def recent_parts(self, target: str, limit: int) -> tuple[Part, ...]:
        found = (
            part
            for run in self._newest_first()
            if run.target == target
            for part in reversed(run.parts)
            if part.first_data_at is not None
        )
        return tuple(islice(found, limit))

    async def recordings(
        self,
        *,
        before: datetime,
        after: tuple[datetime, int] | None = None,
        targets: Collection[str] | None = None,
        limit: int,
    ) -> tuple[Run, ...]:
        found = (
            run
            for run in self._state.runs.values()
            if run.status is Status.FINISHED
            and run.planned.stop < before
            and (after is None or (run.planned.stop, run.id) > after)
            and (targets is None or run.target in targets)
            and any(len(part.files) > len(part.removed) for part in run.parts)
        )
        return tuple(sorted(found, key=lambda run: (run.planned.stop, run.id)))[:limit]

    async def watermark(self) -> datetime | None:
        return self._state.watermark

    def _newest_first(self) -> list[Run]:
        every = self._state.runs.values()
        return sorted(every, key=lambda run: (run.planned.start, run.id), reverse=True)


class _Transaction(_Reader, Transaction):
    def __init__(self, state: Rows) -> None:
        super().__init__(state)
        self._before = state.revision

    async def changed(self) -> Changes:
        return await self.changes_since(self._before)

    def _raise_revision(self) -> int:
        self._state.revision = self._before + 1
        return self._state.revision

    async def add_target(self, target: Target) -> Target:
        state = self._state
        public_id = target.public_id or state.last_public_id + 1
        for other in state.targets.values():
            if other.key == target.key or other.public_id == public_id or other.uid == target.uid:
                _refuse(f"add target {target.key}: {other.key} has its key, public id or uid")
        state.last_public_id = max(state.last_public_id, public_id)
        added = replace(target, public_id=public_id)
        state.targets[added.key] = added
        state.targets_revision = self._raise_revision()
        return added

    async def change_target(self, target: Target) -> None:
        state = self._state
        was = self._target(target.key)
        state.targets[target.key] = replace(target, public_id=was.public_id, uid=was.uid)
        state.targets_revision = self._raise_revision()

    async def rename_target(self, key: str, new_key: str) -> None:
        state = self._state
        self._target(key)
        if new_key in state.targets:
            _refuse(f"rename target {key}: there is a {new_key}")
        state.targets[new_key] = replace(state.targets.pop(key), key=new_key)
        state.targets_revision = self._raise_revision()
        for schedule in [s for s in state.schedules.values() if s.target == key]:
            state.schedules[schedule.id] = replace(schedule, target=new_key)
            state.changed_at[schedule.id] = state.revision
        for run in [r for r in state.runs.values() if r.target == key]:
            state.runs[run.id] = replace(run, target=new_key)
        for day in [d for d in state.exception_days.values() if d.target == key]:
            state.exception_days[day.id] = replace(day, target=new_key)

    async def renumber_target(self, key: str, public_id: int) -> None:
        state = self._state
        was = self._target(key)
        if any(t.public_id == public_id and t.key != key for t in state.targets.values()):
            _refuse(f"renumber target {key}: another target has the public id {public_id}")
        state.last_public_id = max(state.last_public_id, public_id)
        state.targets[key] = replace(was, public_id=public_id)
        state.targets_revision = self._raise_revision()

    async def add_schedule(self, schedule: Schedule) -> Schedule:
        state = self._state
        self._target(schedule.target)
        state.last_schedule_id += 1
        added = replace(schedule, id=state.last_schedule_id)
        state.schedules[added.id] = added
        state.changed_at[added.id] = self._raise_revision()
        return added

    async def change_schedule(self, schedule: Schedule) -> None:
        self._target(schedule.target)
        self._known_schedule(schedule.id)
        self._state.schedules[schedule.id] = schedule
        self._state.changed_at[schedule.id] = self._raise_revision()

    async def booked_by(self, key: RequestKey) -> tuple[Schedule, str] | None:
        found = self._state.requests.get((key.caller, key.key))
        return None if found is None else (self._state.schedules[found[0]], found[1])

    async def note_request(self, key: RequestKey, schedule_id: int, at: datetime) -> None:  # noqa: ARG002 - what is in memory is forgotten soon enough
        self._state.requests[key.caller, key.key] = (schedule_id, key.fingerprint)

    async def put_override(self, override: Override) -> None:
        self._known_schedule(override.schedule_id)
        self._state.overrides[override.schedule_id, override.slot] = override
        self._state.changed_at[override.schedule_id] = self._raise_revision()

    async def drop_overrides(self, schedule_id: int) -> None:
        state = self._state
        left = {key: each for key, each in state.overrides.items() if key[0] != schedule_id}
        if len(left) < len(state.overrides):
            state.overrides = left
            state.changed_at[schedule_id] = self._raise_revision()

    async def add_exception_day(self, day: date, name: str, target: str | None) -> ExceptionDay:
        state = self._state
        for there in state.exception_days.values():
            if (there.day, there.target) == (day, target):
                return there
        if target is not None:
            self._target(target)
        state.last_exception_day_id += 1
        added = ExceptionDay(state.last_exception_day_id, day, name, target)
        state.exception_days[added.id] = added
        state.exception_days_revision = self._raise_revision()
        return added

    async def remove_exception_day(self, day_id: int) -> bool:
        if self._state.exception_days.pop(day_id, None) is None:
            return False
        self._state.exception_days_revision = self._raise_revision()
        return True

    async def insert_runs(self, runs: Iterable[Run]) -> int:
        state = self._state
        before = len(state.runs)
        for run in runs:
            key = (run.schedule_id, run.slot)
            if key in state.run_ids:
                continue
            self._check_run(run)
            state.last_run_id += 1
            state.runs[state.last_run_id] = replace(run, id=state.last_run_id, parts=())
            state.run_ids[key] = state.last_run_id
        return len(state.runs) - before

    async def move_run(self, run: Run, was: Status) -> bool:
        state = self._state
        there = state.runs.get(run.id)
        if there is None or there.status is not was:
            return False
        moved = replace(run, schedule_id=there.schedule_id, slot=there.slot, parts=there.parts)
        self._check_run(moved)
        state.runs[run.id] = moved
        return True

    async def forget_runs(self, before: datetime) -> int:
        state = self._state
        old = [
            run
            for run in state.runs.values()
            if run.status is Status.FINISHED and run.planned.stop < before
        ]
        for run in old:
            del state.runs[run.id]
            del state.run_ids[run.schedule_id, run.slot]
        return len(old)

    async def put_part(self, run_id: int, part: Part) -> None:
        state = self._state
        run = state.runs.get(run_id)
        if run is None:
            _refuse(f"put part {part.number}: there is no run {run_id}")
        if state.tokens.setdefault(part.token, (run_id, part.number)) != (run_id, part.number):
            _refuse(f"put part {part.number} of run {run_id}: its token is another's")
        parts = {each.number: each for each in run.parts}
        removed = parts[part.number].removed if part.number in parts else ()
        parts[part.number] = replace(part, removed=removed)
        state.runs[run_id] = replace(run, parts=tuple(parts[number] for number in sorted(parts)))

    async def note_removed(self, run_id: int, number: int, removed: RemovedFile) -> None:
        run = self._state.runs[run_id]
        parts = tuple(
            replace(part, removed=(*part.removed, removed))
            if part.number == number and removed.path not in {each.path for each in part.removed}
            else part
            for part in run.parts
        )
        self._state.runs[run_id] = replace(run, parts=parts)

    async def move_watermark(self, was: datetime | None, to: datetime) -> bool:
        if self._state.watermark != was:
            return False
        self._state.watermark = to
        return True

    def _target(self, key: str) -> Target:
        return self._state.targets.get(key) or _refuse(f"there is no target {key}")

    def _known_schedule(self, schedule_id: int) -> None:
        if schedule_id not in self._state.schedules:
            _refuse(f"there is no schedule {schedule_id}")

    def _check_run(self, run: Run) -> None:
        self._target(run.target)
        self._known_schedule(run.schedule_id)
        if (run.status is Status.FINISHED) is not (run.outcome is not None):
            _refuse(f"run {run.id}: {run.status}, with the outcome {run.outcome}")


class MemoryStore(Store):
    """The port `Store` in memory; whoever shares the object shares the data, like processes do."""

    def __init__(self) -> None:
        self._state = Rows()
        self._turn = anyio.Lock()
        self._commits = 0

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Reader]:
        """Open a consistent look; it stays as it is, whoever writes meanwhile."""
        yield _Reader(self._state)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Transaction]:
        """Open a transaction that waits its turn, and is then not cancelled."""
        async with self._turn:
            with CancelScope(shield=True):
                state = self._state.copy()
                yield _Transaction(state)
                self._state = state
                self._commits += 1

    async def data_version(self) -> int:
        """Give a number that changes with every transaction."""
        return self._commits


def _refuse(why: str) -> NoReturn:
    raise StoreError(why)
