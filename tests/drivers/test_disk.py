"""The disk below a directory: how much room, and what where there is none."""

import shutil
from pathlib import Path

import anyio
import pytest

from tallyd.drivers.disk import DirectoryDisk
from tallyd.ports.disk import DiskError


async def test_it_tells_what_may_still_be_written(tmp_path: Path):
    """What is left for this process, and what the disk holds."""
    room = await DirectoryDisk(tmp_path).room()
    seen = shutil.disk_usage(tmp_path)
    assert room.total == seen.total
    assert room.free == pytest.approx(seen.free, rel=0.2)


async def test_a_directory_that_is_gone_is_an_answer(tmp_path: Path):
    """It names the directory and says why."""
    with pytest.raises(DiskError, match="gone cannot be looked at: No such file"):
        await DirectoryDisk(tmp_path / "gone").room()


async def test_a_disk_that_hangs_can_be_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Whoever asked goes on at the deadline, again and again."""
    hung = []

    def hang(_path: Path) -> None:
        hung.append(anyio.from_thread.run(anyio.sleep, 0.2))

    monkeypatch.setattr(shutil, "disk_usage", hang)
    disk = DirectoryDisk(tmp_path)
    for _ in range(4):
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await disk.room()
