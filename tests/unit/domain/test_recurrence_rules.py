"""Which slots a rule gives, written out by hand; clocks do not change here."""

from datetime import date, timedelta
from itertools import islice

import pytest

from sample_schedules import (
    DAY_2,
    HOUR,
    LONG_AGO,
    daily,
    monthly,
    schedule,
    slots,
    utc,
    wall,
    weekly,
)
from tallyd.domain.model import (
    InstantStart,
    Override,
    Recurrence,
)
from tallyd.domain.recurrence import (
    occurrences,
    rule_days,
    slots_from,
)
from tallyd.domain.window import Window

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
