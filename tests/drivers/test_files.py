"""Recorded files: nothing is overwritten, nothing leaves its directory, nothing empty stays."""

import errno
from pathlib import Path

import pytest

from tallyd.drivers import files
from tallyd.drivers.files import FileError, discard, finish, reserve


def names(directory: Path) -> list[str]:
    """List a directory."""
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_a_part_until_it_is_finished(tmp_path: Path):
    """While it is recorded it is called `.part`; finished, it has its name and its size."""
    reservation = reserve(tmp_path / "a" / "b" / "lecture", ".mkv", tmp_path)
    assert reservation.part == tmp_path / "a" / "b" / "lecture.mkv.part"
    assert reservation.part.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750
    reservation.part.write_text("data")
    assert finish(reservation) == (tmp_path / "a" / "b" / "lecture.mkv", 4)
    assert not reservation.part.exists()


def test_taken_names_get_the_next_free_number(tmp_path: Path):
    """Whatever lies there already, a dangling link included, is left as it is."""
    (tmp_path / "x.ts").write_text("old")
    (tmp_path / "x-2.ts").symlink_to("nowhere")
    (tmp_path / "x-3.ts.part").write_text("in work")
    reservation = reserve(tmp_path / "x", ".ts")
    assert reservation.part.name == "x-4.ts.part"
    (tmp_path / "x-4.ts").write_text("came between")
    reservation.part.write_text("new")
    path, _ = finish(reservation)
    assert (path.name, path.read_text()) == ("x-3.ts", "new")
    assert (tmp_path / "x.ts").read_text() == "old"
    assert (tmp_path / "x-4.ts").read_text() == "came between"


def test_a_file_system_without_exclusive_rename_never_overwrites_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where the kernel cannot rename exclusively a link does the same."""

    def refuse(_old: Path, _new: Path) -> None:
        raise OSError(errno.EINVAL, "no such flag")

    monkeypatch.setattr(files, "_renameat2", refuse)
    reservation = reserve(tmp_path / "x", ".ts")
    (tmp_path / "x.ts").write_text("came between")
    assert finish(reservation)[0].name == "x-2.ts"
    assert names(tmp_path) == ["x-2.ts", "x.ts"]


@pytest.mark.parametrize("base", ["relative", "../up", "/{root}/a/../../b"])
def test_paths_that_are_not_plain_are_refused(tmp_path: Path, base: str):
    """Neither a relative path nor one that climbs is written to."""
    with pytest.raises(FileError, match="not a plain absolute path"):
        reserve(Path(base.format(root=tmp_path)), ".mkv", tmp_path)


def test_links_do_not_lead_out_of_the_root(tmp_path: Path):
    """A directory that is a link to elsewhere is refused before anything is created there."""
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "link").symlink_to(elsewhere)
    with pytest.raises(FileError, match="leads out of"):
        reserve(root / "link" / "deep" / "x", ".mkv", root)
    assert list(elsewhere.iterdir()) == []


def test_a_linked_root_is_fine(tmp_path: Path):
    """The recordings directory itself may be a link to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to("disk")
    reservation = reserve(tmp_path / "root" / "x", ".mkv", tmp_path / "root")
    assert reservation.part == tmp_path / "disk" / "x.mkv.part"


def test_what_the_disk_refuses_is_a_sentence(tmp_path: Path):
    """A file where a directory should be, and a file that has gone, are errors of ours."""
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot be written: (Not a directory|File exists)"):
        reserve(tmp_path / "file" / "x", ".mkv")
    reservation = reserve(tmp_path / "x", ".mkv")
    discard(reservation)
    discard(reservation)
    assert names(tmp_path) == ["file"]
    with pytest.raises(FileError, match="cannot be finished: No such file"):
        finish(reservation)
    reservation.part.mkdir()
    with pytest.raises(FileError, match="cannot be removed"):
        discard(reservation)


def test_a_name_that_is_taken_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The search for a free name has an end."""
    monkeypatch.setattr(files, "_MOST_TRIES", 3)
    first = reserve(tmp_path / "x", ".mkv")
    reserve(tmp_path / "x", ".mkv")
    with pytest.raises(FileError, match="exists 3 times"):
        reserve(tmp_path / "x", ".mkv")
    (tmp_path / "x.mkv").touch()
    (tmp_path / "x-2.mkv").touch()
    with pytest.raises(FileError, match="name is taken 3 times"):
        finish(first)
