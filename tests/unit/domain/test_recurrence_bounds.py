"""Where series end, what is no slot and no zone, and how near two slots can be."""

import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice

import pytest

from sample_schedules import DAY_2, LONG_AGO, daily, monthly, schedule, slots, utc, wall, weekly
from tallyd.domain.errors import NotFound, ZoneUnknown
from tallyd.domain.model import (
    InstantStart,
    Recurrence,
)
from tallyd.domain.recurrence import (
    check_zone,
    in_utc,
    instant_of,
    local_date,
    occurrences,
    shortest_interval,
    slots_from,
)
from tallyd.domain.window import Window


def test_an_endless_series_is_expanded_no_further_than_it_is_read():
    """The next slots of a series without an end come at once, and it has no last one."""
    endless = slots_from(
        schedule(wall("2026-01-05T09:00"), Recurrence(daily)), utc("2026-03-01T09:00")
    )
    assert [each.slot[:10] for each in islice(endless, 3)] == [
        "2026-03-01",
        "2026-03-02",
        "2026-03-03",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Recurrence(daily),
        Recurrence(weekly, weekdays=frozenset({1, 5})),
        Recurrence(monthly, last_day=True),
    ],
)
def test_a_far_window_costs_no_more_than_a_near_one(rule):
    """Seven thousand years on, a window is there in a moment: nothing counts its way to it."""
    booked = schedule(wall("2026-01-05T09:00"), rule)
    begin = time.perf_counter()
    found = slots(booked, Window(utc("9000-01-01"), utc("9000-02-01")))
    assert time.perf_counter() - begin < 0.1
    assert found


@pytest.mark.parametrize("until", [None, date(9999, 12, 31)])
def test_a_series_ends_with_the_calendar(until):
    """The years that dates can hold are the end of an endless series, and no error."""
    booked = schedule(wall("2026-01-05T09:00"), Recurrence(daily, until=until))
    assert [each.slot for each in slots_from(booked, utc("9998-12-31"))] == ["9998-12-31T09:00:00"]


@pytest.mark.parametrize(
    "booked",
    [
        schedule(wall("2026-01-05T09:00"), Recurrence(weekly, count=3)),
        schedule(wall("2026-01-05T09:00")),
        schedule(InstantStart(utc("2026-01-05T09:00"))),
    ],
    ids=["series", "one-shot", "instant"],
)
def test_the_instant_of_a_slot(booked):
    """A slot leads back to its instant, even where the schedule's life does not reach it."""
    (*found,) = slots_from(booked, LONG_AGO)
    ended = replace(booked, effective_from=utc("2030-01-01"))
    for each in found:
        assert instant_of(booked, each.slot) == each.window.start
        assert instant_of(ended, each.slot) == each.window.start


@pytest.mark.parametrize(
    "slot",
    [
        "2026-01-06T09:00:00",
        "2026-01-05T10:00:00",
        "2026-01-26T09:00:00",
        "2025-12-29T09:00:00",
        "2026-01-05",
        "@1767603600000",
        "next",
        "",
    ],
)
def test_what_is_no_slot_is_not_found(slot):
    """A time that the rule does not give, or no time at all, is refused by name."""
    with pytest.raises(NotFound) as refused:
        instant_of(schedule(wall("2026-01-05T09:00"), Recurrence(weekly, count=3)), slot)
    assert (refused.value.kind, refused.value.wanted) == ("occurrence", slot)


NOT_ZONES = [
    "Europe/Atlantis",
    "",
    "europe/berlin",
    "Europe",
    "/etc/localtime",
    "../zoneinfo/UTC",
    "right/Europe/Berlin",
    "posix/Europe/Berlin",
    "localtime",
    "UTC\0",
    "\udc80",
]


@pytest.mark.parametrize("zone", NOT_ZONES)
@pytest.mark.parametrize("rule", [None, Recurrence(daily)], ids=["one-shot", "series"])
def test_an_unknown_zone_is_said_before_anything_else(zone, rule):
    """Whoever expands a schedule without a zone learns it at once, also where nothing is due."""
    booked = schedule(wall("2026-01-05T09:00", zone), rule)
    with pytest.raises(ZoneUnknown) as refused:
        check_zone(zone)
    assert refused.value.zone == zone
    with pytest.raises(ZoneUnknown):
        next(occurrences(booked, (), Window(LONG_AGO, LONG_AGO)), None)
    with pytest.raises(ZoneUnknown):
        next(slots_from(booked, utc("9999-01-01")), None)
    with pytest.raises(ZoneUnknown):
        instant_of(booked, "2026-01-05T09:00:00")


def test_the_zone_of_an_exception_day_can_be_unknown_too():
    """Nobody can say what day it is in a zone that does not exist."""
    with pytest.raises(ZoneUnknown):
        local_date(LONG_AGO, "Europe/Atlantis")


def test_a_schedule_of_an_unknown_zone_can_be_listed_as_if_in_utc():
    """A report shows the slots all the same; they keep their names."""
    lost = schedule(wall("2026-01-05T09:00", "Mars/Base"), Recurrence(daily))
    assert slots(in_utc(lost), DAY_2) == ["2026-01-06T09:00:00"]
    instant = schedule(InstantStart(LONG_AGO))
    assert in_utc(instant) is instant


INTERVALS = {
    "daily": (Recurrence(daily), 1),
    "every third day": (Recurrence(daily, every=3), 3),
    "weekly": (Recurrence(weekly), 7),
    "Friday to Monday": (Recurrence(weekly, weekdays=frozenset({1, 5})), 3),
    "Sunday to Monday": (Recurrence(weekly, weekdays=frozenset({1, 7})), 1),
    "Monday and Sunday of every second week": (
        Recurrence(weekly, every=2, weekdays=frozenset({1, 7})),
        6,
    ),
    "monthly over February": (Recurrence(monthly), 28),
    "last days over February": (Recurrence(monthly, last_day=True), 28),
    "every second month": (Recurrence(monthly, every=2), 59),
    "two slots that are not the closest": (Recurrence(monthly, count=2), 31),
    "a single slot": (Recurrence(daily, count=1), None),
    "a single day": (Recurrence(daily, until=date(2026, 1, 5)), None),
}


@pytest.mark.parametrize(("rule", "days"), INTERVALS.values(), ids=INTERVALS)
def test_the_shortest_interval_of_a_series(rule, days):
    """How long an occurrence may be without reaching into the next one of its own series."""
    found = shortest_interval(rule, date(2026, 1, 5))
    assert found == (None if days is None else timedelta(days=days))


def test_the_shortest_interval_may_lie_years_ahead():
    """On the 29th of each month, only a leap year brings two of them within 29 days."""
    assert shortest_interval(Recurrence(monthly), date(2026, 1, 29)) == timedelta(days=29)
