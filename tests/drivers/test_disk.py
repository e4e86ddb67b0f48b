"""The disk of the recordings: how much room, and what where there is none."""

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from tallyd.drivers.disk import DirectoryDisk
from tallyd.drivers.recordings import Recordings
from tallyd.ports.disk import DiskError, RecordedFile


def disk(path: Path, tasks) -> DirectoryDisk:
    """Give the disk below a directory."""
    return DirectoryDisk(Recordings(path), tasks.start_soon)


async def test_it_tells_what_may_still_be_written(tmp_path: Path, tasks):
    """What is left for this process, and what the disk holds."""
    room = await disk(tmp_path, tasks).room()
    seen = shutil.disk_usage(tmp_path)
    assert room.total == seen.total
    assert room.free == pytest.approx(seen.free, rel=0.2)


async def test_a_directory_that_cannot_be_is_an_answer(tmp_path: Path, tasks):
    """It names the directory and says why."""
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="cannot be used: Not a directory"):
        await disk(tmp_path / "file" / "rec", tasks).room()


async def test_a_recording_is_removed(tmp_path: Path, tasks):
    """And its size is told."""
    (tmp_path / "x.mkv").write_bytes(b"content")
    file = RecordedFile(tmp_path / "x.mkv", datetime.now(UTC))
    assert await disk(tmp_path, tasks).remove(file) == 7
    assert not (tmp_path / "x.mkv").exists()


async def test_a_disk_that_hangs_can_be_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tasks
):
    """Whoever asked goes on at the deadline, again and again, and few threads wait."""
    let_go, hung = threading.Event(), []

    def hang(_path: Path) -> None:
        hung.append(let_go.wait(20))

    monkeypatch.setattr(shutil, "disk_usage", hang)
    monkeypatch.setattr("tallyd.drivers.threads.GRACE_S", 0.01)
    asked = disk(tmp_path, tasks)
    before = threading.active_count()
    for _ in range(6):
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await asked.room()
    assert threading.active_count() <= before + 3
    let_go.set()
