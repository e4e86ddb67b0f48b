"""What reports print: domain values as mappings whose keys are an interface. Pure.

Instants stay datetimes here, to be written as UTC in JSON and as local time in tables. Keys and
meanings are fixed: other programs read them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tallyd.config.problems import ConfigProblem
from tallyd.config.values import format_duration
from tallyd.domain.conflicts import Blocker
from tallyd.domain.errors import Problem
from tallyd.domain.impact import Affected
from tallyd.domain.lifecycle import shown
from tallyd.domain.model import (
    ExceptionDay,
    InstantStart,
    Occurrence,
    Part,
    Recurrence,
    Run,
    Schedule,
    Status,
    Target,
    WallStart,
)
from tallyd.domain.outcomes import command_late, gaps, late
from tallyd.domain.planner import Planned
from tallyd.domain.window import MILLISECOND, Window
from tallyd.notation.values import SHORTEST_DAY, WEEKDAYS
from tallyd.ports.as_run import Aired, Kind
from tallyd.reports import WHAT_IF_ID, Broadcast, Effect, Prospect

Shape = dict[str, object]

_ONE_SHOT: Mapping[str, object] = {
    "repeat": "none",
    "every": None,
    "days": [],
    "last_day": False,
    "count": None,
    "until": None,
}


def schedule_shape(schedule: Schedule) -> Shape:
    """Give a schedule: every option under its name, and what it got when it was booked.

    `start` is wall time in `timezone`, or an instant where that is null.
    """
    return {
        "id": schedule.id,
        "uid": schedule.uid,
        "target": schedule.target,
        "name": schedule.name,
        **_start_shape(schedule.start),
        "duration": format_duration(schedule.duration),
        "duration_ms": _ms(schedule.duration),
        **(_rule_shape(schedule.recurrence) if schedule.recurrence else _ONE_SHOT),
        "priority": schedule.priority,
        "dst_gap": schedule.dst_gap,
        "dst_overlap": schedule.dst_overlap,
        "created": schedule.created,
    }


def _start_shape(start: WallStart | InstantStart) -> Shape:
    match start:
        case InstantStart(at):
            return {"start": at, "timezone": None}
        case WallStart(local, zone):
            return {"start": local.isoformat(), "timezone": zone}


def _rule_shape(rule: Recurrence) -> Shape:
    return {
        "repeat": rule.frequency,
        "every": rule.every,
        "days": [WEEKDAYS[day - 1][:SHORTEST_DAY] for day in sorted(rule.weekdays)],
        "last_day": rule.last_day,
        "count": rule.count,
        "until": rule.until,
    }


def occurrence_shape(occurrence: Occurrence) -> Shape:
    """Give one occurrence as it was booked."""
    window = occurrence.window
    return {"slot": occurrence.slot, "start": window.start, "stop": window.stop}


def prospect_shape(prospect: Prospect) -> Shape:
    """Give a schedule with its next slots and its verdict; `by`, `reason` of its first trouble."""
    trouble = prospect.trouble
    return {
        **schedule_shape(prospect.schedule),
        "next": [occurrence_shape(occurrence) for occurrence in prospect.next],
        "verdict": prospect.verdict,
        "by": blocker_shapes(trouble.by if trouble else ()),
        "reason": trouble.reason if trouble else None,
    }


def effect_shape(effect: Effect) -> Shape:
    """Give what a booking or an edit made: the schedule, and whose verdict has changed."""
    return {
        **prospect_shape(effect.prospect),
        "affects": [affected_shape(affected) for affected in effect.affects],
    }


def affected_shape(affected: Affected) -> Shape:
    """Give a schedule whose verdict a change has changed."""
    return {
        "schedule_id": affected.schedule_id,
        "name": affected.name,
        "verdict": affected.verdict,
    }


def plan_shape(entry: Planned) -> Shape:
    """Give one row of a plan; the schedule of a what-if's row is called `with-1` and so on.

    A recording by hand has no schedule and no slot.
    """
    window = entry.occurrence.window
    by_hand = entry.schedule.manual
    return {
        "schedule_id": None if by_hand else _schedule_id(entry.schedule.id),
        "name": entry.schedule.name,
        "target": entry.schedule.target,
        "slot": None if by_hand else entry.occurrence.slot,
        "start": window.start,
        "stop": window.stop,
        "verdict": entry.verdict,
        "claim": _pairs(entry.claim),
        "by": blocker_shapes(entry.by),
        "reason": entry.reason,
    }


def blocker_shapes(blockers: Iterable[Blocker]) -> list[Shape]:
    """Give who holds what of a window; no schedule is named where a lock or a person does."""
    return [
        {
            "schedule_id": _schedule_id(blocker.schedule_id),
            "start": blocker.window.start,
            "stop": blocker.window.stop,
        }
        for blocker in blockers
    ]


def run_shape(run: Run, now: datetime, on_air: Sequence[Aired] | None = None) -> Shape:
    """Give a run with all its facts; lateness is that of the first part with data.

    A recording by hand has no schedule and no slot. `on_air` is what a channel showed of it, None
    where nobody wrote that down; its first and last picture are its own, not a slate's.
    """
    own = [each.window for each in on_air or () if each.kind is not Kind.SLATE]
    confirmed = next((part for part in run.parts if part.first_data_at is not None), None)
    last = run.parts[-1] if run.parts else None
    return {
        "id": run.id,
        "schedule_id": run.shown_schedule,
        "slot": None if run.manual else run.slot,
        "target": run.target,
        "name": run.name,
        "status": run.status if run.status is Status.FINISHED else shown(run.status),
        "outcome": run.outcome,
        "reason": run.reason,
        "sentence": run.sentence,
        "blocker": run.blocker,
        "since": run.since,
        "planned": _window(run.planned),
        "commanded": run.parts[0].commanded_at if run.parts else None,
        "first_data": confirmed.first_data_at if confirmed else None,
        "stopped": last.stopped_at if last else None,
        "late_ms": _optional_ms(late(confirmed)) if confirmed else None,
        "command_late_ms": _ms(command_late(run.parts[0])) if run.parts else None,
        "parts": [part_shape(part) for part in run.parts],
        "files": [shape for part in run.parts for shape in _file_shapes(part)],
        "gaps": _pairs(_gaps_so_far(run, now)),
        "on_air": None if on_air is None else [_aired_shape(each) for each in on_air],
        "first_picture": own[0].start if own else None,
        "last_picture": own[-1].stop if own else None,
    }


def _aired_shape(aired: Aired) -> Shape:
    return {
        "start": aired.window.start,
        "stop": aired.window.stop,
        "kind": aired.kind,
        "name": aired.name,
        "detail": aired.detail,
    }


def broadcast_shape(broadcast: Broadcast, period: Window) -> Shape:
    """Give something that a channel had on air, cut to the period that was asked about."""
    aired, run = broadcast.aired, broadcast.run
    shown = aired.window.common(period) or aired.window
    return {
        **_aired_shape(aired),
        **_window(shown),
        "live": aired.live,
        "part": aired.token,
        "run_id": run.id if run else None,
        "schedule_id": run.shown_schedule if run else None,
    }


def part_shape(part: Part) -> Shape:
    """Give the facts of one part."""
    return {
        "number": part.number,
        "input": part.input,
        "piece": [part.piece.start, part.piece.stop],
        "commanded": part.commanded_at,
        "first_data": part.first_data_at,
        "last_data": part.last_data_at,
        "stopped": part.stopped_at,
        "late_ms": _optional_ms(late(part)),
        "command_late_ms": _ms(command_late(part)),
        "end": part.end,
        "detail": part.detail,
        "reference": part.reference,
        "bytes": part.bytes,
        "files": list(part.files),
    }


def _file_shapes(part: Part) -> list[Shape]:
    """Give the files of a part; what it knows of size and length is known of its only file."""
    only = len(part.files) == 1
    removed = {each.path: each for each in part.removed}
    span = (
        part.last_data_at - part.first_data_at if part.last_data_at and part.first_data_at else None
    )
    return [
        {
            "path": path,
            "bytes": part.bytes if only else None,
            "duration_ms": _optional_ms(span) if only else None,
            "removed": removed[path].at if path in removed else None,
            "removed_why": removed[path].why if path in removed else None,
        }
        for path in part.files
    ]


def _gaps_so_far(run: Run, now: datetime) -> tuple[Window, ...]:
    """Give the gaps that are known: what lies ahead or has not been heard of yet is none."""
    until = run.planned.stop
    if run.status is not Status.FINISHED:
        last = run.parts[-1] if run.parts else None
        flows = last is not None and last.stopped_at is None
        heard = (last.last_data_at or last.first_data_at) if last is not None and flows else None
        until = min(until, heard or now)
    if until <= run.planned.start:
        return ()
    return gaps(run.parts, Window(run.planned.start, until))


def exception_day_shape(day: ExceptionDay) -> Shape:
    """Give a day on which nothing starts; without a target it holds for all."""
    return {"id": day.id, "date": day.day, "name": day.name, "target": day.target}


def target_shape(target: Target, driver: str | None, doing: Mapping[str, object]) -> Shape:
    """Give a target with the ids that clients know it by; `doing` is the engine's picture of it.

    Ids are null until the database has given them.
    """
    public_id = target.public_id or None
    return {
        "target": target.key,
        "name": target.name,
        "valt_id": public_id,
        "ibm_id": public_id,
        "uplynk_id": target.uid or None,
        "driver": driver,
        "timezone": target.zone,
        "capacity": target.capacity,
        "min_piece_ms": _ms(target.min_piece),
        "known": driver is not None,
        "locked_since": target.locked_since,
        "status": doing.get("status"),
        "problem": doing.get("problem"),
    }


def problem_shape(problem: Problem) -> Shape:
    """Give one thing that is wrong, with its line where it stands in a file."""
    return {
        "field": problem.field,
        "value": problem.value,
        "fix": problem.fix,
        "line": problem.line if isinstance(problem, ConfigProblem) else None,
    }


def _schedule_id(schedule_id: int | None) -> int | str | None:
    if schedule_id is None or schedule_id < WHAT_IF_ID:
        return schedule_id
    return f"with-{schedule_id - WHAT_IF_ID}"


def _window(window: Window) -> Shape:
    return {"start": window.start, "stop": window.stop}


def _pairs(windows: Iterable[Window]) -> list[list[datetime]]:
    return [[window.start, window.stop] for window in windows]


def _ms(length: timedelta) -> int:
    return round(length / MILLISECOND)


def _optional_ms(length: timedelta | None) -> int | None:
    return None if length is None else _ms(length)
