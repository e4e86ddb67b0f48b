"""The ledger in the database: runs, their parts, the watermark. Rows change by compare-and-set."""

# ruff: noqa: D102 - the port says what each method gives

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from tallyd.domain.model import (
    EndReason,
    Outcome,
    Part,
    Reason,
    RemovedBecause,
    RemovedFile,
    Run,
    Status,
)
from tallyd.domain.planner import Wishes
from tallyd.domain.window import MILLISECOND, Window, from_ms, to_ms
from tallyd.store.connection import translated
from tallyd.store.lists import ListReader
from tallyd.store.oauth import OAuthReader, OAuthWriter
from tallyd.store.requests import RequestsWriter
from tallyd.store.schedule_rows import optional_instant, optional_ms, schedule_from
from tallyd.store.schedules import (
    WishReader,
    WishWriter,
    exception_day_from,
    override_from,
    target_from,
)
from tallyd.store.session import Parameters

_FIRST_MS: Final = -(2**63)
_LAST_MS: Final = 2**63 - 1
_NO_LIMIT: Final = -1


class LedgerReader(WishReader, ListReader, OAuthReader):
    """Reads the ledger, wishes and accounts beside it; see the port for what each method gives."""

    async def wishes_of(self, key: str, since: datetime) -> Wishes | None:
        targets, schedules, overrides, days, runs = await self._session.rows_of_each(
            ("get_target", {"key": key}),
            ("list_schedules_of_target", {"target": key}),
            ("list_overrides_of_target", {"target": key}),
            ("list_exception_days", {}),
            ("list_standing_runs", {"target": key, "since_ms": to_ms(since)}),
        )
        if not targets:
            return None
        with translated(f"wishes_of {key}"):
            by_schedule = groupby(map(override_from, overrides), attrgetter("schedule_id"))
            return Wishes(
                target=target_from(targets[0]),
                schedules=tuple(map(schedule_from, schedules)),
                overrides={schedule_id: tuple(own) for schedule_id, own in by_schedule},
                exception_days=tuple(map(exception_day_from, days)),
                runs=_whole(map(_run, runs)),
            )

    async def run(self, run_id: int) -> Run | None:
        return next(iter(await self._runs("get_run", id=run_id)), None)

    async def run_of(self, schedule_id: int, slot: str) -> Run | None:
        found = await self._runs("get_run_of_occurrence", schedule_id=schedule_id, slot=slot)
        return next(iter(found), None)

    async def unfinished_runs(self, targets: Collection[str] | None = None) -> tuple[Run, ...]:
        if targets is None:
            return await self._runs("list_unfinished_runs")
        return await self._runs("list_unfinished_runs_of_targets", targets=json.dumps([*targets]))

    async def runs(
        self,
        *,
        start: datetime | None = None,
        stop: datetime | None = None,
        target: str | None = None,
        limit: int | None = None,
    ) -> tuple[Run, ...]:
        wanted = {
            "start_ms": _FIRST_MS if start is None else to_ms(start),
            "stop_ms": _LAST_MS if stop is None else to_ms(stop),
            "limit": _NO_LIMIT if limit is None else min(limit, _LAST_MS),
        }
        if target is None:
            return await self._runs("list_runs", **wanted)
        return await self._runs("list_runs_of_target", target=target, **wanted)

    async def recent_parts(self, target: str, limit: int) -> tuple[Part, ...]:
        return await self._session.rows("list_recent_parts", _part, target=target, limit=limit)

    async def recordings(
        self,
        *,
        before: datetime,
        after: tuple[datetime, int] | None = None,
        targets: Collection[str] | None = None,
        limit: int,
    ) -> tuple[Run, ...]:
        stop_ms, run_id = (_FIRST_MS, 0) if after is None else (to_ms(after[0]), after[1])
        return await self._runs(
            "list_recordings",
            before_ms=to_ms(before),
            after_ms=stop_ms,
            after_id=run_id,
            targets=None if targets is None else json.dumps([*targets]),
            limit=limit,
        )

    async def watermark(self) -> datetime | None:
        return optional_instant((await self._meta()).watermark_ms)

    async def _runs(self, name: str, **parameters: object) -> tuple[Run, ...]:
        return _whole(await self._session.rows(name, _run, **parameters))


class LedgerWriter(LedgerReader, WishWriter, OAuthWriter, RequestsWriter):
    """Changes the ledger, with wishes and accounts beside it, in one transaction."""

    async def insert_runs(self, runs: Iterable[Run]) -> int:
        rows = [_run_row(run) for run in runs]
        return await self._session.each("insert_run", rows) if rows else 0

    async def move_run(self, run: Run, was: Status) -> bool:
        return bool(await self._session.integers("move_run", was=was, **_run_row(run)))

    async def forget_runs(self, before: datetime) -> int:
        return len(await self._session.integers("delete_old_runs", before_ms=to_ms(before)))

    async def put_part(self, run_id: int, part: Part) -> None:
        await self._session.integers("put_part", run_id=run_id, **_part_row(part))

    async def note_removed(self, run_id: int, number: int, removed: RemovedFile) -> None:
        await self._session.integers(
            "note_removed",
            run_id=run_id,
            number=number,
            path=removed.path,
            at_ms=to_ms(removed.at),
            why=removed.why,
        )

    async def move_watermark(self, was: datetime | None, to: datetime) -> bool:
        return bool(
            await self._session.integers("move_watermark", was=optional_ms(was), to=to_ms(to))
        )


def _whole(rows: Iterable[Run]) -> tuple[Run, ...]:
    """Make one run of the rows that follow one another with a part of it each."""
    runs: list[Run] = []
    for row in rows:
        if runs and runs[-1].id == row.id:
            runs[-1] = replace(row, parts=runs[-1].parts + row.parts)
        else:
            runs.append(row)
    return tuple(runs)


def _run(row: sqlite3.Row) -> Run:
    return Run(
        id=row["id"],
        target=row["target"],
        name=row["name"],
        planned=Window(from_ms(row["planned_start_ms"]), from_ms(row["planned_stop_ms"])),
        schedule_id=row["schedule_id"],
        slot=row["slot"],
        status=Status(row["status"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        sentence=row["sentence"],
        blocker=row["blocker"],
        since=optional_instant(row["since_ms"]),
        finished_at=optional_instant(row["finished_at_ms"]),
        parts=() if row["run_id"] is None else (_part(row),),
    )


def _run_row(run: Run) -> Parameters:
    return {
        "id": run.id,
        "schedule_id": run.schedule_id,
        "slot": run.slot,
        "target": run.target,
        "name": run.name,
        "planned_start_ms": to_ms(run.planned.start),
        "planned_stop_ms": to_ms(run.planned.stop),
        "status": run.status,
        "outcome": run.outcome,
        "reason": run.reason,
        "sentence": run.sentence,
        "blocker": run.blocker,
        "since_ms": optional_ms(run.since),
        "finished_at_ms": optional_ms(run.finished_at),
    }


def _part(row: sqlite3.Row) -> Part:
    return Part(
        number=row["number"],
        input=row["input"],
        piece=Window(from_ms(row["piece_start_ms"]), from_ms(row["piece_stop_ms"])),
        token=row["token"],
        commanded_at=from_ms(row["commanded_at_ms"]),
        lead=timedelta(milliseconds=row["lead_ms"]),
        spread=timedelta(milliseconds=row["spread_ms"]),
        first_data_at=optional_instant(row["first_data_at_ms"]),
        last_data_at=optional_instant(row["last_data_at_ms"]),
        stopped_at=optional_instant(row["stopped_at_ms"]),
        reference=row["reference"],
        files=tuple(json.loads(row["files"])),
        bytes=row["bytes"],
        end=None if row["end_reason"] is None else EndReason(row["end_reason"]),
        detail=row["detail"],
        removed=tuple(map(_removed, json.loads(row["removed"]))),
    )


def _removed(entry: Mapping[str, Any]) -> RemovedFile:
    return RemovedFile(entry["path"], from_ms(entry["at_ms"]), RemovedBecause(entry["why"]))


def _part_row(part: Part) -> Parameters:
    return {
        "number": part.number,
        "input": part.input,
        "piece_start_ms": to_ms(part.piece.start),
        "piece_stop_ms": to_ms(part.piece.stop),
        "token": part.token,
        "commanded_at_ms": to_ms(part.commanded_at),
        "lead_ms": part.lead // MILLISECOND,
        "spread_ms": part.spread // MILLISECOND,
        "first_data_at_ms": optional_ms(part.first_data_at),
        "last_data_at_ms": optional_ms(part.last_data_at),
        "stopped_at_ms": optional_ms(part.stopped_at),
        "reference": part.reference,
        "files": json.dumps(part.files),
        "bytes": part.bytes,
        "end_reason": part.end,
        "detail": part.detail,
    }
