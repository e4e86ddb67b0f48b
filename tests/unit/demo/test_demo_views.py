"""What people see of the demo: lines in a pipe, a table that fits a terminal, the report."""

import io
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

from tallyd.cli.demo_progress import showing
from tallyd.cli.demo_report import deviations_of, print_report, report_shape
from tallyd.cli.output import to_json
from tallyd.demo.airing import Published, review_channel
from tallyd.demo.comparison import Decoded, Piece, Review
from tallyd.demo.picture import Standing
from tallyd.demo.place import Place
from tallyd.demo.scenario import ACTS, AIRINGS, RATE, Act
from tallyd.demo.stage import Held
from tallyd.domain.model import Outcome, Reason, Run, Verdict
from tallyd.drivers.playout.asrun import Aired

OPENING = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
PLACE = Place(Path("tallyd-demo"))


def standing_of(act: Act, state: str) -> Standing:
    """Give an act half recorded."""
    due = timedelta(seconds=4)
    return Standing(act, act.window(OPENING), act.verdict, state, due / 2, due)


def test_in_a_pipe_each_change_is_one_line(capsys: pytest.CaptureFixture[str]):
    """A log of the demo says what happened when, and nothing twice."""
    lecture = ACTS[0]
    with showing(err=False) as show:
        for second, state in enumerate(["waits", "waits", "records", "records", "recorded"]):
            show(OPENING + timedelta(seconds=second), (standing_of(lecture, state),))
    assert capsys.readouterr().out.splitlines() == [
        "18:00:00  aula    Lecture     waits: 18:00:00-18:00:05, clear",
        "18:00:02  aula    Lecture     records",
        "18:00:04  aula    Lecture     recorded",
    ]


def test_beside_json_the_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]):
    """What reads stdout gets the report and nothing else."""
    with showing(err=True) as show:
        show(OPENING, (standing_of(ACTS[0], "waits"),))
    written = capsys.readouterr()
    assert (written.out, written.err != "") == ("", True)


def test_a_terminal_that_cannot_redraw_gets_lines(monkeypatch: pytest.MonkeyPatch):
    """On a serial console the demo is not half a minute of silence."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    with showing(err=False) as show:
        show(OPENING, (standing_of(ACTS[0], "waits"),))
    assert terminal.getvalue().startswith("18:00:00  aula    Lecture     waits")


class Terminal(io.StringIO):
    """A stdout that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_the_live_table_fits_80_columns_without_losing_a_word(monkeypatch: pytest.MonkeyPatch):
    """The longest states that can be shown are not cut on the usual terminal."""
    ansi = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for name, value in {"COLUMNS": "80", "LINES": "24", "TERM": "xterm", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with showing(err=False) as show:
        show(OPENING, tuple(standing_of(act, "held up by Bulletin") for act in ACTS))
    lines = [ansi.sub("", line).rstrip() for line in terminal.getvalue().splitlines()]
    assert max(cell_len(line) for line in lines) <= 80
    assert sum(line.endswith("held up by Bulletin") for line in lines) >= len(ACTS)


def review_of(act: Act, *deviations: str) -> Review:
    """Give an act that was recorded 20 ms late into a file."""
    window = act.window(OPENING)
    late = timedelta(milliseconds=20)
    file = Path.cwd() / "tallyd-demo/recordings/aula" / f"{act.name}.mkv"
    piece = Piece(window, window.start + late, late, file, Decoded(25, timedelta(seconds=1.04)))
    run = Run(
        3,
        act.target,
        act.name,
        window,
        1,
        "@0",
        outcome=Outcome.RECORDED,
        reason=Reason.OPERATOR,
        sentence="Recorded until the operator stopped it.",
    )
    return Review(act, 3, window, Verdict.CLEAR, (piece,), run, None, deviations)


def held_of(*reviews: Review) -> Held:
    """Give a demo whose channel was on air to the millisecond."""
    as_run = [
        Aired(airing.kind, airing.window(OPENING), name=f"the {airing.kind}") for airing in AIRINGS
    ]
    length = as_run[-1].window.stop - OPENING
    decoded = Decoded(round(length.total_seconds() * RATE), length)
    published = Published(PLACE.viewed, 10, length, 0, decoded)
    return Held(reviews, review_channel(OPENING, as_run, published))


def test_the_report_says_all_is_well_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Planned, started, late by, length, file, verdict and reason are there, then what to try."""
    monkeypatch.setenv("UV", "/usr/bin/uv")
    print_report(PLACE, held_of(review_of(ACTS[0])))
    said = capsys.readouterr().out
    for words in (
        "18:00:00-18:00:05",
        "18:00:00.020",
        "+20 ms",
        "1.04 s",
        "recordings/aula/Lecture.mkv",
        "clear",
        "operator",
        "All as planned: 1 schedules, 1 files",
        "vlc tallyd-demo/recordings/aula/Lecture.mkv",
        "  uv run tallyd --config tallyd-demo/tallyd.toml runs",
        "ad_slate  the ad_slate  18:00:05.5     18:00:05.500",
        "The ad break took 3.00 s; planned were 3.00 s.",
        "one stream: 10 segments, 475 pictures in 19.00 s",
        "vlc tallyd-demo/viewed/campus.m3u8",
    ):
        assert words in said


def test_the_report_lists_what_deviates(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """Nothing that went wrong is hidden behind what went well; without uv it is not named."""
    monkeypatch.delenv("UV", raising=False)
    held = held_of(review_of(ACTS[0]), review_of(ACTS[1], "it has no file"))
    print_report(PLACE, held)
    said = capsys.readouterr().out
    assert "NOT as planned, 1 times:\n  Tutorial: it has no file\n" in said
    assert "All as planned" not in said
    assert "  tallyd --config" in said
    assert deviations_of(held) == ("Tutorial: it has no file",)


def test_a_demo_that_recorded_nothing_is_reported_too(capsys: pytest.CaptureFixture[str]):
    """Rows without data, files or outcomes are shown as what they are."""
    window = ACTS[0].window(OPENING)
    bare = Review(ACTS[0], 3, window, None, (), None, None, ("it has no outcome",))
    piece = Piece(window, None, None, None, None)
    silent = Review(ACTS[1], 4, window, None, (piece,), None, None, ("it has no data",))
    published = Published(PLACE.viewed, 0, timedelta(), 0, None)
    held = Held((bare, silent), review_channel(OPENING, [], published))
    print_report(PLACE, held)
    said = capsys.readouterr().out
    for words in ("no data", "never", "Nothing was published", "The ad break was not whole on air"):
        assert words in said
    assert "viewed" not in said, "there is nothing to look at"
    shape = json.loads(to_json(report_shape(PLACE, held)))
    assert (shape["as_planned"], len(shape["deviations"])) == (False, 2 + len(AIRINGS) + 1)
    assert shape["channel"]["frames"] is None
    assert shape["channel"]["on_air"][0]["started"] is None
    assert shape["schedules"][1]["parts"][0]["late_ms"] is None
