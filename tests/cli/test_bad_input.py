"""Bad input: a clear error, the right exit code, no traceback, nothing changed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

GOOD = {
    "--target": "rooms.aula",
    "--name": "N",
    "--start": "2030-12-01T09:00",
    "--duration": "90m",
}
FIVE_MISTAKES = """
[appliance]
timezone = "Europe/Roma"
min_piece = 60

[rooms.aula]
driver = "simulated"
capacity = 0
naem = "x"

[channel.one]
driver = "simulated"
"""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"--target": "rooms.alua"}, ["target: 'rooms.alua'", "did you mean rooms.aula?"]),
        ({"--start": "2020-01-01T09:00"}, ["start: ", "is over"]),
        ({"--start": "2026-02-30T09:00"}, ["start: '2026-02-30T09:00'", "no such day"]),
        ({"--start": "2026-12-01T24:30"}, ["start: ", "hours go to 23"]),
        ({"--start": "2300-01-01T00:00"}, ["start: ", "100 years from now"]),
        ({"--duration": "0m"}, ["duration: '0m'", "longer than nothing"]),
        ({"--duration": "-90m"}, ["duration: '-90m'", "negative"]),
        ({"--duration": "9000h"}, ["duration: '9000h'", "at most 31d"]),
        ({"--duration": "90"}, ["90 what? try 90m"]),
        ({"--duration": "1m1h"}, ["duration: '1m1h'", "units go h, m, s, ms"]),
        ({"--timezone": "Europe/Roma"}, ["timezone: 'Europe/Roma'", "did you mean Europe/Rome?"]),
        ({"--repeat": "daily", "--days": "mon"}, ["days: ", "repeat weekly"]),
        ({"--repeat": "weekly", "--days": "mon,tux"}, ["days: 'mon,tux'", "tux is no weekday"]),
        (
            {"--repeat": "daily", "--count": "3", "--until": "2031-01-01"},
            ["until: '2031-01-01'", "give one of the two"],
        ),
        (
            {"--repeat": "daily", "--until": "2030-11-30"},
            ["until: '2030-11-30'", "begins after that"],
        ),
        ({"--name": ""}, ["name: ''", "can be seen"]),
        ({"--name": "x" * 201}, ["name: ", "200 are allowed"]),
        ({"--name": "a\x1b[2Jb"}, ["name: ", "U+001B"]),
        ({"--name": "a\nb"}, ["name: ", "U+000A"]),
        ({"--repeat": "daily", "--every": "0"}, ["every: '0'", "from 1"]),
        ({"--repeat": "daily", "--count": "0"}, ["count: '0'", "from 1"]),
        ({"--priority": "101"}, ["priority: '101'", "-100 to 100"]),
        ({"--priority": "high"}, ["priority: 'high'", "whole number"]),
        ({"--every": "2"}, ["every: '2'", "give repeat too"]),
        ({"--days": "mon"}, ["days: ", "give repeat too"]),
        ({"--count": "2"}, ["count: '2'", "give repeat too"]),
        ({"--until": "2031-01-01"}, ["until: '2031-01-01'", "give repeat too"]),
        ({"--repeat": "yearly"}, ["repeat: 'yearly'", "none or daily"]),
        ({"--repeat": "daily", "--duration": "25h"}, ["duration: ", "make it shorter"]),
    ],
)
def test_a_booking_that_makes_no_sense(
    tallyd: Call, given: dict[str, str], words: list[str]
) -> None:
    """Exit 2 with field, value and what to do, for `add` and for `edit` alike."""
    options = [part for pair in {**GOOD, **given}.items() for part in pair]
    added = tallyd("schedule", "add", *options)
    assert tallyd("schedule", "list", "--json").json == []
    tallyd("schedule", "add", *(part for pair in GOOD.items() for part in pair))
    before = tallyd("schedule", "list", "--json").json
    edited = tallyd("schedule", "edit", "1", *(part for pair in given.items() for part in pair))
    for result in (added, edited):
        assert (result.code, result.out) == (2, "")
        assert "Traceback" not in result.err
        assert "\x1b" not in result.err
        assert all(word in result.err for word in words), result.err
    assert tallyd("schedule", "list", "--json").json == before


def test_a_series_does_not_start_at_an_instant(tallyd: Call) -> None:
    """A new one has no zone of its own to read it in."""
    given = {**GOOD, "--start": "2030-12-01T09:00Z", "--repeat": "daily"}
    result = tallyd("schedule", "add", *(part for pair in given.items() for part in pair))
    assert (result.code, result.out) == (2, "")
    assert "give a timezone" in result.err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("schedule", "add"), 2, "target: '': give one"),
        (("schedule", "add", "--last-day", "--name", "x"), 2, "last_day: 'True': only a series"),
        (("schedule", "edit", "1"), 2, "say what is to change"),
        (("schedule", "edit", "1", "--name", "x"), 3, "there is no schedule 1"),
        (("schedule", "show", "one"), 2, "not a valid integer"),
        (("schedule", "show", str(2**64)), 2, "is not in the range"),
        (("schedule", "show", "0"), 2, "is not in the range"),
        (("schedule", "skip", "1", "next"), 3, "there is no schedule 1"),
        (("schedule", "list", "--target", "rooms.nope"), 3, "there is no target rooms.nope"),
        (("exceptions", "add", "2026-02-30", "X"), 2, "there is no such day"),
        (("exceptions", "add", "2026-12-25", ""), 2, "name: ''"),
        (("exceptions", "add", "2026-12-25", "X", "--target", "rooms.nope"), 3, "no target"),
        (("exceptions", "remove", "1"), 3, "there is no exception day 1"),
        (("runs", "--target", "rooms.nope"), 3, "there is no target rooms.nope"),
        (("runs", "--limit", "0"), 2, "is not in the range"),
        (("runs", "--limit", str(2**64)), 2, "is not in the range"),
        (("runs", "stop"), 2, "give the id of a run, or --all"),
        (("runs", "stop", "1", "--all"), 2, "give the id of a run, or --all"),
        (("runs", "stop", "1"), 3, "there is no run 1"),
        (("runs", "extend", "1", "10"), 2, "10 what? try 10m"),
        (("runs", "extend", "1", "10m"), 3, "there is no run 1"),
        (("status",), 5, "no daemon runs"),
    ],
)
def test_a_command_that_makes_no_sense(
    tallyd: Call, command: tuple[str, ...], code: int, words: str
) -> None:
    """The exit code that its kind has, a sentence, nothing on stdout."""
    result = tallyd(*command)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert "Traceback" not in result.err


def test_an_occurrence_must_be_found_by_its_name(book: Call, tallyd: Call) -> None:
    """Neither a day without one nor words that name none."""
    book("A", "2030-12-01T09:00", "1h")
    for name in ("2030-12-02", "tomorrow", "@5", "2030-12-01T10:00:00Z"):
        result = tallyd("schedule", "skip", "1", name)
        assert (result.code, result.out) == (3, "")
        assert name in result.err


@pytest.mark.parametrize("command", [("check",), ("plan",), ("schedule", "list")])
def test_a_configuration_with_five_mistakes(
    tallyd: Call, config: Path, command: tuple[str, ...]
) -> None:
    """Exit 78 with all of them at once, each with its line, whatever was asked."""
    config.write_text(FIVE_MISTAKES, encoding="utf-8")
    result = tallyd(*command)
    assert (result.code, result.out) == (78, "")
    fields = ("appliance.timezone", "min_piece", "capacity", "rooms.aula.naem", "channel")
    assert all(field in result.err for field in fields)
    assert "did you mean name?" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "command", [("plan",), ("runs",), ("schedule", "list"), ("exceptions", "remove", "1")]
)
def test_a_database_from_the_future(
    book: Call, tallyd: Call, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Exit 78, and it is left as it is."""
    book("A", "2030-12-01T09:00", "1h")
    database = tmp_path / "state" / "tallyd.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE meta SET compat_version = 1000")
        connection.execute("PRAGMA user_version = 1000")
    result = tallyd(*command)
    assert (result.code, result.out) == (78, "")
    assert "newer tallyd" in result.err
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM schedules").fetchone() == (1,)
        assert connection.execute("PRAGMA user_version").fetchone() == (1000,)


def test_a_lost_database_is_not_replaced_by_an_empty_one(
    book: Call, tallyd: Call, tmp_path: Path
) -> None:
    """Nobody's schedules vanish in silence."""
    book("A", "2030-12-01T09:00", "1h")
    for path in (tmp_path / "state").glob("tallyd.db*"):
        path.unlink()
    for command in (("plan",), ("exceptions", "add", "2030-12-25", "X")):
        result = tallyd(*command)
        assert result.code == 1
        assert "the database of this installation is gone" in result.err


def test_a_state_directory_that_cannot_be_used(tallyd: Call, tmp_path: Path) -> None:
    """What the system says, in a sentence."""
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    result = tallyd("exceptions", "add", "2030-12-25", "X")
    assert result.code == 1
    assert "Traceback" not in result.err
    assert str(tmp_path / "state") in result.err
