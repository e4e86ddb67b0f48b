"""What the values themselves answer, and how mistakes read."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.errors import InvalidBooking, NotFound, Problem, Refused, ZoneUnknown
from tallyd.domain.model import Part, Run, Target, TargetKind
from tallyd.domain.window import Window

TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
HOUR = Window(TEN, TEN + timedelta(hours=1))


@pytest.mark.parametrize(
    ("key", "kind"), [("rooms.aula", TargetKind.ROOM), ("channels.one", TargetKind.CHANNEL)]
)
def test_a_key_says_whether_it_is_a_room_or_a_channel(key, kind):
    """The first half of a target's key is its kind."""
    assert Target(key, "x", 1, "u", "UTC").kind is kind


@pytest.mark.parametrize(
    ("first_data", "confirmed"), [([], False), ([None], False), ([None, TEN], True)]
)
def test_a_run_is_confirmed_once_data_flowed_in_any_part(first_data, confirmed):
    """Only data makes a recording, not the device's word for it."""
    parts = tuple(
        Part(number, 0, HOUR, "t", TEN, first_data_at=at) for number, at in enumerate(first_data, 1)
    )
    assert Run(1, "rooms.aula", "x", HOUR, 1, "@0", parts=parts).confirmed is confirmed


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            InvalidBooking(Problem("every", "0", "give one"), Problem("name", "", "name it")),
            "every: '0': give one; name: '': name it",
        ),
        (NotFound("run", "7"), "there is no run 7"),
        (Refused("it would cut"), "it would cut"),
        (ZoneUnknown("Mars/Olympus"), "there is no time zone Mars/Olympus"),
    ],
)
def test_a_mistake_reads_as_a_line(error, line):
    """Whatever the domain refuses says in one line what is wrong."""
    assert str(error) == line
