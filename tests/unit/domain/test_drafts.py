"""What is booked and what is refused: every mistake has its row, and all of them come at once."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from sample_drafts import NOW, at, daily, draft, monthly, problems, wall, weekly
from tallyd.domain.drafts import Draft, draft_of, to_schedule
from tallyd.domain.model import (
    Content,
    ContentKind,
    DstGap,
    DstOverlap,
    InstantStart,
    Metadata,
    Recurrence,
)

GOOD = {
    "as it is": {},
    "a start at this very instant": {"start": InstantStart(NOW)},
    "a start at the whole millisecond of now": {"start": at("2026-11-20T12:00:00.123")},
    "a wall time of now": {"start": wall("2026-11-20T12:00:00.123456", "UTC")},
    "a hundred years ahead": {"start": wall("2126-11-20T09:00")},
    "the shortest": {"duration": timedelta(milliseconds=1)},
    "the longest": {"duration": timedelta(days=31)},
    "the longest name": {"name": "x" * 200},
    "names of all the world": {"name": "عربى \u200e(1), 講義, Übung, 👩‍🔬"},
    "the lowest priority": {"priority": -100},
    "the highest priority": {"priority": 100},
    "a series that began long ago": {
        "start": wall("2020-01-06T09:00"),
        "recurrence": Recurrence(weekly),
    },
    "a series whose last slot is today": {
        "start": wall("2026-11-01T13:00:00.123"),
        "recurrence": Recurrence(daily, until=date(2026, 11, 20)),
    },
    "a series whose last counted slot is today": {
        "start": wall("2026-11-18T20:00"),
        "recurrence": Recurrence(daily, count=3),
    },
    "until the day it starts on": {"recurrence": Recurrence(daily, until=date(2026, 12, 1))},
    "as long as its interval": {
        "recurrence": Recurrence(daily),
        "duration": timedelta(days=1),
    },
    "longer than an interval that it does not have": {
        "recurrence": Recurrence(daily, count=1),
        "duration": timedelta(days=2),
    },
    "a gap that it shifts over": {"start": wall("2027-03-28T02:30")},
    "the widest interval": {"recurrence": Recurrence(monthly, every=1000)},
    "everything a rule can have": {
        "recurrence": Recurrence(weekly, 2, frozenset(range(1, 8)), count=100_000)
    },
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_what_can_be_booked(fields):
    """The limits themselves are allowed, and so is what is only unusual."""
    assert problems(draft(**fields)) == []


MISTAKES = {
    "a target that is not there": (
        {"target": "rooms.aual"},
        ("target", "rooms.aual", "there is no such target; did you mean rooms.aula?"),
    ),
    "a target by half its name": (
        {"target": "LAB"},
        ("target", "LAB", "there is no such target; did you mean rooms.lab?"),
    ),
    "a target unlike any": (
        {"target": "zzz"},
        (
            "target",
            "zzz",
            "there is no such target; there are channels.one, rooms.aula, rooms.lab",
        ),
    ),
    "no name": ({"name": ""}, ("name", "", "give it a name that can be seen")),
    "a blank name": ({"name": " \u3000"}, ("name", " \u3000", "give it a name that can be seen")),
    "a name too long": (
        {"name": "x" * 201},
        ("name", "x" * 40 + "...", "it has 201 characters; 200 are allowed"),
    ),
    "a line break in a name": (
        {"name": "a\nb\x1b[2J"},
        ("name", "a\nb\x1b[2J", "take out what cannot be printed: U+000A, U+001B"),
    ),
    "a line separator in a name": (
        {"name": "a\u2028b"},
        ("name", "a\u2028b", "take out what cannot be printed: U+2028"),
    ),
    "a name that turns the text around it": (
        {"name": "a\u202eb\u2066"},
        ("name", "a\u202eb\u2066", "take out what cannot be printed: U+202E, U+2066"),
    ),
    "half a character in a name": (
        {"name": "a\udc80"},
        ("name", "a\udc80", "take out what cannot be printed: U+DC80"),
    ),
    "more unprintable characters than one wants to read": (
        {"name": "a" + "".join(map(chr, range(8)))},
        (
            "name",
            "a" + "".join(map(chr, range(8))),
            "take out what cannot be printed: U+0000, U+0001, U+0002, U+0003, U+0004, ...",
        ),
    ),
    "a start in the past": (
        {"start": wall("2026-11-20T12:59:59")},
        (
            "start",
            "2026-11-20T12:59:59 Europe/Berlin",
            "that is over: it is 2026-11-20T12:00:00Z now",
        ),
    ),
    "an instant in the past": (
        {"start": InstantStart(datetime.fromisoformat("2026-11-20T13:00:00.122+01:00"))},
        ("start", "2026-11-20T12:00:00Z", "that is over: it is 2026-11-20T12:00:00Z now"),
    ),
    "a year mistyped": (
        {"start": wall("2206-12-01T09:00")},
        (
            "start",
            "2206-12-01T09:00:00 Europe/Berlin",
            "that is more than 100 years from now; is the year right?",
        ),
    ),
    "an instant in the wrong century": (
        {"start": at("1026-12-01T09:00")},
        (
            "start",
            "1026-12-01T09:00:00Z",
            "that is more than 100 years from now; is the year right?",
        ),
    ),
    "an anchor at the beginning of time": (
        {"start": wall("0001-01-01T00:00"), "recurrence": Recurrence(daily, count=9)},
        (
            "start",
            "0001-01-01T00:00:00 Europe/Berlin",
            "that is more than 100 years from now; is the year right?",
        ),
    ),
    "a wall time that clocks leave out": (
        {"start": wall("2027-03-28T02:30"), "dst_gap": DstGap.SKIP},
        (
            "start",
            "2027-03-28T02:30:00 Europe/Berlin",
            "clocks leave that time out; choose another",
        ),
    ),
    "a series of an instant": (
        {"start": at("2026-12-01T09:00"), "recurrence": Recurrence(daily)},
        (
            "start",
            "2026-12-01T09:00:00Z",
            "a series repeats a wall time: leave out the offset and give a timezone",
        ),
    ),
    "a zone mistyped": (
        {"start": wall("2026-12-01T09:00", "Europe/Berln")},
        ("timezone", "Europe/Berln", "there is no such time zone; did you mean Europe/Berlin?"),
    ),
    "a zone by its city": (
        {"start": wall("2026-12-01T09:00", "New York")},
        ("timezone", "New York", "there is no such time zone; did you mean America/New_York?"),
    ),
    "a zone in small letters": (
        {"start": wall("2026-12-01T09:00", "europe/berlin")},
        ("timezone", "europe/berlin", "there is no such time zone; did you mean Europe/Berlin?"),
    ),
    "a zone unlike any": (
        {"start": wall("2026-12-01T09:00", "????")},
        ("timezone", "????", "there is no such time zone; give one such as Europe/Berlin"),
    ),
    "no length": (
        {"duration": timedelta(0)},
        ("duration", "0s", "give more than nothing and at most 31 days"),
    ),
    "less than a millisecond": (
        {"duration": timedelta(microseconds=999)},
        ("duration", "0s", "give more than nothing and at most 31 days"),
    ),
    "a negative length": (
        {"duration": timedelta(minutes=-90)},
        ("duration", "-1h30m", "give more than nothing and at most 31 days"),
    ),
    "a length that is absurd": (
        {"duration": timedelta(days=31, milliseconds=1)},
        ("duration", "744h1ms", "give more than nothing and at most 31 days"),
    ),
    "longer than a day, every day": (
        {"recurrence": Recurrence(daily), "duration": timedelta(days=1, seconds=1)},
        ("duration", "24h1s", "the next slot can come 24h later; make it shorter"),
    ),
    "longer than the way from Sunday to Monday": (
        {
            "recurrence": Recurrence(weekly, weekdays=frozenset({1, 7})),
            "duration": timedelta(days=2),
        },
        ("duration", "48h", "the next slot can come 24h later; make it shorter"),
    ),
    "longer than a February": (
        {"recurrence": Recurrence(monthly), "duration": timedelta(days=30)},
        ("duration", "720h", "the next slot can come 672h later; make it shorter"),
    ),
    "every zeroth day": (
        {"recurrence": Recurrence(daily, every=0)},
        ("every", "0", "give a whole number from 1 to 1000"),
    ),
    "every so many days that nobody means it": (
        {"recurrence": Recurrence(daily, every=1001)},
        ("every", "1001", "give a whole number from 1 to 1000"),
    ),
    "weekdays of a daily rule": (
        {"recurrence": Recurrence(daily, weekdays=frozenset({3, 1}))},
        ("days", "mon,wed", "a daily rule has no weekdays; repeat weekly"),
    ),
    "a weekday before Monday": (
        {"recurrence": Recurrence(weekly, weekdays=frozenset({0, 1}))},
        ("days", "0,mon", "weekdays go from 1 (Monday) to 7 (Sunday)"),
    ),
    "a weekday after Sunday": (
        {"recurrence": Recurrence(weekly, weekdays=frozenset({1, 8}))},
        ("days", "mon,8", "weekdays go from 1 (Monday) to 7 (Sunday)"),
    ),
    "the last day of a week": (
        {"recurrence": Recurrence(weekly, last_day=True)},
        ("last_day", "true", "a weekly rule has no last day of the month; repeat monthly"),
    ),
    "no slots wanted": (
        {"recurrence": Recurrence(daily, count=0)},
        ("count", "0", "give a whole number from 1 to 100000"),
    ),
    "more slots than anyone can want": (
        {"recurrence": Recurrence(daily, count=100_001)},
        ("count", "100001", "give a whole number from 1 to 100000"),
    ),
    "two ends of one series": (
        {"recurrence": Recurrence(daily, count=3, until=date(2026, 12, 9))},
        ("until", "2026-12-09", "count ends the series too: give one of the two"),
    ),
    "the end before the start": (
        {"recurrence": Recurrence(daily, until=date(2026, 11, 30))},
        ("until", "2026-11-30", "the series begins after that, on 2026-12-01"),
    ),
    "the end before the first slot": (
        {"recurrence": Recurrence(weekly, weekdays=frozenset({1}), until=date(2026, 12, 6))},
        ("until", "2026-12-06", "its first slot would be 2026-12-07T09:00:00"),
    ),
    "the only slot is one that clocks leave out": (
        {
            "start": wall("2027-03-28T02:30"),
            "dst_gap": DstGap.SKIP,
            "recurrence": Recurrence(daily, until=date(2027, 3, 28)),
        },
        ("until", "2027-03-28", "its first slot would be 2027-03-29T02:30:00"),
    ),
    "a series that ended by date": (
        {
            "start": wall("2026-09-01T09:00"),
            "recurrence": Recurrence(daily, until=date(2026, 11, 20)),
        },
        ("until", "2026-11-20", "the series is over: it is 2026-11-20T12:00:00Z now"),
    ),
    "a series that ended by count": (
        {"start": wall("2026-11-18T09:00"), "recurrence": Recurrence(daily, count=3)},
        ("count", "3", "the series is over: it is 2026-11-20T12:00:00Z now"),
    ),
    "a priority too low": (
        {"priority": -101},
        ("priority", "-101", "give a whole number from -100 to 100"),
    ),
    "a priority too high": (
        {"priority": 101},
        ("priority", "101", "give a whole number from -100 to 100"),
    ),
}


@pytest.mark.parametrize(("fields", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_one_mistake_is_one_problem(fields, problem):
    """Each mistake is named once: by its option, its value, and what to do about it."""
    assert problems(draft(**fields)) == [problem]


def test_a_machine_without_targets_says_so():
    """Where nothing is configured, no list of targets is offered."""
    assert problems(draft(), known=[]) == [
        ("target", "rooms.aula", "there are no targets; add one to the configuration")
    ]


def test_a_mapping_of_targets_will_do():
    """Whoever has targets by key need not list the keys."""
    assert problems(draft(), known={"rooms.aula": object()}) == []


def test_all_mistakes_come_at_once():
    """A client that gets everything wrong learns all of it from one answer."""
    wish = Draft(
        target="rooms.x" * 20,
        name="\x00" + "x" * 200,
        start=wall("2526-02-01T09:00", "Nowhere/Land"),
        duration=timedelta(0),
        recurrence=Recurrence(
            daily, 0, frozenset({9}), last_day=True, count=-1, until=date(2026, 1, 1)
        ),
        priority=1000,
    )
    found = problems(wish)
    fields = ["target", "name", "name", "timezone", "start", "every", "days", "days", "last_day"]
    fields += ["count", "until", "until", "duration", "priority"]
    assert [each[0] for each in found] == fields
    assert all(len(value) < 50 for _, value, _ in found)


def test_an_absurd_length_hides_no_other_mistake():
    """A length no calendar can add is refused without being tried."""
    wish = draft(duration=timedelta.max, start=wall("2026-11-19T09:00"))
    assert [each[0] for each in problems(wish)] == ["duration", "start"]


def test_a_draft_becomes_a_schedule():
    """Everything that was asked for is kept, in whole milliseconds, in force from now on."""
    wish = draft(
        start=InstantStart(
            datetime(2026, 12, 1, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
        ),
        duration=timedelta(seconds=1, microseconds=1_999),
        priority=5,
        dst_gap=DstGap.SKIP,
        dst_overlap=DstOverlap.SECOND,
        content=Content(ContentKind.LIVE),
        metadata=Metadata(description="d"),
    )
    schedule = to_schedule(wish, NOW, "u1")
    assert (schedule.id, schedule.uid, schedule.ended) == (0, "u1", None)
    assert schedule.start == at("2026-12-01T09:00:00.999")
    assert schedule.duration == timedelta(milliseconds=1001)
    assert schedule.created == schedule.effective_from == NOW.replace(microsecond=123_000)
    assert draft_of(schedule) == replace(wish, start=schedule.start, duration=schedule.duration)


def test_a_wall_time_is_cut_to_milliseconds_too():
    """A slot is named by the time that the store keeps."""
    schedule = to_schedule(draft(start=wall("2026-12-01T09:00:00.123456")), NOW, "u")
    assert schedule.start == wall("2026-12-01T09:00:00.123")


def test_a_draft_may_count_from_an_earlier_instant():
    """What should have begun can be booked by whoever says from when on it counts."""
    begun = draft(start=at("2026-11-20T11:55"))
    assert [field for field, *_ in problems(begun)] == ["start"]
    counted = replace(begun, effective_from=begun.start.at)
    assert problems(counted) == []
    schedule = to_schedule(counted, NOW, "u1")
    assert schedule.effective_from == begun.start.at < schedule.created
