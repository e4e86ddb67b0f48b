"""The behavioural rules of the contract, over a real socket: who wins, what repeats when."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

ROME = ZoneInfo("Europe/Rome")
MINUTE = 60

# name: (start and end in minutes from the first, in order of booking) -> blocked, conflict
VECTORS = {
    "inside": ([(0, 60), (15, 45)], [1], []),
    "partly": ([(0, 60), (30, 90)], [], [1]),
    "same": ([(0, 60), (0, 60)], [1], []),
    "tie, the shorter is older": ([(0, 30), (0, 60)], [], [1]),
    "tie, the longer is older": ([(0, 60), (0, 30)], [1], []),
    "back to back": ([(0, 60), (60, 120)], [], []),
    "earlier start wins over older": ([(30, 90), (0, 60)], [], [0]),
    "covered by two together": ([(0, 30), (20, 60), (25, 50)], [2], [1]),
    "between two": ([(0, 30), (30, 60), (15, 45)], [], [1, 2]),
    "what is blocked blocks nobody": ([(0, 60), (15, 45), (60, 90)], [1], []),
    "what is left": ([(0, 60), (30, 90), (60, 75)], [2], [1]),
}


@pytest.mark.parametrize("vector", VECTORS)
async def test_who_wins(valt, vector):
    """Earlier start wins, then the older one; covered wholly is blocked, partly is in conflict."""
    windows, blocked, conflict = VECTORS[vector]
    base = valt.soon()
    ids = [
        await valt.book(start_at=base + start * MINUTE, duration=(stop - start) * MINUTE)
        for start, stop in windows
    ]
    listed = await valt.every()
    assert [ids.index(each) for each in listed["blocked_schedules"]] == blocked
    assert [ids.index(each) for each in listed["conflict_schedules"]] == conflict


async def test_other_rooms_do_not_matter(valt):
    """Rooms have nothing to do with one another."""
    start = valt.soon()
    other_room = (await valt.get("admin/rooms")).json()["data"][1]["id"]
    await valt.book(start_at=start)
    await valt.book(start_at=start, room=other_room)
    listed = await valt.every()
    assert (listed["blocked_schedules"], listed["conflict_schedules"]) == ([], [])


async def test_one_blocked_occurrence_of_a_series_is_enough(valt):
    """A series is blocked if one of its occurrences is, whatever becomes of the others."""
    start = valt.soon()
    series = await valt.book(start_at=start, recurrence={"type": "daily"})
    holder = await valt.book(start_at=start + 2 * 86400 - 600, duration=7200)
    assert (await valt.every())["blocked_schedules"] == [series]
    await valt.post(f"schedule/{holder}/delete")
    await valt.book(start_at=start + 3 * 86400 - 600, duration=1800)
    assert (await valt.every())["conflict_schedules"] == [series]


def rome(text: str) -> int:
    """Give the second at which clocks in Rome show a time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ROME).timestamp())


async def starts_of(valt, schedule_id: int, most: int) -> list[str]:
    """Give the starts of a series as Rome's clocks show them, taking each away in turn."""
    found: list[str] = []
    while len(found) < most:
        answer = await valt.get(f"schedule/{schedule_id}")
        if answer.status_code == 404:
            break
        start = datetime.fromtimestamp(answer.json()["data"]["start_at"], ROME)
        found.append(start.strftime("%Y-%m-%d %H:%M"))
        await valt.post(f"schedule/{schedule_id}/delete_next")
    return found


@pytest.mark.parametrize(
    ("start", "recurrence", "starts"),
    [
        (
            "2029-03-24T12:00",  # the clocks go forward on the 25th
            {"type": "daily"},
            ["2029-03-24 12:00", "2029-03-25 12:00", "2029-03-26 12:00"],
        ),
        (
            "2029-03-21T12:00",  # a Wednesday
            {"type": "weekly", "weeks_range": [1, 5]},
            ["2029-03-23 12:00", "2029-03-26 12:00", "2029-03-30 12:00"],
        ),
        (
            "2029-03-21T12:00",
            {"type": "weekly"},
            ["2029-03-21 12:00", "2029-03-28 12:00", "2029-04-04 12:00"],
        ),
        (
            "2029-01-31T12:00",
            {"type": "monthly"},
            ["2029-01-31 12:00", "2029-03-31 12:00", "2029-05-31 12:00"],
        ),
        (
            "2029-03-21T12:00",
            {"type": "daily", "range_type": "after", "end_after": 2},
            ["2029-03-21 12:00", "2029-03-22 12:00"],
        ),
        (
            "2029-03-21T12:00",
            {"type": "daily", "range_type": "by", "end_by": "03-22-2029"},
            ["2029-03-21 12:00", "2029-03-22 12:00"],
        ),
        (
            "2029-03-21T12:00",
            {"type": "weekly", "weeks_range": 0, "range_type": "by", "end_by": "2029-03-25"},
            ["2029-03-25 12:00"],
        ),
    ],
)
async def test_what_repeats_when(valt, start, recurrence, starts):
    """Series keep the server's time of day and its calendar; ends are counted as they are meant."""
    schedule_id = await valt.book(start_at=rome(start), recurrence=recurrence)
    assert await starts_of(valt, schedule_id, 3) == starts


async def test_series_that_ends_before_its_first_day(valt):
    """A series whose first listed day comes after its end is refused."""
    rule = {"type": "weekly", "weeks_range": 0, "range_type": "by", "end_by": "03-24-2029"}
    wish = valt.wish(start_at=rome("2029-03-21T12:00"), recurrence=rule)
    answer = await valt.post("schedule", wish)
    assert answer.status_code == 400
    assert "recurrence.end_by" in answer.json()["error"]["message"]


async def test_exception_day_uses_its_turn_up(valt):
    """A day on which nothing starts counts among the occurrences of a series."""
    start = rome("2029-03-21T12:00")
    rule = {"type": "daily", "range_type": "after", "end_after": 2}
    schedule_id = await valt.book(start_at=start, recurrence=rule)
    day = datetime.fromtimestamp(start, ROME).date()
    await valt.api.services.bookings.add_exception_day(day, "Holiday", None)
    assert (await valt.details(schedule_id))["start_at"] == rome("2029-03-22T12:00")


async def test_no_padding(valt):
    """A recording has the length that was booked, and nothing before or after."""
    start = valt.soon()
    shown = await valt.details(await valt.book(start_at=start, duration=300))
    assert (shown["start_at"], shown["stop_at"]) == (start, start + 300)
