"""The as-run log says what was on air, also of a life that ended without a word."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallyd.domain.window import Window, to_ms
from tallyd.drivers.playout.asrun import AsRunLog, Change, aired

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
    log.write(Change(to_ms(after(0)), "default", None, "slate", None))
    log.write(Change(to_ms(after(5)), "asset", "t1", "Film", None))
    log.write(Change(to_ms(after(15)), "slate", "t1", "Film", "it died"))
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
    log.write(Change(to_ms(after(-5)), "asset", "t1", "Film", None))
    touch(tmp_path, after(2))
    successor = AsRunLog(tmp_path, KEEP)
    successor.begin(after(8))
    successor.write(Change(to_ms(after(9)), "default", None, "slate", None))
    touch(tmp_path, after(12))
    assert in_short(tmp_path, -10, 100) == [(-5, 2, "asset"), (9, 12, "default")]


def test_a_line_that_was_cut_off_is_left_out(log: AsRunLog, tmp_path: Path):
    """A power cut in the middle of a line costs that line."""
    log.write(Change(to_ms(after(0)), "asset", "t1", "Film", None))
    file = max(tmp_path.iterdir())
    file.write_text(file.read_text() + '{"kind": "li')
    touch(tmp_path, after(3))
    assert in_short(tmp_path, 0, 100) == [(0, 3, "asset")]


def test_what_is_no_text_is_left_out(log: AsRunLog, tmp_path: Path):
    """A power cut may leave anything where lines should be: all others can be read."""
    log.write(Change(to_ms(after(0)), "asset", "t1", "Film", None))
    file = max(tmp_path.iterdir())
    file.write_bytes(file.read_bytes() + b"\x00\x00\xff\xfe\n[1]\n\n")
    log.write(Change(to_ms(after(5)), "default", None, "slate", None))
    touch(tmp_path, after(7))
    assert in_short(tmp_path, 0, 100) == [(0, 5, "asset"), (5, 7, "default")]


def test_old_days_are_removed(log: AsRunLog, tmp_path: Path):
    """The log does not grow for ever."""
    log.write(Change(to_ms(ZERO), "asset", "t1", "Film", None))
    log.write(Change(to_ms(ZERO + timedelta(days=31)), "asset", "t2", "Film", None))
    assert [file.name for file in tmp_path.iterdir()] == ["2027-01-01.jsonl"]


def test_being_still_on_air_is_noted(log: AsRunLog, tmp_path: Path):
    """What nobody has changed for hours was on air for hours."""
    log.still_on_air()  # nothing has been written yet
    log.write(Change(to_ms(ZERO), "asset", "t1", "Film", None))
    touch(tmp_path, ZERO - timedelta(days=400))
    before = max(tmp_path.iterdir()).stat().st_mtime
    log.still_on_air()
    assert max(tmp_path.iterdir()).stat().st_mtime > before


def test_nothing_was_on_air_where_there_is_no_log(tmp_path: Path):
    """A channel that was never on has nothing to tell."""
    assert in_short(tmp_path / "none", 0, 10) == []
    assert aired(tmp_path / "none", Window(after(0), after(10)), after(99)) is None


@pytest.mark.parametrize("asked", [(-60, -50), (-50, 0), (20, 30), (25, 90_000)])
def test_who_wrote_nothing_down_then_does_not_say_that_nothing_was_on_air(
    log: AsRunLog, tmp_path: Path, asked: tuple[float, float]
):
    """Before a log begins and after it has ended others may know more."""
    log.write(Change(to_ms(after(0)), "live", "t1", "Talk", None))
    log.write(Change(to_ms(after(20)), None))
    log.write(Change(to_ms(after(40)), "live", "t2", "Talk", None))
    touch(tmp_path, after(60))
    around = {(20, 30): (), (25, 90_000): (after(40),)}
    expected = around.get(asked)
    found = aired(tmp_path, Window(*map(after, asked)), after(90_000))
    assert (found if found is None else tuple(a.window.start for a in found)) == expected
    assert aired(tmp_path, Window(after(60), after(70)), after(90_000)) is None


def test_after_a_line_that_was_cut_off_what_comes_is_written_whole(log: AsRunLog, tmp_path: Path):
    """A life that a power cut ended in the middle of a line still ends when it was last seen."""
    log.write(Change(to_ms(after(1)), "asset", "t1", "Film", None))
    file = max(tmp_path.iterdir())
    file.write_text(file.read_text() + '{"kind": "li')
    touch(tmp_path, after(3))
    AsRunLog(tmp_path, KEEP).begin(after(8))
    assert in_short(tmp_path, 0, 100) == [(1, 3, "asset")]


def test_of_a_year_only_the_days_that_are_asked_about_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A page of an hour costs what is on it, however much is kept."""
    for day in range(400):
        at = ZERO + timedelta(days=day)
        AsRunLog(tmp_path, timedelta(days=1000)).write(
            Change(to_ms(at), "asset", "t", f"{day}", None)
        )
    opened: list[str] = []
    read = Path.open

    def counted(path: Path, *args: Any, **more: Any) -> Any:
        opened.append(path.name)
        return read(path, *args, **more)

    monkeypatch.setattr(Path, "open", counted)
    hour = Window(ZERO + timedelta(days=200, hours=1), ZERO + timedelta(days=200, hours=2))
    (shown,) = aired(tmp_path, hour, ZERO + timedelta(days=500)) or ()
    assert (shown.name, shown.window.length) == ("200", timedelta(days=1))
    assert len(opened) == 3


def test_what_came_from_a_live_input_is_known(log: AsRunLog, tmp_path: Path):
    """The default may be one, and may not; a line of another release is left out."""
    log.write(Change(to_ms(after(0)), "default", None, "live", None, live=True))
    log.write(Change(to_ms(after(2)), "hologram", None, "live"))
    log.write(Change(to_ms(after(4)), "default", None, "live"))
    touch(tmp_path, after(6))
    found = aired(tmp_path, Window(after(0), after(9)), after(99)) or ()
    assert [(each.window.start, each.live) for each in found] == [
        (after(0), True),
        (after(4), False),
    ]
