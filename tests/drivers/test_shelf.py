"""The directory of recordings, looked through for what earlier daemons left."""

import os
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from tallyd.drivers.marks import Mark
from tallyd.drivers.shelf import DirectoryShelf
from tallyd.ports.recordings import Label, Search, ShelfError

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARK = Mark("rooms.aula", 1, "7-2-abc", NOON, NOON + HOUR)


def lay(path, at=NOON, content=b"data"):
    """Put a file there that was written last at an instant."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def marked(mark=MARK):
    """Give the content of a file that says whose it is."""
    return b"\x1a\x45\xdf\xa3" + str(mark).encode() + b"7\x00" + b"data" * 9


async def found(root, **wanted):
    """Look."""
    return await DirectoryShelf(root).find(Search(before=NOON + HOUR, **wanted))


async def test_unfinished_files_are_found_wherever_they_lie(tmp_path):
    """With what they say of themselves; finished ones, hidden ones and pipes are none."""
    own = lay(tmp_path / "aula" / "x.mkv.part", content=marked())
    other = lay(tmp_path / "download.part")
    lay(tmp_path / "x.mkv", content=marked())
    lay(tmp_path / ".x.mkv.part")
    os.mkfifo(tmp_path / "pipe.part")
    first, second = await found(tmp_path)
    assert (first.path, first.label) == (own, Label("rooms.aula", 1, "7-2-abc", NOON))
    assert (first.unfinished, first.written_at) == (True, NOON)
    assert (second.path, second.label, second.bytes) == (other, None, 4)


async def test_what_is_being_written_is_left_out(tmp_path):
    """A recorder that goes on, or one that was started since, is none of the past."""
    lay(tmp_path / "x.mkv.part", NOON + 2 * HOUR, marked())
    assert await found(tmp_path) == ()


async def test_finished_ones_are_found_where_the_ledger_lost_them(tmp_path):
    """Only those that were written since, and say whose they are."""
    lay(tmp_path / "old.mkv", NOON - HOUR, marked())
    lay(tmp_path / "notes.txt")
    new = lay(tmp_path / "new.mkv", content=marked())
    (only,) = await found(tmp_path, since=NOON - timedelta(minutes=1))
    assert (only.path, only.unfinished) == (new, False)


async def test_a_file_is_found_under_the_name_that_it_got(tmp_path):
    """A daemon that died after the rename left another name in the ledger."""
    part = tmp_path / "x.mkv.part"
    lay(tmp_path / "x.mkv", content=marked(Mark("rooms.aula", 1, "other", NOON, NOON)))
    mine = lay(tmp_path / "x-2.mkv", content=marked())
    (only,) = await found(tmp_path, files={part: MARK.token})
    assert (only.path, only.sought, only.unfinished) == (mine, part, False)
    assert await found(tmp_path, files={part: "gone"}) == ()


async def test_a_file_without_a_mark_is_known_by_its_name(tmp_path):
    """As drivers make it that leave none."""
    lay(tmp_path / "x.ts")
    (only,) = await found(tmp_path, files={tmp_path / "x.ts.part": "7-2-abc"})
    assert only.path == tmp_path / "x.ts"


async def test_it_gives_a_file_its_final_name(tmp_path):
    """As it is, and never another's."""
    part = lay(tmp_path / "x.ts.part")
    lay(tmp_path / "x.ts")
    assert await DirectoryShelf(tmp_path).finish(part) == tmp_path / "x-2.ts"
    with pytest.raises(ShelfError, match="cannot be finished"):
        await DirectoryShelf(tmp_path).finish(part)


async def test_a_directory_that_cannot_be_read_is_an_error(tmp_path):
    """It is no error that it is not there yet."""
    assert await found(tmp_path / "none") == ()
    file = await anyio.Path(tmp_path / "file").absolute()
    await file.touch()
    with pytest.raises(ShelfError, match="cannot be looked through"):
        await found(tmp_path / "file")


def test_a_mark_is_read_as_it_was_written():
    """And nothing else is taken for one."""
    assert Mark.parse(str(MARK)) == MARK
    assert Mark.parse("tallyd rooms.aula 1 token 12 13") is None
