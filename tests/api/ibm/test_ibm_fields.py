"""Bodies as clients write them, read into values."""

from datetime import datetime
from urllib.parse import urlencode

import pytest
from whenever import available_timezones

from tallyd.api.answers import BodyUnreadableError
from tallyd.api.ibm.fields import (
    DURATIONS,
    MAX_DESCRIPTION,
    InvalidFields,
    parse_body,
    parse_paging,
    parse_wish,
)
from tallyd.api.ibm.zones import LISTED, is_accepted
from tallyd.domain.model import Frequency

GOOD = {
    "title": "A",
    "description": "B",
    "date": "2027-03-01",
    "time": "18:30",
    "timezone": "Europe/Budapest",
    "duration": "90",
}
FORM = "application/x-www-form-urlencoded"


def read(**changes):
    """Read an event that is good but for what is given; None leaves a field out."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return parse_wish(fields, "listed")


def test_a_good_event():
    """Every field becomes what it means."""
    wish = read(repeat="weekly", repeat_days="Monday, Thursday")
    assert wish.start == datetime(2027, 3, 1, 18, 30)  # noqa: DTZ001 - a wall time
    assert (wish.title, wish.description, wish.zone) == ("A", "B", "Europe/Budapest")
    assert (wish.minutes, wish.frequency) == (90, Frequency.WEEKLY)
    assert wish.weekdays == frozenset({1, 4})


@pytest.mark.parametrize("minutes", DURATIONS)
def test_lengths(minutes):
    """Seven lengths there are."""
    assert read(duration=str(minutes)).minutes == minutes


@pytest.mark.parametrize("text", ["", "a\nb\tc", "1\u00a0000", "\U0001f469\u200d\U0001f3a4"])
def test_descriptions(text):
    """Any text will do, on several lines and with signs of any script."""
    assert read(description=text).description == text


@pytest.mark.parametrize(
    ("days", "read_as"),
    [
        ("Monday", {1}),
        ("Monday,Monday", {1}),
        ("Sunday,Saturday", {6, 7}),
        (" Monday ,  Tuesday", {1, 2}),
        ("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday", set(range(1, 8))),
    ],
)
def test_weekdays(days, read_as):
    """Days stand between commas, with blanks or without; one named twice counts once."""
    assert read(repeat="weekly", repeat_days=days).weekdays == read_as


@pytest.mark.parametrize("repeat", [None, "never", "daily"])
def test_days_without_weekly_are_ignored(repeat):
    """Days that belong to no weekly rule are not looked at."""
    assert read(repeat=repeat, repeat_days="Funday").weekdays == frozenset()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", [None]),
        ("description", [None, "x" * (MAX_DESCRIPTION + 1), "a\x00b", "\ud800"]),
        (
            "date",
            [
                None,
                "",
                "2027-2-1",
                "2027-02-29",
                "01-02-2027",
                "20270301",
                "2027-W09-1",
                "2027-03-01T00:00",
                "\u0662027-03-01",
                "0001-01-01",
                "9999-12-31",
            ],
        ),
        ("time", [None, "", "24:00", "9:00", "18:60", "18:30:00", "1830", "18.30", "6:30 pm"]),
        (
            "timezone",
            [
                None,
                "",
                "UTC",
                "GMT",
                "Etc/UTC",
                "US/Eastern",
                "Atlantic/Azores",
                "CET",
                "europe/budapest",
                "Europe/Kyiv",
                "Mars/Olympus",
            ],
        ),
        ("duration", [None, "", "0", "45", "90.0", "015", "+15", "-15", "1e2", "300"]),
        ("repeat", ["", "monthly", "Weekly", "none"]),
    ],
)
def test_what_cannot_be(field, values):
    """What makes no sense is named by its field, and nothing else is."""
    for value in values:
        with pytest.raises(InvalidFields) as raised:
            read(**{field: value})
        assert list(raised.value.details) == [field], value


@pytest.mark.parametrize("days", [None, "", ",", "Monday,", "Mon", "monday", "1", "Monday;Tuesday"])
def test_weekdays_that_cannot_be(days):
    """A weekly rule has days, spelt as the calendar does."""
    with pytest.raises(InvalidFields) as raised:
        read(repeat="weekly", repeat_days=days)
    assert list(raised.value.details) == ["repeat_days"]


def test_all_mistakes_at_once():
    """Whoever sends nothing learns of everything that is missing."""
    with pytest.raises(InvalidFields) as raised:
        parse_wish({}, "listed")
    assert set(raised.value.details) == set(GOOD)


@pytest.mark.parametrize("content_type", [FORM, "", "text/plain"])
def test_forms(content_type):
    """A form is read whatever it says it is; days may come one by one."""
    body = urlencode([*GOOD.items(), ("repeat_days", "Monday"), ("repeat_days", "Friday")])
    found = parse_body(content_type, body.encode())
    assert found == {**GOOD, "repeat_days": "Monday,Friday"}
    assert parse_body(content_type, b"") == {}
    assert parse_body(FORM, b"title=%E6%BC%94+%F0%9F%8E%B5") == {"title": "\u6f14 \U0001f3b5"}
    assert parse_body(FORM, b"title=a&title=b") == {"title": "b"}
    assert parse_body(FORM, "title=\u6f14".encode()) == {"title": "\u6f14"}


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", ""]
)
def test_json(content_type):
    """JSON has numbers and lists; what is null was not sent."""
    body = b'{"duration": 90, "repeat_days": ["Monday", "Friday"], "title": "A", "x": null}'
    assert parse_body(content_type, body) == {
        "duration": "90",
        "repeat_days": "Monday,Friday",
        "title": "A",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"1",
        b'"a"',
        b"{" * 100_000,
        b"\xff",
        b'{"a": NaN',
        b"null",
        b'{"duration": 1' + b"0" * 5000,
    ],
)
def test_json_that_is_none(body):
    """What is no object of JSON is told so."""
    with pytest.raises(BodyUnreadableError):
        parse_body("application/json", body)


@pytest.mark.parametrize("body", [b"title=%ff", b"\xff=1", b"&".join([b"a=1"] * 200)])
def test_form_that_is_none(body):
    """Nor is every row of bytes a form."""
    with pytest.raises(BodyUnreadableError):
        parse_body(FORM, body)


def test_paging():
    """Without a word it is the first page of the usual size; one too large is made smaller."""
    assert parse_paging({}, 20, 1000).first == 0
    asked = parse_paging({"page": "3", "pagesize": "5000"}, 20, 1000)
    assert (asked.page, asked.size, asked.first) == (3, 1000, 2000)


def test_the_list_of_zones():
    """It is the published one: 438 names, of nine regions, all of which there are."""
    regions = (
        "America",
        "Asia",
        "Europe",
        "Africa",
        "Pacific",
        "Australia",
        "Indian",
        "Antarctica",
        "Arctic",
    )
    counts = [sum(zone.startswith(f"{region}/") for zone in LISTED) for region in regions]
    assert counts == [154, 88, 58, 53, 40, 23, 11, 10, 1]
    assert len(LISTED) == 438
    assert available_timezones() >= LISTED


@pytest.mark.parametrize(
    ("zone", "strict", "lenient"),
    [
        ("Europe/Budapest", True, True),
        ("Asia/Calcutta", True, True),
        ("UTC", False, True),
        ("Atlantic/Azores", False, True),
        ("Europe/Kyiv", False, True),
        ("localtime", False, False),
        ("Mars/Olympus", False, False),
        ("../etc/passwd", False, False),
    ],
)
def test_strict_and_lenient(zone, strict, lenient):
    """The list is law, unless the configuration says that any zone will do."""
    assert is_accepted(zone, "listed") is strict
    assert is_accepted(zone, "any") is lenient
