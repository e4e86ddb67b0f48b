"""What VALT's clients are shown: schedules, lists and rooms, field by field."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.api.valt import answers
from tallyd.api.valt.rooms import Room, Session, info_view, room_view, status_view
from tallyd.api.valt.rules import rule_view
from tallyd.api.valt.views import (
    Named,
    Shown,
    blocked_view,
    conflict_view,
    list_view,
    schedule_view,
)
from tallyd.domain.errors import Problem
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Schedule,
    Target,
    Verdict,
    WallStart,
)
from tallyd.domain.window import Window

START = datetime(2026, 9, 28, 13, 0, tzinfo=UTC)
CLINIC = Schedule(
    id=17,
    uid="u",
    target="rooms.exam",
    name="Monday clinic",
    start=WallStart(datetime.fromisoformat("2026-09-28T15:00"), "Europe/Berlin"),
    duration=timedelta(hours=1),
    effective_from=START,
    created=datetime(2026, 9, 21, 12, 0, 0, 900_000, tzinfo=UTC),
    recurrence=Recurrence(Frequency.WEEKLY, weekdays=frozenset({1, 3, 7})),
    metadata=Metadata(template={"17": "Student"}, shared_users=(13, 17), shared_groups=(1,)),
)
SHOWN = Shown(
    CLINIC,
    Named(39, "Exam 2"),
    Named(4, "rlopez"),
    Window(START, START + timedelta(hours=1)),
    started=False,
)
ROOM = Target("rooms.exam", "Exam 2", 39, "u", "UTC")


def test_schedule_object():
    """Every field of the schedule object is there, for old clients and new ones."""
    assert schedule_view(SHOWN) == {
        "id": 17,
        "name": "Monday clinic",
        "template": [{"id": 17, "name": "17", "value": "Student"}],
        "author": {"id": 4, "name": "rlopez"},
        "room": {"id": 39, "name": "Exam 2"},
        "rooms": [{"id": 39, "name": "Exam 2"}],
        "created": 1789992000,
        "start_at": 1790600400,
        "stop_at": 1790604000,
        "duration": 3600,
        "status": "pending",
        "recurrence": {
            "type": "weekly",
            "weeks_range": [0, 1, 3],
            "range_type": "no_end_date",
        },
        "shared": {"users": [13, 17], "user_groups": [1]},
    }


def test_started():
    """A schedule that records says so."""
    assert schedule_view(replace(SHOWN, started=True))["status"] == "started"


def test_no_metadata_is_null():
    """Without metadata fields the template is null, not empty."""
    bare = replace(SHOWN, schedule=replace(CLINIC, metadata=Metadata()))
    view = schedule_view(bare)
    assert view["template"] is None
    assert view["shared"] == {"users": [], "user_groups": []}


def test_field_that_is_no_number():
    """A metadata field with a name for an id keeps it."""
    named = replace(CLINIC, metadata=Metadata(template={"Role": "Student"}))
    template = schedule_view(replace(SHOWN, schedule=named))["template"]
    assert template == [{"id": "Role", "name": "Role", "value": "Student"}]


def test_duration_is_stop_minus_start():
    """Seconds add up where what was booked elsewhere has fractions."""
    window = Window(START + timedelta(milliseconds=900), START + timedelta(seconds=2.1))
    view = schedule_view(replace(SHOWN, window=window))
    assert (view["start_at"], view["stop_at"], view["duration"]) == (1790600400, 1790600403, 3)


@pytest.mark.parametrize(
    ("rule", "view"),
    [
        (None, {"type": "none"}),
        (Recurrence(Frequency.DAILY), {"type": "daily", "range_type": "no_end_date"}),
        (
            Recurrence(Frequency.WEEKLY),
            {"type": "weekly", "weeks_range": [1], "range_type": "no_end_date"},
        ),
        (
            Recurrence(Frequency.WEEKLY, weekdays=frozenset({7})),
            {"type": "weekly", "weeks_range": [0], "range_type": "no_end_date"},
        ),
        (
            Recurrence(Frequency.MONTHLY, count=5),
            {"type": "monthly", "range_type": "after", "end_after": 5},
        ),
        (
            Recurrence(Frequency.DAILY, until=date(2027, 4, 30)),
            {"type": "daily", "range_type": "by", "end_by": "04-30-2027"},
        ),
    ],
)
def test_recurrence_object(rule, view):
    """A recurrence is an object, with an end only where it has one."""
    assert rule_view(rule, CLINIC.start) == view


def test_recurrence_of_instant():
    """What is booked as an instant has no weekday of its own."""
    assert rule_view(None, InstantStart(START)) == {"type": "none"}


def test_lists():
    """The list has ids of what is blocked or in conflict, the two other lists whole objects."""
    ids = {"clear": 1, "blocked": 2, "conflict": 3}
    every = [
        replace(SHOWN, schedule=replace(CLINIC, id=id_), verdict=Verdict(verdict))
        for verdict, id_ in ids.items()
    ]
    assert list_view(every) == {
        "data": {
            "schedules": [schedule_view(each) for each in every],
            "blocked_schedules": [2],
            "conflict_schedules": [3],
            "total_count": 3,
        }
    }
    assert blocked_view(every) == {"data": {"blocked_schedules": [schedule_view(every[1])]}}
    assert conflict_view(every) == {"data": {"conflict_schedules": [schedule_view(every[2])]}}


def test_empty_lists():
    """Without schedules it is the inner lists that are empty: a client trips over a bare one."""
    assert list_view([]) == {
        "data": {
            "schedules": [],
            "blocked_schedules": [],
            "conflict_schedules": [],
            "total_count": 0,
        }
    }
    assert blocked_view([]) == {"data": {"blocked_schedules": []}}
    assert conflict_view([]) == {"data": {"conflict_schedules": []}}


RECORDING = Session(615, START, paused=False, open_to_caller=True)


@pytest.mark.parametrize(
    ("room", "view"),
    [
        (Room(ROOM), {"status": "available", "record": False}),
        (Room(replace(ROOM, locked_since=START)), {"status": "locked", "record": False}),
        (
            Room(ROOM, RECORDING),
            {"status": "recording", "record": True, "record_id": 615, "record_access": True},
        ),
        (
            Room(ROOM, replace(RECORDING, paused=True, open_to_caller=False)),
            {"status": "paused", "record": True, "record_id": 615, "record_access": False},
        ),
        (
            Room(replace(ROOM, locked_since=START), RECORDING),
            {"status": "recording", "record": True, "record_id": 615, "record_access": True},
        ),
    ],
)
def test_room_status(room, view):
    """A room is available, locked, recording or paused, and names its recording."""
    assert status_view(room) == {"data": view}


def test_room_info():
    """A room tells its recording and how long it has been going."""
    now = START + timedelta(seconds=90.7)
    assert info_view(Room(ROOM), now) == {"id": 39, "name": "Exam 2", "has_recording": False}
    assert info_view(Room(ROOM, RECORDING), now) == {
        "id": 39,
        "name": "Exam 2",
        "has_recording": True,
        "recording": {"id": 615, "time": 90},
    }
    coming = info_view(Room(ROOM, replace(RECORDING, since=None)), now)
    assert coming["recording"] == {"id": 615, "time": 0}


def test_room_object():
    """A room has a camera for each input, with an id of its own."""
    assert room_view(ROOM) == {
        "id": 39,
        "name": "Exam 2",
        "is_io": False,
        "cameras": [{"id": 3900, "name": "Exam 2", "type": "video"}],
    }
    cameras = room_view(replace(ROOM, capacity=2))["cameras"]
    assert cameras == [
        {"id": 3900, "name": "Exam 2 1", "type": "video"},
        {"id": 3901, "name": "Exam 2 2", "type": "video"},
    ]


def test_problems_in_clients_words():
    """What is wrong is said of the fields that the client sent."""
    found = (Problem("target", "x", "there is none"), Problem("until", "x", "it is over"))
    assert answers.problems(found) == "room: there is none; recurrence.end_by: it is over"
