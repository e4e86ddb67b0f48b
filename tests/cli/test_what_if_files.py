"""The file of `tallyd plan --with`: JSON and TOML, and what is said of mistakes in it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.cli.what_if import read_rows
from tallyd.domain.errors import InvalidBooking
from tallyd.notation.what_if import drafts_of

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
ROOMS = ("rooms.aula", "rooms.lab")
JSON_ROWS = """[
  {"target": "rooms.aula", "name": "A", "start": "2026-12-01T09:00", "duration": "1h"},
  {"target": "rooms.lab", "name": "B", "start": "2026-12-01T09:00Z", "duration": "10m",
   "priority": 5, "dst-gap": "skip"}
]"""
TOML_ROWS = """
[[schedule]]
target = "rooms.aula"
name = "A"
start = 2026-12-01T09:00:00
duration = "1h"

[[schedule]]
target = "rooms.lab"
name = "B"
start = 2026-12-01T09:00:00Z
duration = "10m"
priority = 5
dst_gap = "skip"
"""


def problems(path: Path) -> dict[str, str]:
    """Read and draft a file that has mistakes; give their places and fixes."""
    with pytest.raises(InvalidBooking) as caught:
        drafts_of(read_rows(path, "Europe/Rome"), NOW, ROOMS)
    return {problem.field: problem.fix for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("name", "text"),
    [("rows.json", JSON_ROWS), ("rows.toml", TOML_ROWS), ("rows", "\ufeff" + JSON_ROWS)],
)
def test_json_and_toml_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    """The keys are the names of the options, with dashes or underscores."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    first, second = drafts_of(read_rows(path, "Europe/Rome"), NOW, ROOMS)
    assert (first.target, first.name, first.duration) == ("rooms.aula", "A", timedelta(hours=1))
    assert (second.priority, second.dst_gap) == (5, "skip")


@pytest.mark.parametrize("text", ["[]", '{"schedule": []}', "{}"])
def test_a_file_may_hold_nothing(tmp_path: Path, text: str) -> None:
    """Then the plan is the plan."""
    (tmp_path / "rows.json").write_text(text, encoding="utf-8")
    assert read_rows(tmp_path / "rows.json", "UTC") == ()


def test_each_mistake_names_its_row_and_key(tmp_path: Path) -> None:
    """All rows are read before anything is refused."""
    path = tmp_path / "rows.json"
    path.write_text(
        """[{"target": "rooms.aula", "name": "A", "start": "soon", "duration": "1h"},
            {"target": "rooms.aula", "nmae": "B"},
            {"target": "rooms.aula", "name": "C", "start": "2026-12-01T09:00"}]""",
        encoding="utf-8",
    )
    assert set(problems(path)) == {"with-1.start", "with-2.nmae", "with-3.duration"}


def test_what_could_not_be_booked_names_its_row_too(tmp_path: Path) -> None:
    """The same rules as for a booking."""
    path = tmp_path / "rows.json"
    path.write_text(
        """[{"target": "rooms.aula", "name": "A", "start": "2026-12-01T09:00", "duration": "1h"},
            {"target": "rooms.nope", "name": "", "start": "2020-01-01T09:00", "duration": "1h"}]""",
        encoding="utf-8",
    )
    assert set(problems(path)) == {"with-2.target", "with-2.name", "with-2.start"}


@pytest.mark.parametrize(
    ("name", "content", "place", "fix"),
    [
        ("a.json", b"{", "with", "is no JSON"),
        ("a.json", b"[" * 100_000, "with", "is no JSON"),
        ("a.toml", b"[[", "with", "is no TOML"),
        ("a.json", b"\xff\xfe", "with", "UTF-8"),
        ("a.json", b"5", "with", "write a list"),
        ("a.json", b'{"schedule": 5}', "with", "write a list"),
        ("a.toml", b"schedules = 1", "schedules", "[[schedule]] tables and nothing else"),
        ("a.json", b"[5]", "with-1", "write an object"),
        ("missing.json", None, "with", "No such file"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, name: str, content: bytes | None, place: str, fix: str
) -> None:
    """A sentence, whatever the bytes are."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert fix in problems(tmp_path / name)[place]
