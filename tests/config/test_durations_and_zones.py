"""Durations and zones as they are written by hand."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.config.values import (
    CALENDAR_UNITS,
    CLOCK_UNITS,
    check_zone,
    did_you_mean,
    format_duration,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("5400s", timedelta(minutes=90)),
        ("1h2m3s4ms", timedelta(hours=1, minutes=2, seconds=3, milliseconds=4)),
        ("500ms", timedelta(milliseconds=500)),
        ("1h500ms", timedelta(hours=1, milliseconds=500)),
        ("0s", timedelta(0)),
        ("007m", timedelta(minutes=7)),
    ],
)
def test_a_duration_is_read(text: str, expected: timedelta) -> None:
    """Units may be left out, not mixed up."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("90", "90 what? try 90m"),
        ("", "empty"),
        ("  ", "empty"),
        ("-5m", "negative"),
        ("1h 30m", "no spaces: try 1h30m"),
        ("1.5h", "1h30m"),
        ("1,5h", "whole numbers"),
        ("30m1h", "units go h, m, s, ms"),
        ("1h1h", "each at most once"),
        ("5x", "unknown unit 'x'"),
        ("5M", "unknown unit 'M'"),
        ("3d", "unknown unit 'd'"),
        ("h", "with units"),
        ("5m3", "with units"),
        ("+5m", "with units"),
        ("PT5M", "with units"),
        ("\u0665m", "with units"),
        ("5m\x00", "unknown unit"),
        ("9999999999999h", "longer than anything"),
        ("999999999999h", "longer than anything"),
    ],
)
def test_what_is_no_duration_says_what_to_write(text: str, fix: str) -> None:
    """Each mistake has its own advice."""
    with pytest.raises(ValueError, match=fix.replace("?", r"\?").replace("+", r"\+")):
        parse_duration(text)


def test_days_are_read_where_they_make_sense() -> None:
    """The configuration keeps things for days; a booking has hours."""
    assert parse_duration("730d", CALENDAR_UNITS) == timedelta(days=730)
    assert parse_duration("1d12h", CALENDAR_UNITS) == timedelta(days=1.5)


@given(
    milliseconds=st.integers(min_value=0, max_value=10**13),
    units=st.sampled_from([CLOCK_UNITS, CALENDAR_UNITS]),
)
def test_what_is_written_is_read_back(milliseconds: int, units: tuple[str, ...]) -> None:
    """A duration that a report shows can be pasted back."""
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration, units), units) == duration


@given(st.text())
def test_any_text_is_a_duration_or_a_clear_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text, CALENDAR_UNITS) >= timedelta(0)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_database_is_taken(zone: str) -> None:
    """IANA names pass unchanged."""
    assert check_zone(zone) == zone


@pytest.mark.parametrize(
    ("zone", "fix"),
    [
        ("Europe/Berlyn", r"did you mean Europe/Berlin\?"),
        ("europe/rome", r"did you mean Europe/Rome\?"),
        ("Europe", "there is no time zone"),
        ("../etc/passwd", "there is no time zone"),
        ("/etc/localtime", "there is no time zone"),
        ("", "use an IANA name"),
        ("Mars", "there is no time zone"),
        ("UTC\x00", "there is no time zone"),
        ("Europe/Berlin\n", "there is no time zone"),
        ("x" * 5_000, "use an IANA name"),
    ],
)
def test_what_is_no_zone_is_refused(zone: str, fix: str) -> None:
    """A mistyped zone gets the nearest one as advice, a path gets nothing."""
    with pytest.raises(ValueError, match=fix):
        check_zone(zone)


def test_advice_is_given_only_where_something_is_near() -> None:
    """A wild guess helps nobody."""
    assert did_you_mean("drivr", ["driver", "name"]) == "; did you mean driver?"
    assert did_you_mean("xyzzy", ["driver", "name"]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("50GB", 50 * 10**9), ("0MB", 0), ("2TB", 2 * 10**12), ("1GiB", 1 << 30), ("3MiB", 3 << 20)],
)
def test_sizes(text: str, expected: int) -> None:
    """Decimal and binary units, as they are printed on disks and by tools."""
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [("50", "try 50GB"), ("50gb", "unknown unit 'gb'"), ("", "such as 50GB"), ("1.5GB", "such as")],
)
def test_what_is_no_size(text: str, hint: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(ValueError, match=hint):
        parse_size(text)
