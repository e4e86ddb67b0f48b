"""What the changes of clocks do to a schedule: tables worked out by hand."""

import importlib.resources
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from whenever import reset_tzpath

from tallyd.domain.model import (
    DstGap,
    DstOverlap,
    Frequency,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import (
    forget_zones,
    instant_at,
    instant_of,
    local_date,
    occurrences,
)
from tallyd.domain.window import Window

LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
SUMMER = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
SHIFT, SKIP = DstGap.SHIFT, DstGap.SKIP
FIRST, SECOND = DstOverlap.FIRST, DstOverlap.SECOND
DAILY = Recurrence(Frequency.DAILY)


def schedule(start: str, zone: str, rule: Recurrence | None = DAILY, **fields) -> Schedule:
    """Give a daily schedule of an hour, in force since long ago."""
    return Schedule(
        id=1,
        uid="u",
        target="rooms.a",
        name="n",
        start=WallStart(datetime.fromisoformat(start), zone),
        effective_from=LONG_AGO,
        created=LONG_AGO,
        recurrence=rule,
        **{"duration": timedelta(hours=1)} | fields,
    )


def starts(booked: Schedule, begin: str, end: str) -> list[str]:
    """Give the slots between two UTC times, each with the instant of its start."""
    period = Window(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (begin, end)))
    return [
        f"{each.slot[5:16]} {each.window.start:%m-%dT%H:%M}Z"
        for each in occurrences(booked, (), period)
    ]


# zone, wall time of the anchor, policies, UTC period, slot and instant of each start
EDGES = {
    "Berlin in spring, shifted by the gap": (
        ("Europe/Berlin", "2026-03-01T02:30", SHIFT, FIRST),
        ("2026-03-28", "2026-03-31"),
        ["03-28T02:30 03-28T01:30Z", "03-29T02:30 03-29T01:30Z", "03-30T02:30 03-30T00:30Z"],
    ),
    "Berlin in spring, skipped": (
        ("Europe/Berlin", "2026-03-01T02:30", SKIP, FIRST),
        ("2026-03-28", "2026-03-31"),
        ["03-28T02:30 03-28T01:30Z", "03-30T02:30 03-30T00:30Z"],
    ),
    "Berlin in spring, the last minute before the gap": (
        ("Europe/Berlin", "2026-03-01T01:59", SKIP, FIRST),
        ("2026-03-29", "2026-03-30"),
        ["03-29T01:59 03-29T00:59Z", "03-30T01:59 03-29T23:59Z"],
    ),
    "Berlin in spring, the first minute after the gap": (
        ("Europe/Berlin", "2026-03-01T03:00", SKIP, FIRST),
        ("2026-03-29", "2026-03-30"),
        ["03-29T03:00 03-29T01:00Z"],
    ),
    "Berlin in autumn, the first of the two": (
        ("Europe/Berlin", "2026-03-01T02:30", SHIFT, FIRST),
        ("2026-10-24T12:00", "2026-10-26T12:00"),
        ["10-25T02:30 10-25T00:30Z", "10-26T02:30 10-26T01:30Z"],
    ),
    "Berlin in autumn, the second of the two": (
        ("Europe/Berlin", "2026-03-01T02:30", SHIFT, SECOND),
        ("2026-10-24T12:00", "2026-10-26T12:00"),
        ["10-25T02:30 10-25T01:30Z", "10-26T02:30 10-26T01:30Z"],
    ),
    "the second of two says nothing about a gap": (
        ("Europe/Berlin", "2026-03-01T02:30", SHIFT, SECOND),
        ("2026-03-29", "2026-03-29T12:00"),
        ["03-29T02:30 03-29T01:30Z"],
    ),
    "Lord Howe changes by half an hour in spring": (
        ("Australia/Lord_Howe", "2026-09-01T02:15", SHIFT, FIRST),
        ("2026-10-02T12:00", "2026-10-04T12:00"),
        ["10-03T02:15 10-02T15:45Z", "10-04T02:15 10-03T15:45Z"],
    ),
    "Lord Howe changes by half an hour in autumn": (
        ("Australia/Lord_Howe", "2026-03-01T01:45", SHIFT, SECOND),
        ("2026-04-04T12:00", "2026-04-05T18:00"),
        ["04-05T01:45 04-04T15:15Z", "04-06T01:45 04-05T15:15Z"],
    ),
    "Apia had no 30 December 2011: shifted, it joins the next day": (
        ("Pacific/Apia", "2011-12-01T10:00", SHIFT, FIRST),
        ("2011-12-29T12:00", "2011-12-31T12:00"),
        ["12-29T10:00 12-29T20:00Z", "12-30T10:00 12-30T20:00Z", "12-31T10:00 12-30T20:00Z"],
    ),
    "Apia had no 30 December 2011: skipped, it never was": (
        ("Pacific/Apia", "2011-12-01T10:00", SKIP, FIRST),
        ("2011-12-29T12:00", "2011-12-31T12:00"),
        ["12-29T10:00 12-29T20:00Z", "12-31T10:00 12-30T20:00Z"],
    ),
    "Kwajalein had most of 30 September 1969 twice": (
        ("Pacific/Kwajalein", "1969-09-29T10:00", SHIFT, SECOND),
        ("1969-09-28T12:00", "1969-10-01T12:00"),
        ["09-29T10:00 09-28T23:00Z", "09-30T10:00 09-30T22:00Z"],
    ),
    "Sao Paulo changed at midnight: that day begins at one": (
        ("America/Sao_Paulo", "2018-10-01T00:00", SHIFT, FIRST),
        ("2018-11-03", "2018-11-05T12:00"),
        ["11-03T00:00 11-03T03:00Z", "11-04T00:00 11-04T03:00Z", "11-05T00:00 11-05T02:00Z"],
    ),
    "Beirut changes at midnight: half past is one hour late": (
        ("Asia/Beirut", "2026-03-01T00:30", SHIFT, FIRST),
        ("2026-03-28T12:00", "2026-03-30T12:00"),
        ["03-29T00:30 03-28T22:30Z", "03-30T00:30 03-29T21:30Z"],
    ),
    "El Aaiun takes its summer hour back for Ramadan": (
        ("Africa/El_Aaiun", "2026-02-01T02:30", SHIFT, FIRST),
        ("2026-02-14T01:00", "2026-02-16T12:00"),
        ["02-14T02:30 02-14T01:30Z", "02-15T02:30 02-15T01:30Z", "02-16T02:30 02-16T02:30Z"],
    ),
    "Casey moved by hours without any summer": (
        ("Antarctica/Casey", "2020-09-30T12:00", SHIFT, FIRST),
        ("2020-10-02T12:00", "2020-10-04T12:00"),
        ["10-03T12:00 10-03T04:00Z", "10-04T12:00 10-04T01:00Z"],
    ),
    "UTC knows none of this": (
        ("UTC", "2026-03-01T02:30", SKIP, SECOND),
        ("2026-03-29", "2026-03-30"),
        ["03-29T02:30 03-29T02:30Z"],
    ),
}


@pytest.mark.parametrize(("booking", "period", "expected"), EDGES.values(), ids=EDGES)
def test_edges(booking, period, expected):
    """Each edge of each zone gives the instants that its people would expect."""
    zone, start, gap, overlap = booking
    booked = schedule(start, zone, dst_gap=gap, dst_overlap=overlap)
    assert starts(booked, *period) == expected


@pytest.mark.parametrize("overlap", list(DstOverlap))
@pytest.mark.parametrize("gap", list(DstGap))
@pytest.mark.parametrize("clock", ["02:00", "02:30", "03:00"])
def test_a_nightly_show_does_not_stay_shifted_after_the_change(clock, gap, overlap):
    """The night after the clocks changed, and ever after, it is at its own wall time again."""
    booked = schedule(f"2026-03-01T{clock}", "Europe/Berlin", dst_gap=gap, dst_overlap=overlap)
    found = starts(booked, "2026-03-29T12:00", "2026-10-24T12:00")
    summer = f"{int(clock[:2]) - 2:02}:{clock[3:]}Z"
    assert len(found) == 209
    assert {each[-6:] for each in found} == {summer}


def test_a_weekly_lecture_keeps_its_hour_all_year():
    """Half past five stays half past five; it is UTC that moves."""
    weekly = Recurrence(Frequency.WEEKLY, until=date(2026, 12, 31))
    booked = schedule("2026-01-07T05:30", "America/New_York", weekly)
    found = starts(booked, "2026-01-01", "2027-01-01")
    assert {each[6:11] for each in found} == {"05:30"}
    assert [each[-6:] for each in found].count("10:30Z") == 18
    assert [each[-6:] for each in found].count("09:30Z") == 34


def test_a_day_at_a_time_does_not_drift():
    """A daily series is no chain of 24 hours: it never creeps past its wall time."""
    found = starts(schedule("2026-01-01T23:30", "Europe/Berlin"), "2030-07-01", "2030-07-03")
    assert found == ["07-01T23:30 07-01T21:30Z", "07-02T23:30 07-02T21:30Z"]


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-25"])
def test_a_block_lasts_as_long_as_it_was_booked_for(day):
    """A duration is elapsed time: over a change of clocks the end moves, the length does not."""
    hours = timedelta(hours=5)
    booked = schedule(f"{day}T00:30", "Europe/Berlin", None, duration=hours)
    (found,) = occurrences(booked, (), Window(LONG_AGO, datetime(2027, 1, 1, tzinfo=UTC)))
    assert found.window.length == hours


def test_the_autumn_change_fires_once_and_ends():
    """An hour that is shown twice makes one occurrence, not two and not a loop."""
    booked = schedule("2026-10-25T02:30", "Europe/Berlin", Recurrence(Frequency.DAILY, count=2))
    assert starts(booked, "2026-10-24", "2026-11-10") == [
        "10-25T02:30 10-25T00:30Z",
        "10-26T02:30 10-26T01:30Z",
    ]


@pytest.mark.parametrize(("gap", "last"), [(SHIFT, "03-30T02:30"), (SKIP, "03-31T02:30")])
def test_a_slot_that_a_gap_skips_is_not_counted(gap, last):
    """Three slots are three recordings: one that never was is not one of them."""
    three = Recurrence(Frequency.DAILY, count=3)
    booked = schedule("2026-03-28T02:30", "Europe/Berlin", three, dst_gap=gap)
    found = starts(booked, "2026-03-01", "2026-05-01")
    assert len(found) == 3
    assert found[-1].startswith(last)
    assert starts(booked, "2026-03-31T12:00", "2026-05-01") == []


def test_a_one_shot_in_a_gap_that_it_is_to_skip_never_happens():
    """Who books a time that no clock shows and says skip, books nothing."""
    booked = schedule("2026-03-29T02:30", "Europe/Berlin", None, dst_gap=SKIP)
    assert starts(booked, "2026-03-01", "2026-05-01") == []


def test_until_is_read_on_the_wall():
    """The last day counts by the series' own calendar, wherever its start falls in UTC."""
    until = Recurrence(Frequency.DAILY, until=date(2026, 1, 2))
    west = schedule("2026-01-01T23:00", "Pacific/Honolulu", until)
    east = schedule("2026-01-01T01:00", "Pacific/Kiritimati", until)
    assert starts(west, "2025-12-01", "2026-02-01") == [
        "01-01T23:00 01-02T09:00Z",
        "01-02T23:00 01-03T09:00Z",
    ]
    assert starts(east, "2025-12-01", "2026-02-01") == [
        "01-01T01:00 12-31T11:00Z",
        "01-02T01:00 01-01T11:00Z",
    ]


def test_the_slot_outlives_a_change_of_the_clocks():
    """A slot that was shifted is still named by the time that the rule gives."""
    booked = schedule("2026-03-01T02:30", "Europe/Berlin")
    assert instant_of(booked, "2026-03-29T02:30:00") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_instants_of_wall_times():
    """A bare wall time is read with the same policies as a schedule's."""
    twice = datetime.fromisoformat("2026-10-25T02:30")
    assert instant_at(twice, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert instant_at(twice, "Europe/Berlin", SECOND) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-12-24T22:59:59.999", "Europe/Berlin", "2026-12-24"),
        ("2026-12-24T23:00", "Europe/Berlin", "2026-12-25"),
        ("2026-12-25T09:59", "Pacific/Honolulu", "2026-12-24"),
        ("2026-12-24T10:00", "Pacific/Kiritimati", "2026-12-25"),
        ("2011-12-30T10:00", "Pacific/Apia", "2011-12-31"),
        ("2011-12-30T09:59", "Pacific/Apia", "2011-12-29"),
    ],
)
def test_the_day_of_an_instant(instant, zone, day):
    """An exception day is the day that people at the target have."""
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert local_date(at, zone).isoformat() == day


def test_a_new_time_zone_database_moves_the_instant_and_not_the_slot(tmp_path):
    """What the zone becomes is read when zones are forgotten; the wall time stays as booked."""
    files = Path(str(importlib.resources.files("tzdata") / "zoneinfo"))
    zone = tmp_path / "Test" / "Town"
    zone.parent.mkdir()
    zone.write_bytes((files / "Europe" / "Berlin").read_bytes())
    reset_tzpath([str(tmp_path)])
    try:
        booked = schedule("2026-06-01T09:00", "Test/Town", None)
        (before,) = occurrences(booked, (), SUMMER)
        zone.write_bytes((files / "Europe" / "Lisbon").read_bytes())
        assert list(occurrences(booked, (), SUMMER)) == [before]
        forget_zones()
        (after,) = occurrences(booked, (), SUMMER)
    finally:
        reset_tzpath()
        forget_zones()
    assert after.slot == before.slot
    assert after.window.start - before.window.start == timedelta(hours=1)
