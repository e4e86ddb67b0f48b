"""Removing recorded files: nothing else, nothing outside, nothing that was changed."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.drivers.removal import WRITTEN_UNTIL, remove
from tallyd.ports.disk import DiskError, NotRecordedError, RecordedFile

NOT_LONG_AGO = timedelta(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a directory of recordings with one in it, of seven bytes."""
    made = tmp_path / "recordings"
    (made / "aula" / "day").mkdir(parents=True)
    (made / "aula" / "day" / "x.mkv").write_bytes(b"content")
    return made


def recorded(path: Path, size: int | None = 7, age: timedelta = NOT_LONG_AGO) -> RecordedFile:
    """Give what the ledger knows of a file."""
    return RecordedFile(path, datetime.now(UTC) - age, size)


def test_a_file_goes_with_the_directories_that_it_leaves_empty(root: Path) -> None:
    """But not with those in which something is left, nor with the root."""
    path = root / "aula" / "day" / "x.mkv"
    (root / "aula" / "other").touch()
    assert remove(root, recorded(path)) == 7
    assert [each.name for each in (root / "aula").iterdir()] == ["other"]
    (root / "top.mkv").write_bytes(b"content")
    assert remove(root, recorded(root / "top.mkv", None)) == 7
    assert root.is_dir()


def test_what_is_not_there_is_no_error(root: Path) -> None:
    """Neither a file nor a directory on the way."""
    assert remove(root, recorded(root / "aula" / "gone.mkv")) is None
    assert remove(root, recorded(root / "gone" / "gone.mkv")) is None


@pytest.mark.parametrize(
    ("name", "size", "age"),
    [
        ("aula/day/x.mkv", 8, NOT_LONG_AGO),
        ("aula/day/x.mkv", 7, WRITTEN_UNTIL + timedelta(seconds=1)),
        ("aula/day", None, NOT_LONG_AGO),
        ("aula/../aula/day/x.mkv", 7, NOT_LONG_AGO),
        ("../outside", 7, NOT_LONG_AGO),
        ("", None, NOT_LONG_AGO),
        ("link.mkv", 7, NOT_LONG_AGO),
        ("way/x.mkv", 7, NOT_LONG_AGO),
        ("aula/day/x.mkv/y", 7, NOT_LONG_AGO),
    ],
)
def test_what_is_not_what_was_recorded_stays(
    root: Path, name: str, size: int | None, age: timedelta
) -> None:
    """Another size, a later change, a directory, a way out, a link, a link on the way."""
    (root.parent / "outside").write_bytes(b"content")
    (root / "link.mkv").symlink_to(root / "aula" / "day" / "x.mkv")
    (root / "way").symlink_to(root / "aula" / "day")
    before = sorted(root.parent.rglob("*"))
    with pytest.raises(NotRecordedError):
        remove(root, recorded(root / name if name else root, size, age))
    assert sorted(root.parent.rglob("*")) == before


def test_a_linked_root_is_fine(root: Path) -> None:
    """The ledger names files as they are, behind the link."""
    (root.parent / "link").symlink_to(root)
    assert remove(root.parent / "link", recorded(root / "aula" / "day" / "x.mkv")) == 7


def test_what_the_disk_refuses_is_a_sentence(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no other trouble than any."""

    def refuse(*_arguments: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(DiskError, match=r"x.mkv cannot be removed: Operation not permitted"):
        remove(root, recorded(root / "aula" / "day" / "x.mkv"))
