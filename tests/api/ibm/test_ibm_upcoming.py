"""What comes next on a channel, over a real socket; and the rule, beside a slower one."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.api.ibm.upcoming import holidays_of, next_occurrence
from tallyd.domain.model import (
    ExceptionDay,
    Frequency,
    Override,
    Recurrence,
    Schedule,
    Target,
    WallStart,
)
from tallyd.domain.recurrence import local_date, slots_from

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
MONDAY = 1803922200
DAY = 86400
WEEKLY = {"repeat": "weekly", "repeat_days": "Monday,Thursday"}


def _starts(listed):
    return [event["start"] for event in listed["events"]]


async def test_weekly(ibm):
    """The next occurrence: its id as text, its start, its length in seconds."""
    path = await ibm.book(**WEEKLY)
    number = path.rpartition("/")[2].removesuffix(".json")
    assert await ibm.upcoming() == {
        "events": [
            {
                "id": number,
                "title": "A",
                "description": "B",
                "start": MONDAY,
                "duration": 5400,
            }
        ],
        "paging": {},
    }


async def test_time_goes_on(ibm):
    """What has begun is not to come; of a series the one after it is, each once."""
    await ibm.book(**WEEKLY)
    await ibm.book(time="18:31")
    await ibm.book(repeat="daily", time="18:32")
    assert _starts(await ibm.upcoming()) == [MONDAY, MONDAY + 60, MONDAY + 120]
    ibm.clock.shown = datetime.fromtimestamp(MONDAY - 1, UTC)
    assert _starts(await ibm.upcoming())[0] == MONDAY
    ibm.clock.shown = datetime.fromtimestamp(MONDAY, UTC)
    assert _starts(await ibm.upcoming()) == [MONDAY + 60, MONDAY + 120, MONDAY + 3 * DAY]
    ibm.clock.shown = datetime.fromtimestamp(MONDAY + 3 * DAY, UTC)
    await ibm.log_in()
    assert _starts(await ibm.upcoming()) == [MONDAY + 3 * DAY + 120, MONDAY + 7 * DAY]
    ibm.clock.shown = NOON
    await ibm.log_in()
    assert _starts(await ibm.upcoming()) == [MONDAY, MONDAY + 60, MONDAY + 120]


async def test_dropped_days_are_passed_over(ibm):
    """What will not happen is not announced: exceptions, and occurrences that were left out."""
    path = await ibm.book(**WEEKLY)
    number = int(path.rpartition("/")[2].removesuffix(".json"))
    bookings = ibm.api.services.bookings
    assert _starts(await ibm.upcoming()) == [MONDAY]
    await bookings.skip(number, "next")
    assert _starts(await ibm.upcoming()) == [MONDAY + 3 * DAY]
    added = await bookings.add_exception_day(date(2027, 3, 4), "Holiday", None)
    assert _starts(await ibm.upcoming()) == [MONDAY + 7 * DAY]
    await bookings.remove_exception_day(added.id)
    assert _starts(await ibm.upcoming()) == [MONDAY + 3 * DAY]


async def test_pages(ibm):
    """Fifty on a page unless fewer are asked for, never more; links, and no counts."""
    for minute in range(53):
        await ibm.book(time=f"18:{minute:02}")
    base = f"{ibm.api.url}/channels/77/upcoming-events.json?pagesize="
    first = await ibm.upcoming()
    assert len(first["events"]) == 50
    assert first["paging"] == {"next": f"{base}50&page=2"}
    second = await ibm.upcoming(page=2)
    assert len(second["events"]) == 3
    assert second["paging"] == {"previous": f"{base}50&page=1"}
    assert await ibm.upcoming(pagesize=51) == first
    small = await ibm.upcoming(pagesize=2, page=2)
    assert small["events"] == first["events"][2:4]
    assert small["paging"] == {"previous": f"{base}2&page=1", "next": f"{base}2&page=3"}
    assert (await ibm.upcoming(page=9))["events"] == []


async def test_anybody_with_a_token_may_look(ibm, anna, viewer):
    """What comes next on a channel is its programme: no account is kept from it."""
    answer = await anna.post(
        "v2/channels/78/events.json",
        {
            "title": "Hers",
            "description": "",
            "date": "2027-03-02",
            "time": "09:00",
            "timezone": "Europe/Rome",
            "duration": "15",
        },
    )
    assert answer.status_code == 201
    for client in (ibm, viewer, anna):
        answer = await client.get("channels/78/upcoming-events.json")
        assert (answer.status_code, answer.reason_phrase) == (200, "OK")
        assert [event["title"] for event in answer.json()["events"]] == ["Hers"]


def _series(zone: str, recurrence: Recurrence | None) -> Schedule:
    start = WallStart(datetime(2027, 3, 1, 2, 30), zone)  # noqa: DTZ001 - a wall time
    hour = timedelta(hours=1)
    born = NOON - timedelta(days=30)
    return Schedule(1, "u", "channels.one", "n", start, hour, born, born, recurrence)


DAYS = st.dates(date(2027, 3, 1), date(2027, 4, 10))


@given(
    st.sampled_from([None, Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY]),
    st.frozensets(DAYS, max_size=20),
    st.frozensets(DAYS, max_size=20),
    st.integers(0, 40 * 24),
)
def test_what_is_next(frequency, left_out, holidays, hours):
    """It is the first that begins later, was not left out, and falls on no exception day."""
    now = NOON - timedelta(days=2) + timedelta(hours=hours)
    zone = "Europe/Budapest"
    schedule = _series(zone, frequency and Recurrence(frequency))
    overrides = [Override(1, f"{day}T02:30:00", excluded=True) for day in left_out]
    found = next_occurrence(schedule, overrides, holidays, zone, now)
    wanted = None
    for each in slots_from(schedule, now + timedelta(milliseconds=1)):
        if any(o.slot == each.slot for o in overrides):
            continue
        if local_date(each.window.start, zone) not in holidays:
            wanted = each
            break
    assert found == wanted


def test_zone_that_is_gone():
    """Of what nobody can place in time nothing is announced."""
    assert next_occurrence(_series("Mars/Olympus", None), (), (), "UTC", NOON) is None


@pytest.mark.parametrize(("target", "counts"), [(None, 1), ("channels.one", 1), ("rooms.x", 0)])
def test_exception_days_of_others(target, counts):
    """A day that is none for this channel keeps nothing from it."""
    channel = Target("channels.one", "One", 77, "u", "UTC")
    days = [ExceptionDay(1, date(2027, 3, 1), "Holiday", target)]
    assert len(holidays_of(days, channel)) == counts
