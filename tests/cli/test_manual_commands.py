"""Recordings by hand on the command line: started, listed, refused, stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
AULA = "rooms.aula"


def test_a_recording_is_started_and_shown_as_nobodys_schedule(tallyd: Call) -> None:
    """Runs and plan name it, and neither schedule nor slot; lists of schedules do not."""
    started = tallyd("runs", "start", AULA, "--name", "Exam", "--for", "50m", "--json")
    assert started.code == 0
    assert "hint: no daemon runs" in started.err
    run = started.json
    assert (run["id"], run["name"], run["target"], run["schedule_id"], run["slot"]) == (
        1,
        "Exam",
        AULA,
        None,
        None,
    )
    assert tallyd("runs", "--json").json[0]["schedule_id"] is None
    (row,) = tallyd("plan", "--json").json
    assert (row["name"], row["schedule_id"], row["slot"], row["verdict"]) == (
        "Exam",
        None,
        None,
        "clear",
    )
    assert tallyd("schedule", "list", "--json").json == []
    assert tallyd("schedule", "show", "1").code == 3


def test_it_is_paused_resumed_and_stopped_by_its_number(tallyd: Call) -> None:
    """As whatever runs is."""
    assert tallyd("runs", "start", AULA).code == 0
    for word in ("pause", "resume", "stop"):
        result = tallyd("runs", word, "1", "--json")
        assert result.code == 0, result.err
    assert tallyd("runs", "start", AULA).code == 0


def test_without_a_name_it_has_one_that_says_what_it_is(tallyd: Call) -> None:
    """Files and reports of it need one."""
    assert tallyd("runs", "start", AULA, "--json").json["name"] == "Recording by hand"


def test_a_booking_that_waits_for_it_is_told_so(tallyd: Call, book: Call) -> None:
    """Its warning names the recording by hand, and its row in the plan what is left."""
    assert tallyd("runs", "start", AULA, "--for", "50m").code == 0
    booked = book("Lecture", "now", "90m")
    assert booked["verdict"] == "conflict"
    assert "the manual recording 1 holds rooms.aula" in booked["warnings"]
    assert [each["schedule_id"] for each in booked["by"]] == [None]


def test_an_extension_by_force_names_who_gives_way(tallyd: Call, book: Call) -> None:
    """Also where what is extended has no schedule."""
    run = tallyd("runs", "start", AULA, "--for", "50m", "--json").json
    book("After", run["planned"]["stop"], "1h")
    assert tallyd("runs", "extend", "1", "10m").code == 4
    forced = tallyd("runs", "extend", "1", "10m", "--force", "--json")
    assert [row["name"] for row in forced.json["affects"]] == ["After"]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("rooms.nope",), 3, "there is no target rooms.nope"),
        ((AULA, "--name", " "), 2, "give it a name that can be seen"),
        ((AULA, "--for", "5h"), 2, "at most 4h (manual_max)"),
        ((AULA, "--for", "50"), 2, "50 what? try 50m"),
    ],
)
def test_what_cannot_be_started_says_why(
    tallyd: Call, more: tuple[str, ...], code: int, words: str
) -> None:
    """One sentence, the exit code of its kind, and nothing is stored."""
    result = tallyd("runs", "start", *more)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert tallyd("runs", "--json").json == []


def test_a_room_that_is_taken_or_locked_is_refused(tallyd: Call) -> None:
    """Exit 4, and who has it."""
    assert tallyd("runs", "start", AULA, "--name", "First").code == 0
    taken = tallyd("runs", "start", AULA)
    assert (taken.code, taken.out) == (4, "")
    assert 'rooms.aula is held by run 1 "First" until' in taken.err
    assert tallyd("targets", "lock", "rooms.lab").code == 0
    locked = tallyd("runs", "start", "rooms.lab")
    assert locked.code == 4
    assert "rooms.lab is locked since" in locked.err


def test_how_long_one_may_be_is_configured(tallyd: Call, config: Path) -> None:
    """What nobody stops ends after that."""
    config.write_text(config.read_text().replace("[appliance]", '[appliance]\nmanual_max = "10m"'))
    assert "at most 10m" in tallyd("runs", "start", AULA, "--for", "11m").err
    assert tallyd("runs", "start", AULA).code == 0
    (row,) = tallyd("plan", "--json").json
    minutes = {row[edge][14:16] for edge in ("start", "stop")}
    assert len(minutes) == 2
