"""Which slots a rule gives, written out by hand; clocks do not change here."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from tallyd.domain.errors import NotFound, ZoneUnknown
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import (
    check_zone,
    in_utc,
    instant_of,
    local_date,
    occurrences,
    rule_days,
    shortest_interval,
    slots_from,
)
from tallyd.domain.window import Window

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

daily, weekly, monthly = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY


def utc(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str, zone: str = "UTC") -> WallStart:
    """Read a wall time."""
    return WallStart(datetime.fromisoformat(text), zone)


def schedule(start: WallStart | InstantStart, rule: Recurrence | None = None, **fields) -> Schedule:
    """Give a schedule of an hour, in force since long ago."""
    fields = {"duration": HOUR, "effective_from": LONG_AGO} | fields
    return Schedule(7, "u", "rooms.a", "n", start, created=LONG_AGO, recurrence=rule, **fields)


def slots(booked: Schedule, period: Window, *overrides: Override) -> list[str]:
    """Give the slots that intersect a period."""
    return [each.slot for each in occurrences(booked, overrides, period)]


RULES = {
    "daily": ("2026-01-30", Recurrence(daily), "01-30 01-31 02-01 02-02"),
    "every third day": ("2026-01-30", Recurrence(daily, every=3), "01-30 02-02 02-05 02-08"),
    "weekly on the anchor's own weekday": ("2026-01-07", Recurrence(weekly), "01-07 01-14 01-21"),
    "weekly on given weekdays": (
        "2026-01-07",
        Recurrence(weekly, weekdays=frozenset({1, 3, 5})),
        "01-07 01-09 01-12 01-14",
    ),
    "the anchor is no slot where its weekday is not in the rule": (
        "2026-01-07",
        Recurrence(weekly, weekdays=frozenset({2})),
        "01-13 01-20 01-27",
    ),
    "every second week counts ISO weeks, so Monday after a Sunday is another week": (
        "2026-01-04",
        Recurrence(weekly, every=2, weekdays=frozenset({1, 7})),
        "01-04 01-12 01-18 01-26",
    ),
    "every second week from a weekday that comes before the anchor in its week": (
        "2026-01-07",
        Recurrence(weekly, every=2, weekdays=frozenset({2})),
        "01-20 02-03 02-17",
    ),
    "weeks go on over the turn of a year with 53 of them": (
        "2026-12-21",
        Recurrence(weekly, every=2),
        "12-21 01-04 01-18",
    ),
    "monthly on the anchor's day": ("2026-01-15", Recurrence(monthly), "01-15 02-15 03-15"),
    "a month without the 31st was never a slot": (
        "2026-01-31",
        Recurrence(monthly),
        "01-31 03-31 05-31 07-31 08-31 10-31",
    ),
    "a month without the 30th is February alone": (
        "2026-01-30",
        Recurrence(monthly),
        "01-30 03-30 04-30",
    ),
    "every second month without the 31st": (
        "2026-01-31",
        Recurrence(monthly, every=2),
        "01-31 03-31 05-31 07-31 01-31",
    ),
    "the last day of every month": (
        "2026-01-31",
        Recurrence(monthly, last_day=True),
        "01-31 02-28 03-31 04-30",
    ),
    "the last day of the anchor's month comes after the anchor": (
        "2026-02-10",
        Recurrence(monthly, last_day=True),
        "02-28 03-31 04-30",
    ),
    "the last day of every sixth month": (
        "2027-08-31",
        Recurrence(monthly, every=6, last_day=True),
        "08-31 02-29 08-31 02-28",
    ),
    "the 29th of February returns with the leap years": (
        "2024-02-29",
        Recurrence(monthly, every=12),
        "02-29 02-29 02-29",
    ),
    "after N slots": ("2026-01-30", Recurrence(daily, count=2), "01-30 01-31"),
    "a month that was never a slot is not counted": (
        "2026-01-31",
        Recurrence(monthly, count=3),
        "01-31 03-31 05-31",
    ),
    "until a date, that date included": (
        "2026-01-30",
        Recurrence(daily, until=date(2026, 2, 1)),
        "01-30 01-31 02-01",
    ),
    "until a date that is none of the rule": (
        "2026-01-05",
        Recurrence(weekly, until=date(2026, 1, 18)),
        "01-05 01-12",
    ),
    "until a date that is the last of its week": (
        "2026-01-04",
        Recurrence(weekly, weekdays=frozenset({1, 7}), until=date(2026, 1, 11)),
        "01-04 01-05 01-11",
    ),
    "until a date that is the first of its week": (
        "2026-01-05",
        Recurrence(weekly, weekdays=frozenset({1, 7}), until=date(2026, 1, 12)),
        "01-05 01-11 01-12",
    ),
    "until before the first of the rule": (
        "2026-01-07",
        Recurrence(weekly, weekdays=frozenset({2}), until=date(2026, 1, 12)),
        "",
    ),
    "monthly until before its first day": (
        "2026-02-10",
        Recurrence(monthly, last_day=True, until=date(2026, 2, 27)),
        "",
    ),
    "none": ("2026-01-30", None, "01-30"),
}


@pytest.mark.parametrize(("start", "rule", "expected"), RULES.values(), ids=RULES)
def test_rules(start, rule, expected):
    """Every kind of rule gives the days that a person with a calendar would."""
    wanted = expected.split()
    found = slots_from(schedule(wall(f"{start}T09:00"), rule), LONG_AGO)
    found = [each.slot for each in islice(found, max(len(wanted), 1))]
    assert found == [f"{slot[:4]}-{day}T09:00:00" for slot, day in zip(found, wanted, strict=True)]


@pytest.mark.parametrize("start", ["2026-01-04", "2026-01-05", "2024-02-29", "2025-12-31"])
@pytest.mark.parametrize(
    "rule",
    [
        Recurrence(daily, every=3),
        Recurrence(weekly, every=2, weekdays=frozenset({1, 4, 7})),
        Recurrence(monthly, every=5),
        Recurrence(monthly, last_day=True, every=2),
    ],
)
def test_days_from_a_day_on_are_the_same_days(start, rule):
    """Where the expansion is entered changes nothing: every N counts from the anchor."""
    anchor = date.fromisoformat(start)
    every_day = [*islice(rule_days(rule, anchor), 100)]
    for late in range(200):
        from_day = anchor + timedelta(days=late)
        expected = [day for day in every_day if day >= from_day][:3]
        assert [*islice(rule_days(rule, anchor, from_day.toordinal()), 3)] == expected


SEEN = {
    "all of it": ("2026-01-05T00:00", "2026-01-06T00:00", True),
    "ends as it starts": ("2026-01-05T08:00", "2026-01-05T09:00", False),
    "starts as it ends": ("2026-01-05T10:00", "2026-01-05T11:00", False),
    "its last millisecond": ("2026-01-05T09:59:59.999", "2026-01-05T11:00", True),
    "its first millisecond": ("2026-01-05T08:00", "2026-01-05T09:00:00.001", True),
    "a moment inside": ("2026-01-05T09:30", "2026-01-05T09:30:00.001", True),
}


@pytest.mark.parametrize("rule", [None, Recurrence(weekly)], ids=["one-shot", "series"])
@pytest.mark.parametrize(("begin", "end", "seen"), SEEN.values(), ids=SEEN)
def test_what_intersects_a_period_is_given_whole(rule, begin, end, seen):
    """A period shows what runs in it, unclipped; what only touches it back to back is not shown."""
    found = [
        *occurrences(schedule(wall("2026-01-05T09:00"), rule), (), Window(utc(begin), utc(end)))
    ]
    whole = Window(utc("2026-01-05T09:00"), utc("2026-01-05T10:00"))
    assert [each.window for each in found] == [whole] * seen


def test_a_recording_of_many_days_is_seen_from_its_last():
    """A window far longer than its period is found wherever the period lies in it."""
    booked = schedule(wall("2026-01-01T12:00"), Recurrence(monthly), duration=timedelta(days=28))
    assert slots(booked, Window(utc("2026-01-29T11:00"), utc("2026-01-29T11:30"))) == [
        "2026-01-01T12:00:00"
    ]
    assert slots(booked, Window(utc("2026-01-29T12:00"), utc("2026-02-01T12:00"))) == []


def test_what_began_two_local_days_ago_is_seen():
    """West of Greenwich, a night's recording may have begun two dates before the period's."""
    honolulu = wall("2026-01-01T16:00", "Pacific/Honolulu")
    booked = schedule(honolulu, Recurrence(daily), duration=timedelta(hours=23))
    period = Window(utc("2026-01-10T00:30"), utc("2026-01-10T00:40"))
    assert slots(booked, period) == ["2026-01-08T16:00:00"]


YEAR = Window(utc("2026-01-01"), utc("2027-01-01"))
LIVES = {
    "created at a slot: that one counts": ({"effective_from": utc("2026-01-06T09:00")}, "06 07 08"),
    "created just after a slot": ({"effective_from": utc("2026-01-06T09:00:00.001")}, "07 08"),
    "ended at a slot: that one is gone": ({"ended": utc("2026-01-07T09:00")}, "05 06"),
    "ended just after a slot: that one stays": (
        {"ended": utc("2026-01-07T09:00:00.001")},
        "05 06 07",
    ),
    "ended before it began": ({"ended": utc("2025-12-01")}, ""),
}


@pytest.mark.parametrize(("life", "expected"), LIVES.values(), ids=LIVES)
def test_a_schedule_lives_from_its_creation_to_its_removal(life, expected):
    """Only what starts in a schedule's life exists, and N counts from the anchor all the same."""
    booked = schedule(wall("2026-01-05T09:00"), Recurrence(daily, count=4), **life)
    assert [slot[8:10] for slot in slots(booked, YEAR)] == expected.split()


def test_an_instant_keeps_its_milliseconds_as_its_slot():
    """A one-shot booked as an instant is named by that instant, to the millisecond."""
    at = utc("2026-12-01T08:00:00.250")
    booked = schedule(InstantStart(at))
    (found,) = occurrences(booked, (), YEAR)
    assert (found.schedule_id, found.slot) == (7, "@1796112000250")
    assert found.window == Window(at, at + HOUR)
    assert [each.slot for each in slots_from(booked, at)] == [found.slot]
    assert [*slots_from(booked, at + timedelta(milliseconds=1))] == []


DAY_2 = Window(utc("2026-01-06"), utc("2026-01-07"))
STOPS = {
    "extended into the period from before": ("2026-01-05T09:00:00", "2026-01-06T00:01", "05 06"),
    "extended to the edge of the period": ("2026-01-05T09:00:00", "2026-01-06T00:00", "06"),
    "extended from weeks before": ("2025-12-01T09:00:00", "2026-01-06T00:01", "01 06"),
    "shortened": ("2026-01-06T09:00:00", "2026-01-06T09:30", "06"),
    "stopped as it starts": ("2026-01-06T09:00:00", "2026-01-06T09:00", "06"),
    "stopped before it starts": ("2026-01-06T09:00:00", "2026-01-06T08:00", "06"),
    "a slot that the rule does not have": ("2026-01-05T09:30:00", "2026-01-06T12:00", "06"),
    "a slot of another kind": ("@1767603600000", "2026-01-06T12:00", "06"),
}


@pytest.mark.parametrize(("slot", "stop", "expected"), STOPS.values(), ids=STOPS)
def test_an_override_moves_the_end_of_one_occurrence(slot, stop, expected):
    """An extension is seen where it reaches, a stop leaves an occurrence its start."""
    booked = schedule(wall("2025-12-01T09:00"), Recurrence(daily))
    override = Override(7, slot, stop=utc(stop))
    found = {each.slot: each.window for each in occurrences(booked, [override], DAY_2)}
    assert [found_slot[8:10] for found_slot in found] == expected.split()
    if slot in found:
        assert found[slot].stop == max(utc(stop), found[slot].start)


@pytest.mark.parametrize("rule", [None, Recurrence(daily)], ids=["one-shot", "series"])
def test_an_empty_window_belongs_to_the_period_that_holds_its_start(rule):
    """What was stopped before it began is shown once, where it would have begun."""
    booked = schedule(wall("2026-01-05T09:00"), rule)
    override = Override(7, "2026-01-05T09:00:00", stop=LONG_AGO)
    start = utc("2026-01-05T09:00")
    (found,) = occurrences(booked, [override], Window(start, start + HOUR))
    assert found.window == Window(start, start)
    assert [*occurrences(booked, [override], Window(start - HOUR, start))] == []
    after = Window(start + timedelta(milliseconds=1), start + HOUR)
    assert [*occurrences(booked, [override], after)] == []


def test_other_overrides_change_nothing_here():
    """What is excluded, paused or said of another schedule keeps its window: others judge that."""
    booked = schedule(wall("2026-01-05T09:00"), Recurrence(daily, count=2))
    plain = [*occurrences(booked, (), YEAR)]
    slot = plain[0].slot
    overrides = [
        Override(7, slot, excluded=True),
        Override(7, plain[1].slot, paused=True),
        Override(8, slot, stop=utc("2026-01-05T12:00")),
    ]
    assert [*occurrences(booked, overrides, YEAR)] == plain


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
