"""What went out is kept in files, bounded, and found again by when it was on air."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.playout_rig import picture, sound

from tallyd.domain.window import to_ms
from tallyd.drivers.playout import archive
from tallyd.drivers.playout.archive import (
    Archive,
    Bounds,
    files_in,
    kept_since,
    read_on,
    sound_before,
)
from tallyd.drivers.playout.sources import NoSourceError

ZERO = datetime(2026, 12, 1, tzinfo=UTC)
BOUNDS = Bounds(timedelta(hours=1), 10**9)


def after(seconds: float) -> datetime:
    """Give an instant."""
    return ZERO + timedelta(seconds=seconds)


def record(directory: Path, seconds: int, bounds: Bounds = BOUNDS) -> None:
    """Have a picture a second, each of which a viewer can begin with."""
    archive = Archive(directory, bounds)
    for second in range(seconds):
        archive.write(after(second), b"x" * 100, entry=True)
    archive.close()


def begins(directory: Path) -> list[float]:
    """Give when the files begin."""
    return [(int(file.stem) - to_ms(ZERO)) / 1_000 for file in files_in(directory)]


def kept(directory: Path, start: float, stop: float) -> None:
    """Make a file of what was on air from when to when."""
    file = directory / f"{to_ms(after(start))}.ts"
    file.write_bytes(b"%d" % start)
    os.utime(file, (after(stop).timestamp(),) * 2)


def test_files_are_some_seconds_long(tmp_path: Path):
    """A replay need not read more than a little of what it leaves out."""
    record(tmp_path, 35)
    assert begins(tmp_path) == [0, 10, 20, 30]
    assert [file.stat().st_size for file in files_in(tmp_path)] == [1_000, 1_000, 1_000, 500]


def test_a_file_begins_with_what_can_be_begun_with(tmp_path: Path):
    """No file begins in the middle of a group of pictures."""
    archive = Archive(tmp_path, BOUNDS)
    for second in range(25):
        archive.write(after(second), b"x", entry=second % 7 == 3)
    archive.close()
    assert begins(tmp_path) == [3, 17]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (Bounds(timedelta(seconds=15), 10**9), [70, 80, 90]),
        (Bounds(timedelta(hours=1), 3_000), [60, 70, 80, 90]),
    ],
    ids=["age", "size"],
)
def test_it_is_bounded(tmp_path: Path, bounds: Bounds, expected: list[float]):
    """The archive of a channel never fills a disk."""
    record(tmp_path, 100, bounds)
    assert begins(tmp_path) == expected


def played(directory: Path, start: float, stop: float) -> tuple[list[int], float]:
    """Give when the files of a window begin, all of it long over, and how much is left out."""
    first, skipped = kept_since(directory, after(start))
    pieces = read_on(first, after(stop), lambda: after(stop + 60))
    return [int(piece) for piece in pieces], skipped.total_seconds()


def test_a_window_is_found(tmp_path: Path):
    """The files of a window are read in order, and it is known how much is to be left out."""
    for start in range(0, 50, 10):
        kept(tmp_path, start, start + 10)
    assert played(tmp_path, 14, 31) == ([10, 20, 30], 4)


def test_a_gap_ends_what_is_found(tmp_path: Path):
    """What was not on air is not jumped over: the slate is shown for as long."""
    kept(tmp_path, 0, 10)
    kept(tmp_path, 10, 18)
    kept(tmp_path, 30, 40)
    assert played(tmp_path, 5, 40) == ([0, 10], 5)
    with pytest.raises(NoSourceError, match="nothing was kept"):
        kept_since(tmp_path, after(20))


def test_what_is_yet_to_be_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A replay that follows at once on what it shows has all of it, and waits for nothing else."""
    writing = Archive(tmp_path, BOUNDS)
    seconds = 0.0

    def goes_on(length_s: float) -> None:
        nonlocal seconds
        for _ in range(round(length_s * 4)):
            writing.write(after(seconds), b"%d " % seconds, entry=True)
            for file in files_in(tmp_path)[-2:]:
                os.utime(file, (after(seconds).timestamp(),) * 2)
            seconds += 0.25

    goes_on(8)
    monkeypatch.setattr(archive, "sleep", goes_on)
    first, _ = kept_since(tmp_path, after(5))
    shown = b"".join(read_on(first, after(25), lambda: after(seconds))).split()
    writing.close()
    assert {int(each) for each in shown} >= set(range(25))
    assert seconds < 30


@pytest.mark.parametrize("since", [-5, 100])
def test_what_was_not_kept_is_said(tmp_path: Path, since: float):
    """A replay of what is gone says so."""
    kept(tmp_path, 0, 10)
    with pytest.raises(NoSourceError, match="nothing was kept"):
        kept_since(tmp_path, after(since))


def test_there_may_be_no_archive_at_all(tmp_path: Path):
    """A channel that keeps nothing has nothing to replay."""
    with pytest.raises(NoSourceError):
        kept_since(tmp_path / "none", after(0))


def test_a_disk_that_refuses_costs_the_archive_only(tmp_path: Path):
    """The next picture that can be begun with is tried again."""
    archive = Archive(tmp_path / "file" / "below", BOUNDS)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        archive.write(after(0), b"x", entry=True)
    (tmp_path / "file").unlink()
    archive.write(after(1), b"x", entry=True)
    archive.close()
    assert begins(tmp_path / "file" / "below") == [1]


def test_a_long_archive_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file more costs the same after a month as on the first day."""
    looks: list[Path] = []

    def look(directory: Path) -> list[Path]:
        looks.append(directory)
        return files_in(directory)

    monkeypatch.setattr(archive, "files_in", look)
    record(tmp_path, 1_000)
    assert looks == [tmp_path]


def test_the_next_playout_counts_what_is_there(tmp_path: Path):
    """The bounds hold over all lives of a channel together."""
    bounds = Bounds(timedelta(days=1), 5_000)
    record(tmp_path, 40, bounds)
    later = Archive(tmp_path, bounds)
    for second in range(100, 140):
        later.write(after(second), b"x" * 100, entry=True)
    later.close()
    assert begins(tmp_path) == [20, 30, 100, 110, 120, 130]


def test_sound_from_before_the_first_picture_is_known(tmp_path: Path):
    """A replay leaves out as much more as there is sound before the picture it begins with."""
    file = tmp_path / "0.ts"
    file.write_bytes(sound(1_920) + picture(9_600, entry=True) + sound(3_840) + picture(13_200))
    assert sound_before(file) == timedelta(seconds=7_680 / 90_000)
    file.write_bytes(picture(0, entry=True) + picture(3_600))
    assert sound_before(file) == timedelta(0)
