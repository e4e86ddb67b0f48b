"""`tallyd plan`: the fixed rows, their order, the what-if, the period."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
PERIOD = ("--from", "2026-12-01", "--to", "2026-12-02")
KEYS = [
    "schedule_id", "name", "target", "slot", "start", "stop", "verdict", "claim", "by", "reason",
]  # fmt: skip
WHAT_IF = """
[[schedule]]
target = "rooms.aula"
name = "Above"
start = 2026-12-01T10:30:00
duration = "1h"
priority = 1

[[schedule]]
target = "rooms.aula"
name = "Late comer"
start = 2026-12-01T10:00:00
duration = "10m"
"""


def test_the_rows_of_a_plan_are_fixed(book: Call, tallyd: Call) -> None:
    """Exactly these keys, UTC, in order of start, target, id."""
    book("A", "2026-12-01T10:00", "1h")
    book("C", "2026-12-01T10:30", "1h")
    other = ("--target", "channels.one", "--name", "X", "--start", "2026-12-01T10:00")
    assert tallyd("schedule", "add", *other, "--duration", "1h").code == 0
    rows = tallyd("plan", *PERIOD, "--json").json
    assert [row["name"] for row in rows] == ["X", "A", "C"]
    assert all(list(row) == KEYS for row in rows)
    assert rows[2] == {
        "schedule_id": 2,
        "name": "C",
        "target": "rooms.aula",
        "slot": "2026-12-01T10:30:00",
        "start": "2026-12-01T09:30:00.000Z",
        "stop": "2026-12-01T10:30:00.000Z",
        "verdict": "conflict",
        "claim": [["2026-12-01T10:00:00.000Z", "2026-12-01T10:30:00.000Z"]],
        "by": [
            {
                "schedule_id": 1,
                "start": "2026-12-01T09:30:00.000Z",
                "stop": "2026-12-01T10:00:00.000Z",
            }
        ],
        "reason": "occupied",
    }
    text = tallyd("plan", *PERIOD).out
    assert "start (Europe/Rome)" in text
    assert "2026-12-01 10:30:00" in text


def test_a_what_if_changes_nothing(book: Call, tallyd: Call, tmp_path: Path) -> None:
    """Its rows are called with-1 and so on, count as youngest, and are not booked."""
    book("A", "2026-12-01T10:00", "1h")
    (tmp_path / "more.toml").write_text(WHAT_IF, encoding="utf-8")
    rows = tallyd("plan", *PERIOD, "--with", str(tmp_path / "more.toml"), "--json").json
    assert [(row["schedule_id"], row["verdict"]) for row in rows] == [
        (1, "conflict"),
        ("with-2", "blocked"),
        ("with-1", "clear"),
    ]
    assert rows[0]["by"][0]["schedule_id"] == "with-1"
    assert [row["name"] for row in tallyd("plan", *PERIOD, "--json").json] == ["A"]
    assert len(tallyd("schedule", "list", "--json").json) == 1


def test_a_what_if_works_before_anything_is_booked(tallyd: Call, tmp_path: Path) -> None:
    """On a new installation too, which stays new."""
    (tmp_path / "more.toml").write_text(WHAT_IF, encoding="utf-8")
    rows = tallyd("plan", *PERIOD, "--with", str(tmp_path / "more.toml"), "--json").json
    assert [row["schedule_id"] for row in rows] == ["with-2", "with-1"]
    assert not (tmp_path / "state").exists()


def test_mistakes_in_a_what_if_name_row_and_key(tallyd: Call, tmp_path: Path) -> None:
    """Exit 2."""
    (tmp_path / "more.json").write_text('[{"target": "rooms.aula", "evry": 2}]', encoding="utf-8")
    result = tallyd("plan", "--with", str(tmp_path / "more.json"))
    assert result.code == 2
    assert "with-1.evry: '2': there is no such option; did you mean every?" in result.err


def test_a_plan_shows_a_week_from_now_or_from_its_start(book: Call, tallyd: Call) -> None:
    """Windows are shown whole, whatever is cut off by the period."""
    book("Now", "now", "20h")
    book("Far", "2030-12-01T09:00", "1h")
    assert [row["name"] for row in tallyd("plan", "--json").json] == ["Now"]
    (cut,) = tallyd("plan", "--from", "+1h", "--to", "+2h", "--json").json
    (whole,) = tallyd("plan", "--json").json
    assert cut == whole
    assert [row["name"] for row in tallyd("plan", "--from", "2030-11-30", "--json").json] == ["Far"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "2026-12-02", "--to", "2026-12-01"), "later than --from"),
        (("--from", "2026-12-01", "--to", "2026-12-01"), "later than --from"),
        (("--from", "tomorrow"), "write 2026-12-01T09:00"),
        (("--from", "2026-02-30"), "there is no such day"),
        (("--from", "0001-01-01"), "beyond the calendar"),
        (("--from", "0001-01-02"), "100 years away"),
        (("--to", "9999-12-31T23:59Z"), "100 years away"),
        (("--with", "missing.json"), "No such file"),
    ],
)
def test_a_period_or_file_that_makes_no_sense_is_refused(
    tallyd: Call, arguments: tuple[str, ...], words: str
) -> None:
    """Exit 2 and what is wrong."""
    result = tallyd("plan", *arguments)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err
