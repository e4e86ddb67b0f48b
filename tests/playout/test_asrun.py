"""The as-run log says what was on air, also of a life that ended without a word."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.domain.window import Window
from tallyd.drivers.playout.asrun import AsRunLog, aired, change_of

ZERO = datetime(2026, 12, 1, 23, 59, 50, tzinfo=UTC)
KEEP = timedelta(days=30)


def after(seconds: float) -> datetime:
    """Give an instant."""
    return ZERO + timedelta(seconds=seconds)


def touch(directory: Path, at: datetime) -> None:
    """Have the newest file look as if it was touched at an instant."""
    newest = max(directory.iterdir())
    os.utime(newest, (at.timestamp(), at.timestamp()))


@pytest.fixture
def log(tmp_path: Path) -> AsRunLog:
    """Give a log that has begun."""
    made = AsRunLog(tmp_path, KEEP)
    made.begin(ZERO)
    return made


def in_short(directory: Path, start: float, stop: float) -> list[tuple[float, float, str]]:
    """Give what was on air in short."""
    window = Window(after(start), after(stop))
    return [
        ((a.window.start - ZERO).total_seconds(), (a.window.stop - ZERO).total_seconds(), a.kind)
        for a in aired(directory, window, after(1_000)) or ()
    ]


def test_each_thing_lasts_until_the_next(log: AsRunLog, tmp_path: Path):
    """What was on air is told from when to when, past midnight too, whole."""
    log.write(change_of(after(0), "default", None, "slate", None))
    log.write(change_of(after(5), "asset", "t1", "Film", None))
    log.write(change_of(after(15), "slate", "t1", "Film", "it died"))
    touch(tmp_path, after(20))
    assert len(list(tmp_path.iterdir())) == 2
    expected = [(0, 5, "default"), (5, 15, "asset"), (15, 20, "slate")]
    assert in_short(tmp_path, 0, 100) == expected
    assert in_short(tmp_path, 6, 7) == [(5, 15, "asset")]
    assert in_short(tmp_path, 6, 16) == expected[1:]
    (slate,) = aired(tmp_path, Window(after(16), after(17)), after(99))
    assert (slate.token, slate.name, slate.detail) == ("t1", "Film", "it died")


def test_a_life_that_was_cut_off_ends_when_it_was_last_seen(log: AsRunLog, tmp_path: Path):
    """After a crash nothing is said to have been on air while nothing was."""
    log.write(change_of(after(-5), "asset", "t1", "Film", None))
    touch(tmp_path, after(2))
    successor = AsRunLog(tmp_path, KEEP)
    successor.begin(after(8))
    successor.write(change_of(after(9), "default", None, "slate", None))
    touch(tmp_path, after(12))
    assert in_short(tmp_path, -10, 100) == [(-5, 2, "asset"), (9, 12, "default")]


def test_a_line_that_was_cut_off_is_left_out(log: AsRunLog, tmp_path: Path):
    """A power cut in the middle of a line costs that line."""
    log.write(change_of(after(0), "asset", "t1", "Film", None))
    file = max(tmp_path.iterdir())
    file.write_text(file.read_text() + '{"kind": "li')
    touch(tmp_path, after(3))
    assert in_short(tmp_path, 0, 100) == [(0, 3, "asset")]


def test_old_days_are_removed(log: AsRunLog, tmp_path: Path):
    """The log does not grow for ever."""
    log.write(change_of(ZERO, "asset", "t1", "Film", None))
    log.write(change_of(ZERO + timedelta(days=31), "asset", "t2", "Film", None))
    assert [file.name for file in tmp_path.iterdir()] == ["2027-01-01.jsonl"]


def test_being_still_on_air_is_noted(log: AsRunLog, tmp_path: Path):
    """What nobody has changed for hours was on air for hours."""
    log.still_on_air()  # nothing has been written yet
    log.write(change_of(ZERO, "asset", "t1", "Film", None))
    touch(tmp_path, ZERO - timedelta(days=400))
    before = max(tmp_path.iterdir()).stat().st_mtime
    log.still_on_air()
    assert max(tmp_path.iterdir()).stat().st_mtime > before


def test_nothing_was_on_air_where_there_is_no_log(tmp_path: Path):
    """A channel that was never on has nothing to tell."""
    assert in_short(tmp_path / "none", 0, 10) == []
