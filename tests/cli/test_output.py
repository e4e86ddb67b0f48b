"""Reports on a terminal, in a pipe and as JSON."""

import json
import os
import pty
import sys
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tallyd.cli.output import Column, Output, Row, emit, json_option, to_json
from tallyd.notation.text import instant_text, visible

AT = datetime(2026, 12, 1, 9, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))
NASTY = "\x1b[31mred\n[bold]\u202e"


class Verdict(StrEnum):
    """A word of the domain."""

    CLEAR = "clear"


COLUMNS = (
    Column("ID", "id", justify="right"),
    Column("NAME", "name"),
    Column("START", "start"),
)
ROWS: list[Row] = [
    {"id": 1, "name": "Lecture", "start": AT, "more": Path("/a")},
    {"id": 20, "name": NASTY, "start": None},
]


def test_json_has_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get all of it, with times in UTC and words as words."""
    rows: list[Row] = [{**ROWS[0], "verdict": Verdict.CLEAR, "day": date(2026, 12, 25), "of": (1,)}]
    emit(rows, COLUMNS, Output.JSON)
    assert json.loads(capsys.readouterr().out) == [
        {
            "id": 1,
            "name": "Lecture",
            "start": "2026-12-01T08:00:00.123Z",
            "more": "/a",
            "verdict": "clear",
            "day": "2026-12-25",
            "of": [1],
        }
    ]


def test_json_of_nothing_is_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A program need not know a special case."""
    emit([], COLUMNS, Output.JSON)
    assert capsys.readouterr() == ("[]\n", "")


def test_json_is_ascii() -> None:
    """No terminal and no encoding can stumble over it, and nothing is lost."""
    text = to_json({"name": f"Größe {NASTY}\udcff"})
    assert text.isascii()
    assert json.loads(text) == {"name": f"Größe {NASTY}\udcff"}


@pytest.mark.parametrize("value", [timedelta(seconds=1), {1}, object(), float("nan")])
def test_json_refuses_what_has_no_one_form(value: object) -> None:
    """A duration must be given in milliseconds; nothing is written in a form that nobody chose."""
    with pytest.raises((TypeError, ValueError)):
        to_json({"value": value})


def test_a_naive_time_is_no_instant() -> None:
    """A missing zone is found in development, not by users in another country."""
    with pytest.raises(ValueError, match="naive"):
        instant_text(datetime(2026, 12, 1))  # noqa: DTZ001 - the mistake that is looked for


def test_a_pipe_gets_aligned_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    """`grep` and `awk` see one line a row, without colours, frames or cuts."""
    emit(ROWS, COLUMNS, Output.TEXT)
    shown = r"\x1b[31mred\n[bold]\u202e"
    assert capsys.readouterr().out.splitlines() == [
        f"ID  {'NAME'.ljust(len(shown))}  START",
        f" 1  {'Lecture'.ljust(len(shown))}  2026-12-01T08:00:00.123Z",
        f"20  {shown}",
    ]


def test_one_thing_is_shown_by_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """A single result reads downwards; lists, yes and no are for people."""
    thing = {"id": 7, "on": True, "off": False, "files": ["a", Path("b")], "none": None}
    columns = [Column(key.upper(), key) for key in thing]
    emit(thing, columns, Output.TEXT)
    assert capsys.readouterr().out.splitlines() == [
        "ID     7",
        "ON     yes",
        "OFF    no",
        "FILES  a, b",
        "NONE",
    ]


def test_no_rows_are_said_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """People read why nothing is there, a pipe gets nothing."""
    emit([], COLUMNS, Output.TEXT, empty="no schedules")
    assert capsys.readouterr() == ("", "no schedules\n")


def on_terminal(monkeypatch: pytest.MonkeyPatch, result: list[Row] | Row) -> str:
    """Give what a terminal of 100 columns is shown."""
    reader, end = pty.openpty()
    with os.fdopen(end, "w") as screen, monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", screen)
        emit(result, COLUMNS, Output.TEXT)
        screen.flush()
        shown = os.read(reader, 100_000).decode()
    os.close(reader)
    return shown


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns for people; what looks like markup or control is shown as it is."""
    table = on_terminal(monkeypatch, ROWS)
    assert "NAME" in table
    assert "Lecture" in table
    assert r"\x1b[31mred\n[bold]\u202e" in table


def test_a_terminal_gets_one_thing_without_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single result needs no titles above."""
    assert [line.split() for line in on_terminal(monkeypatch, ROWS[0]).splitlines()] == [
        ["ID", "1"],
        ["NAME", "Lecture"],
        ["START", "2026-12-01T08:00:00.123Z"],
    ]


def test_visible_leaves_ordinary_text_alone() -> None:
    """Umlauts and other scripts are no tricks."""
    assert visible("Größe 日本語") == "Größe 日本語"


@click.command()
@json_option
def report(output: Output) -> None:
    """Show how the option arrives."""
    emit([{"kind": type(output).__name__}], [Column("KIND", "kind")], output)


@pytest.mark.parametrize(
    ("args", "shown"),
    [([], "KIND\nOutput\n"), (["--json"], '[\n  {\n    "kind": "Output"\n  }\n]\n')],
)
def test_the_option_chooses(args: list[str], shown: str) -> None:
    """`--json` is the same on every report."""
    assert CliRunner().invoke(report, args).stdout == shown
