"""The JSON shapes: keys and values that other programs read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.cli.output import to_json
from tallyd.config import ConfigProblem
from tallyd.domain.conflicts import Blocker
from tallyd.domain.errors import Problem
from tallyd.domain.model import (
    EndReason,
    ExceptionDay,
    Frequency,
    InstantStart,
    Occurrence,
    Outcome,
    Part,
    Reason,
    Recurrence,
    Run,
    Schedule,
    Status,
    Target,
    Verdict,
    WallStart,
)
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.notation.shapes import (
    exception_day_shape,
    part_shape,
    plan_shape,
    problem_shape,
    run_shape,
    schedule_shape,
    target_shape,
)
from tallyd.reports import WHAT_IF_ID

TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEDULE = Schedule(
    id=3,
    uid="u",
    target="rooms.aula",
    name="A",
    start=WallStart(TEN.replace(tzinfo=None), "Europe/Rome"),
    duration=timedelta(minutes=90),
    effective_from=TEN,
    created=TEN,
)


THERE = {"removed": None, "removed_why": None}


def at(seconds: float) -> datetime:
    """Give an instant so long after ten."""
    return TEN + timedelta(seconds=seconds)


def part(number: int, first: float | None, last: float | None, stopped: float | None) -> Part:
    """Give a part that was commanded a second early with two seconds of lead."""
    return Part(
        number=number,
        input=0,
        piece=Window(TEN, TEN + HOUR),
        token="t",  # noqa: S106 - no secret
        commanded_at=at(-1),
        lead=timedelta(seconds=2),
        first_data_at=None if first is None else at(first),
        last_data_at=None if last is None else at(last),
        stopped_at=None if stopped is None else at(stopped),
    )


def run(*parts: Part, status: Status = Status.STARTED) -> Run:
    """Give a run of an hour with these parts."""
    return Run(5, "rooms.aula", "A", Window(TEN, TEN + HOUR), 3, "slot", status, parts=parts)


def test_a_one_shot_has_every_option() -> None:
    """What does not apply is null, empty or false, never absent."""
    assert schedule_shape(SCHEDULE) == {
        "id": 3,
        "uid": "u",
        "target": "rooms.aula",
        "name": "A",
        "start": "2026-12-01T10:00:00",
        "timezone": "Europe/Rome",
        "duration": "1h30m",
        "duration_ms": 5_400_000,
        "repeat": "none",
        "every": None,
        "days": [],
        "last_day": False,
        "count": None,
        "until": None,
        "priority": 0,
        "dst_gap": "shift",
        "dst_overlap": "first",
        "created": TEN,
    }


def test_a_series_shows_its_rule() -> None:
    """Under the names of the options, as the options are written."""
    rule = Recurrence(Frequency.WEEKLY, 2, frozenset({3, 1}), until=date(2027, 6, 30))
    shape = schedule_shape(replace(SCHEDULE, recurrence=rule))
    assert shape["repeat"] == "weekly"
    assert (shape["every"], shape["days"]) == (2, ["mon", "wed"])
    assert (shape["count"], shape["until"]) == (None, date(2027, 6, 30))


def test_a_start_by_instant_has_no_zone() -> None:
    """It is the instant itself, in UTC."""
    shape = schedule_shape(replace(SCHEDULE, start=InstantStart(TEN)))
    assert (shape["start"], shape["timezone"]) == (TEN, None)


def test_a_row_of_the_plan_has_exactly_its_keys() -> None:
    """The contract of `tallyd plan --json`, written out."""
    entry = Planned(
        replace(SCHEDULE, id=WHAT_IF_ID + 2),
        Occurrence(WHAT_IF_ID + 2, "2026-12-01T11:00:00", Window(TEN, TEN + HOUR)),
        Verdict.CONFLICT,
        (Window(at(1800), TEN + HOUR),),
        (
            Blocker(Window(TEN, at(60)), schedule_id=4),
            Blocker(Window(at(60), at(90)), schedule_id=WHAT_IF_ID + 1),
            Blocker(Window(at(90), at(100)), run_id=9),
            Blocker(Window(at(100), at(1800))),
        ),
        Reason.OCCUPIED,
    )
    assert plan_shape(entry) == {
        "schedule_id": "with-2",
        "name": "A",
        "target": "rooms.aula",
        "slot": "2026-12-01T11:00:00",
        "start": TEN,
        "stop": TEN + HOUR,
        "verdict": "conflict",
        "claim": [[at(1800), TEN + HOUR]],
        "by": [
            {"schedule_id": 4, "start": TEN, "stop": at(60)},
            {"schedule_id": "with-1", "start": at(60), "stop": at(90)},
            {"schedule_id": None, "start": at(90), "stop": at(100)},
            {"schedule_id": None, "start": at(100), "stop": at(1800)},
        ],
        "reason": "occupied",
    }


def test_a_finished_run_shows_all_its_facts() -> None:
    """Two parts with a hole between them, and what came of it."""
    first = replace(
        part(1, 0.5, 600, 601),
        end=EndReason.DIED,
        detail="exit 1",
        reference="12@34",
        files=("/r/a.mkv",),
        bytes=1000,
    )
    second = replace(part(2, 610, 3600, 3601), files=("/r/b.mkv", "/r/c.mkv"), bytes=5)
    finished = replace(
        run(first, second, status=Status.FINISHED),
        outcome=Outcome.PARTIAL,
        reason=Reason.DEVICE_ENDED,
        sentence="Recorded most of it.",
    )
    shape = run_shape(finished, at(9999))
    assert {key: shape[key] for key in ("id", "schedule_id", "slot", "status", "outcome")} == {
        "id": 5,
        "schedule_id": 3,
        "slot": "slot",
        "status": "finished",
        "outcome": "partial",
    }
    assert shape["planned"] == {"start": TEN, "stop": TEN + HOUR}
    assert shape["commanded"] == at(-1)
    assert (shape["first_data"], shape["stopped"]) == (at(0.5), at(3601))
    assert (shape["late_ms"], shape["command_late_ms"]) == (500, 1000)
    assert shape["gaps"] == [[TEN, at(0.5)], [at(600), at(610)]]
    assert shape["files"] == [
        {"path": "/r/a.mkv", "bytes": 1000, "duration_ms": 599_500, **THERE},
        {"path": "/r/b.mkv", "bytes": None, "duration_ms": None, **THERE},
        {"path": "/r/c.mkv", "bytes": None, "duration_ms": None, **THERE},
    ]
    assert shape["parts"] == [part_shape(first), part_shape(second)]
    assert part_shape(first) == {
        "number": 1,
        "input": 0,
        "piece": [TEN, TEN + HOUR],
        "commanded": at(-1),
        "first_data": at(0.5),
        "last_data": at(600),
        "stopped": at(601),
        "late_ms": 500,
        "command_late_ms": 1000,
        "end": "died",
        "detail": "exit 1",
        "reference": "12@34",
        "bytes": 1000,
        "files": ["/r/a.mkv"],
    }
    assert '"planned": {' in to_json(shape)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.PENDING, "pending"),
        (Status.STARTING, "pending"),
        (Status.STARTED, "started"),
        (Status.STOPPING, "started"),
        (Status.FINISHED, "finished"),
    ],
)
def test_the_outside_sees_three_statuses(status: Status, word: str) -> None:
    """Pending, started, finished; what the engine is about to do is its own business."""
    assert run_shape(run(status=status), TEN)["status"] == word


@pytest.mark.parametrize(
    ("recorded", "now", "gaps"),
    [
        ((), -60, []),
        ((), 30, [[TEN, at(30)]]),
        ((part(1, None, None, None),), 30, [[TEN, at(30)]]),
        ((part(1, -0.2, 20, None),), 30, []),
        ((part(1, 5, 20, None),), 30, [[TEN, at(5)]]),
        ((part(1, 5, None, None),), 30, [[TEN, at(5)]]),
        ((part(1, 0, 20, 21),), 30, [[at(20), at(30)]]),
    ],
)
def test_what_lies_ahead_of_a_run_is_no_gap(
    recorded: tuple[Part, ...], now: float, gaps: list[list[datetime]]
) -> None:
    """Nor is what a device that still records has not reported yet."""
    assert run_shape(run(*recorded), at(now))["gaps"] == gaps


def test_a_run_without_parts_says_so_with_nulls() -> None:
    """Nothing was commanded, so nothing was late."""
    shape = run_shape(run(status=Status.PENDING), TEN)
    keys = ("commanded", "first_data", "stopped", "late_ms", "command_late_ms")
    assert {shape[key] for key in keys} == {None}
    assert (shape["parts"], shape["files"]) == ([], [])


def test_a_target_has_the_ids_of_every_client() -> None:
    """Null where the database has given none yet; `known` is what the configuration says."""
    target = Target("rooms.aula", "Aula", 7, "ab", "UTC")
    shape = target_shape(target, "ffmpeg", {"status": "idle", "problem": None})
    assert (shape["valt_id"], shape["ibm_id"], shape["uplynk_id"]) == (7, 7, "ab")
    assert (shape["driver"], shape["known"], shape["status"]) == ("ffmpeg", True, "idle")
    unborn = target_shape(replace(target, public_id=0, uid=""), None, {})
    assert (unborn["valt_id"], unborn["uplynk_id"]) == (None, None)
    assert (unborn["known"], unborn["status"]) == (False, None)


def test_small_shapes() -> None:
    """Exception days and problems, key by key."""
    day = ExceptionDay(1, date(2026, 12, 25), "Christmas", None)
    assert exception_day_shape(day) == {
        "id": 1,
        "date": date(2026, 12, 25),
        "name": "Christmas",
        "target": None,
    }
    plain = {"field": "f", "value": "v", "fix": "x"}
    assert problem_shape(Problem("f", "v", "x")) == {**plain, "line": None}
    assert problem_shape(ConfigProblem("f", "v", "x", 4)) == {**plain, "line": 4}
