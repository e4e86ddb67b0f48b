"""`tallyd schedule` and `tallyd exceptions`, as users and other programs call them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEDULE_KEYS = [
    "id", "uid", "target", "name", "start", "timezone", "duration", "duration_ms", "repeat",
    "every", "days", "last_day", "count", "until", "priority", "dst_gap", "dst_overlap", "created",
    "next", "verdict", "by", "reason",
]  # fmt: skip
Book = Callable[..., Any]


def test_a_booking_prints_itself(book: Book) -> None:
    """Every option under its name, an id, the next five slots, the verdict, whom it affects."""
    series = book(
        "Lecture", "2030-12-02T09:00", "90m", "--repeat", "weekly", "--every", "2",
        "--days", "mon,wed", "--until", "2031-06-30", "--priority", "3",
        "--timezone", "America/New_York", "--dst-gap", "skip", "--dst-overlap", "second",
    )  # fmt: skip
    assert list(series) == [*SCHEDULE_KEYS, "affects", "warnings"]
    assert (series["id"], series["target"], series["name"]) == (1, "rooms.aula", "Lecture")
    assert (series["start"], series["timezone"]) == ("2030-12-02T09:00:00", "America/New_York")
    assert (series["duration"], series["duration_ms"]) == ("1h30m", 5_400_000)
    assert (series["repeat"], series["every"], series["days"]) == ("weekly", 2, ["mon", "wed"])
    assert (series["until"], series["count"], series["last_day"]) == ("2031-06-30", None, False)
    assert (series["priority"], series["dst_gap"], series["dst_overlap"]) == (3, "skip", "second")
    assert len(series["next"]) == 5
    assert series["next"][0] == {
        "slot": "2030-12-02T09:00:00",
        "start": "2030-12-02T14:00:00.000Z",
        "stop": "2030-12-02T15:30:00.000Z",
    }
    assert [slot["slot"][:10] for slot in series["next"][1:3]] == ["2030-12-04", "2030-12-16"]
    assert (series["verdict"], series["by"], series["reason"]) == ("clear", [], None)
    assert (series["affects"], series["warnings"]) == ([], "")


def test_conflicting_bookings_are_stored_and_said(book: Book) -> None:
    """Exit 0, a warning on stderr; JSON says who is in the way and whom it cuts."""
    book("A", "2026-12-01T10:00", "1h")
    blocked = book("B", "2026-12-01T10:15", "30m")
    assert (blocked["verdict"], blocked["reason"]) == ("blocked", "occupied")
    assert blocked["by"] == [
        {
            "schedule_id": 1,
            "start": "2026-12-01T09:15:00.000Z",
            "stop": "2026-12-01T09:45:00.000Z",
        }
    ]
    assert 'warning: schedule 2 "B" is blocked' in blocked["warnings"]
    assert 'schedule 1 "A" holds rooms.aula' in blocked["warnings"]
    higher = book("C", "2026-12-01T10:30", "1h", "--priority", "5")
    assert (higher["verdict"], higher["by"]) == ("clear", [])
    assert higher["affects"] == [{"schedule_id": 1, "name": "A", "verdict": "conflict"}]
    assert 'it leaves schedule 1 "A" in conflict' in higher["warnings"]


def test_a_careful_client_can_reject_conflicts(book: Book, tallyd: Book) -> None:
    """Exit 4, the loser named, nothing stored."""
    book("A", "2026-12-01T10:00", "1h")
    given = ("--target", "rooms.aula", "--name", "B", "--start", "2026-12-01T10:15")
    result = tallyd("schedule", "add", *given, "--duration", "9m", "--on-conflict", "reject")
    assert result.code == 4
    assert '"B"' in result.err
    assert [row["name"] for row in tallyd("schedule", "list", "--json").json] == ["A"]


def test_schedules_are_listed_shown_and_edited(book: Book, tallyd: Book) -> None:
    """An edit changes what is given and prints what it made, as `add` does."""
    book("A", "2030-12-02T10:00", "1h", "--repeat", "daily", "--count", "3")
    edited = tallyd("schedule", "edit", "1", "--name", "B", "--duration", "2h", "--json").json
    assert list(edited) == [*SCHEDULE_KEYS, "affects"]
    assert (edited["name"], edited["duration"], edited["repeat"]) == ("B", "2h", "daily")
    once = tallyd("schedule", "edit", "1", "--repeat", "none", "--json").json
    assert (once["repeat"], len(once["next"])) == ("none", 1)
    shown = tallyd("schedule", "show", "1", "--json").json
    assert list(shown) == SCHEDULE_KEYS
    assert shown == {key: once[key] for key in SCHEDULE_KEYS}
    assert tallyd("schedule", "list", "--json").json == [shown]
    assert tallyd("schedule", "list", "--target", "rooms.lab", "--json").json == []
    text = tallyd("schedule", "show", "1").out
    assert "next (Europe/Rome)  2030-12-02 10:00:00" in text
    assert "rooms.aula" in tallyd("schedule", "list").out


def test_a_schedule_can_start_now_by_an_edit(book: Book, tallyd: Book) -> None:
    """`now` is the instant of the change, which is not past when it is stored."""
    book("A", "2030-12-02T10:00", "1h")
    edited = tallyd("schedule", "edit", "1", "--start", "now", "--json")
    assert edited.code == 0, edited.err
    assert edited.json["timezone"] is None


def test_a_series_can_start_now(book: Book) -> None:
    """Its first slot is today's, not tomorrow's."""
    series = book("A", "now", "10m", "--repeat", "daily")
    assert series["next"][0]["slot"] == series["start"]


def test_removing_and_skipping(book: Book, tallyd: Book) -> None:
    """What is gone is not found any more; a skipped occurrence is listed as excluded."""
    book("A", "2030-12-02T10:00", "1h", "--repeat", "daily", "--count", "3")
    skipped = tallyd("schedule", "skip", "1", "2030-12-03", "--json")
    assert skipped.json == {
        "schedule_id": 1,
        "slot": "2030-12-03T10:00:00",
        "start": "2030-12-03T09:00:00.000Z",
        "stop": "2030-12-03T10:00:00.000Z",
    }
    assert tallyd("schedule", "skip", "1", "2030-12-04 10:00:00").code == 0
    assert tallyd("schedule", "skip", "1", "2030-12-02T09:00:00.000Z").code == 0
    plan = tallyd("plan", "--from", "2030-12-01", "--to", "2030-12-09", "--json").json
    assert [(row["verdict"], row["reason"]) for row in plan] == [("suspended", "excluded")] * 3
    removed = tallyd("schedule", "remove", "1", "--json")
    assert (removed.code, removed.json["id"], removed.err) == (0, 1, "")
    for command in (
        ("show", "1"),
        ("remove", "1"),
        ("edit", "1", "--name", "B"),
        ("skip", "1", "next"),
    ):
        result = tallyd("schedule", *command)
        assert (result.code, result.err) == (3, "tallyd: there is no schedule 1\n")


def test_stopping_a_schedule_without_a_daemon_says_that_it_waits(book: Book, tallyd: Book) -> None:
    """On stderr, so that programs are not disturbed."""
    book("A", "now", "1h")
    result = tallyd("schedule", "remove", "1", "--stop", "--json")
    assert result.json["name"] == "A"
    assert "no daemon runs; it takes effect when one starts" in result.err


def test_exception_days(book: Book, tallyd: Book) -> None:
    """Everywhere or on one target; what would start on them is suspended."""
    book("A", "2030-12-24T10:00", "1h", "--repeat", "daily", "--count", "3")
    added = tallyd("exceptions", "add", "2030-12-25", "Christmas", "--json")
    everywhere = {"id": 1, "date": "2030-12-25", "name": "Christmas", "target": None}
    assert added.json == everywhere
    there = tallyd("exceptions", "add", "2030-12-26", "Rest", "--target", "rooms.lab", "--json")
    assert there.json["target"] == "rooms.lab"
    assert tallyd("exceptions", "list", "--json").json == [everywhere, there.json]
    twice = tallyd("exceptions", "add", "2030-12-25", "X-mas", "--json")
    assert twice.json == everywhere
    assert "kept free already" in twice.err
    plan = tallyd("plan", "--from", "2030-12-24", "--to", "2030-12-27", "--json").json
    assert [(row["verdict"], row["reason"]) for row in plan] == [
        ("clear", None),
        ("suspended", "exception_day"),
        ("clear", None),
    ]
    assert tallyd("exceptions", "remove", "1", "--json").json == {"id": 1}
    assert tallyd("exceptions", "remove", "1").code == 3
    assert "Rest" in tallyd("exceptions", "list").out


def test_a_look_at_a_new_installation_creates_nothing(tallyd: Book, tmp_path: Path) -> None:
    """It answers as empty, in words on stderr and as an empty list in JSON."""
    for command in (("schedule", "list"), ("exceptions", "list"), ("plan",), ("runs",)):
        assert tallyd(*command, "--json").json == []
        result = tallyd(*command)
        assert (result.code, result.out) == (0, "")
        assert result.err
    assert [each.name for each in tmp_path.iterdir()] == ["tallyd.toml"]
