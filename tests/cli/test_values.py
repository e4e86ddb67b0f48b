"""What is typed on the command line, read into domain values."""

from datetime import UTC, date, datetime, timedelta

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tallyd.cli.types import DATE, DAYS, DURATION, MOMENT, START, ZONE
from tallyd.domain.model import InstantStart, WallStart
from tallyd.notation.values import (
    WEEKDAYS,
    FromNow,
    Instant,
    Moment,
    Wall,
    booking_duration,
    instant_of,
    read_date,
    read_days,
    read_moment,
    read_start,
    start_of,
    wall_start_of,
)

NOW = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
ROME = "Europe/Rome"


def utc(text: str) -> datetime:
    """Read an instant for an expectation."""
    return datetime.fromisoformat(f"{text}+00:00")


def wall(text: str) -> Wall:
    """Read a wall time for an expectation."""
    return Wall(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T09:00", wall("2026-12-01T09:00")),
        ("2026-12-01T09:00:30", wall("2026-12-01T09:00:30")),
        ("2026-12-01 09:00", wall("2026-12-01T09:00")),
        ("2026-12-01t09:00", wall("2026-12-01T09:00")),
        ("2026-12-01T09:00Z", Instant(utc("2026-12-01T09:00"))),
        ("2026-12-01T09:00:30.250Z", Instant(utc("2026-12-01T09:00:30.250"))),
        ("2026-12-01t09:00z", Instant(utc("2026-12-01T09:00"))),
        ("2026-12-01T09:00+01:00", Instant(utc("2026-12-01T08:00"))),
        ("2026-12-01T09:00-0330", Instant(utc("2026-12-01T12:30"))),
        ("2026-12-01T09:00+05", Instant(utc("2026-12-01T04:00"))),
        ("2028-02-29T00:00", wall("2028-02-29T00:00")),
        ("now", FromNow()),
        ("NOW", FromNow()),
    ],
)
def test_a_start_is_read(text: str, moment: Moment) -> None:
    """Without an offset it is wall time, with one an instant."""
    assert read_start(text) == moment


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "write 2026-12-01T09:00"),
        ("tomorrow", "write 2026-12-01T09:00"),
        ("2026-12-01", "add the time: 2026-12-01T09:00"),
        ("09:00", "add the date"),
        ("2026-02-30T09:00", "no such day"),
        ("2026-13-01T09:00", "no such day"),
        ("0000-01-01T09:00", "no such day"),
        ("2027-02-29T09:00", "no such day"),
        ("2026-12-01T24:00", "no such time"),
        ("2026-12-01T09:60", "no such time"),
        ("2026-12-01T23:59:60", "no such time"),
        ("2026-12-01T09:00:00.5", "whole seconds"),
        ("2026-12-01T09:00:00.1234Z", "write 2026-12-01T09:00"),
        ("2026-12-01T09:00+24:00", "no such offset"),
        ("2026-12-01T09:00+25", "no such offset"),
        ("0001-01-01T00:00+14:00", "beyond the calendar"),
        ("9999-12-31T23:59-14:00", "beyond the calendar"),
        ("2026-12-01T09:00 Europe/Rome", "write 2026-12-01T09:00"),
        ("2026-12-01T9:00", "write 2026-12-01T09:00"),
        ("1.12.2026 09:00", "write 2026-12-01T09:00"),
        ("\u0662026-12-01T09:00", "write 2026-12-01T09:00"),
        ("2026-12-01T09:00\n", "write 2026-12-01T09:00"),
        ("+7d", "write 2026-12-01T09:00"),
    ],
)
def test_what_is_no_start_says_what_to_write(text: str, fix: str) -> None:
    """Each mistake has its own advice."""
    with pytest.raises(ValueError, match=fix):
        read_start(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", NOW.replace(microsecond=123_000)),
        ("+7d", NOW.replace(microsecond=123_000) + timedelta(days=7)),
        ("+1d12h", NOW.replace(microsecond=123_000) + timedelta(hours=36)),
        ("-90m", NOW.replace(microsecond=123_000) - timedelta(minutes=90)),
        ("2026-12-01", utc("2026-11-30T23:00")),
        ("2026-12-01T09:00", utc("2026-12-01T08:00")),
        ("2026-12-01T09:00Z", utc("2026-12-01T09:00")),
        ("2027-03-28T02:30", utc("2027-03-28T01:30")),
        ("2026-10-25T02:30", utc("2026-10-25T00:30")),
    ],
)
def test_reports_go_by_instants(text: str, instant: datetime) -> None:
    """Local times are meant in the zone: a gap moves them on, of two the first is meant."""
    assert instant_of(read_moment(text), ROME, NOW) == instant


@pytest.mark.parametrize("text", ["+90", "+", "-", "-1x", "+-1d", "2026-02-30", "later", ""])
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A bare number, a typo and an impossible day are told apart."""
    with pytest.raises(ValueError, match=r"what\?|empty|unknown|negative|no such|write"):
        read_moment(text)


@pytest.mark.parametrize("text", ["+9999999d", "-9999999d", "0001-01-01"])
def test_an_instant_beyond_the_calendar_is_refused(text: str) -> None:
    """No arithmetic overflows into a traceback."""
    with pytest.raises(ValueError, match="beyond the calendar"):
        instant_of(read_moment(text), "Asia/Tokyo", NOW)


def test_a_moment_becomes_the_start_of_a_booking() -> None:
    """Wall time keeps its zone, an instant and `now` do not need one."""
    local = datetime.fromisoformat("2026-12-01T09:00")
    assert start_of(read_start("2026-12-01T09:00"), ROME, NOW) == WallStart(local, ROME)
    instant = utc("2026-12-01T09:00")
    assert start_of(read_start("2026-12-01T09:00Z"), ROME, NOW) == InstantStart(instant)
    assert start_of(read_start("now"), ROME, NOW) == InstantStart(NOW.replace(microsecond=123_000))


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2026-12-01T09:00", "2026-12-01T09:00"),
        ("2026-12-01T09:00Z", "2026-12-01T10:00"),
        ("2026-10-25T01:30Z", "2026-10-25T02:30"),
        ("now", "2026-11-20T13:00"),
    ],
)
def test_a_series_is_anchored_in_wall_time(text: str, local: str) -> None:
    """An instant becomes what the clock on the wall shows then."""
    expected = WallStart(datetime.fromisoformat(local), ROME)
    start = wall_start_of(read_start(text), ROME, NOW)
    assert start == expected
    assert start.local.fold == 0


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - wall times
def test_what_a_report_prints_can_be_pasted_back(local: datetime) -> None:
    """Wall times and instants survive the way out and in."""
    seconds = local.replace(microsecond=0)
    assert read_start(seconds.isoformat()) == Wall(seconds)
    instant = local.replace(microsecond=local.microsecond // 1_000 * 1_000, tzinfo=UTC)
    text = instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert read_start(text) == Instant(instant)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon,wed", {1, 3}),
        ("Monday, Wednesday", {1, 3}),
        ("SUN", {7}),
        ("tues,thurs", {2, 4}),
        ("fri,fri", {5}),
        ("mon,tue,wed,thu,fri,sat,sun", {1, 2, 3, 4, 5, 6, 7}),
    ],
)
def test_weekdays_are_read(text: str, days: set[int]) -> None:
    """Short or long, in any case; twice is once."""
    assert read_days(text) == days


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "with commas"),
        ("mon,", "with commas"),
        ("mon wed", "no weekday"),
        ("wensday", r"did you mean wednesday\?"),
        ("mno", r"did you mean mon\?"),
        ("xyz", "the days are mon, tue"),
        ("m", "no weekday"),
        ("mo", "no weekday"),
        ("mondays", r"did you mean monday\?"),
        ("1", "no weekday"),
    ],
)
def test_what_is_no_weekday_is_refused(text: str, fix: str) -> None:
    """A typo gets the nearest day as advice."""
    with pytest.raises(ValueError, match=fix):
        read_days(text)


@given(st.sets(st.integers(min_value=1, max_value=7), min_size=1))
def test_any_set_of_weekdays_is_read_back(days: set[int]) -> None:
    """Every combination can be written."""
    assert read_days(",".join(WEEKDAYS[day - 1] for day in days)) == days


@given(st.dates())
def test_any_date_is_read_back(day: date) -> None:
    """ISO dates of four digits."""
    assert read_date(day.isoformat()) == day


@pytest.mark.parametrize("text", ["25.12.2026", "2026-12-32", "20261225", "2026-W52-5", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    """One way to write a date, whatever the library could read."""
    with pytest.raises(ValueError, match=r"write a date as 2026-12-25|no such day"):
        read_date(text)


@pytest.mark.parametrize(
    ("text", "duration"),
    [("90m", timedelta(minutes=90)), ("1ms", timedelta(milliseconds=1)), ("744h", timedelta(31))],
)
def test_a_booking_lasts(text: str, duration: timedelta) -> None:
    """From a millisecond to 31 days."""
    assert booking_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("0s", "longer than nothing"),
        ("745h", "at most 31d"),
        ("1d", "unknown unit"),
        ("-5m", "negative"),
        ("90", "what"),
    ],
)
def test_a_booking_cannot_last(text: str, fix: str) -> None:
    """Zero, negative, endless and unitless durations are refused."""
    with pytest.raises(ValueError, match=fix):
        booking_duration(text)


@click.command()
@click.option("--duration", type=DURATION)
@click.option("--start", type=START)
@click.option("--from", "from_", type=MOMENT)
@click.option("--days", type=DAYS)
@click.option("--until", type=DATE)
@click.option("--timezone", type=ZONE)
def everything(**options: object) -> None:
    """Echo what was read."""
    click.echo(repr(sorted((name, value) for name, value in options.items() if value is not None)))


@pytest.mark.parametrize(
    ("option", "text", "fix"),
    [
        ("--duration", "90", "90 what? try 90m"),
        ("--start", "2026-02-30T09:00", "there is no such day"),
        ("--from", "+1x", "unknown unit 'x'"),
        ("--days", "mno", "did you mean mon?"),
        ("--until", "31.12.2026", "write a date as 2026-12-25"),
        ("--timezone", "Europe/Berlyn", "did you mean Europe/Berlin?"),
    ],
)
def test_a_mistake_names_option_value_and_fix(option: str, text: str, fix: str) -> None:
    """Exit code 2, and nobody has to guess which option was meant."""
    result = CliRunner().invoke(everything, [option, text])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': {text!r}" in result.stderr
    assert fix in result.stderr


def test_what_begins_with_a_dash_is_a_value_after_its_option() -> None:
    """`--from -12h` needs no equals sign."""
    result = CliRunner().invoke(everything, ["--from", "-12h", "--timezone", "UTC"])
    assert result.exit_code == 0
    assert "days=-1, seconds=43200" in result.stdout
