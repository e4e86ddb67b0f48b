"""Disks of the tests' own, for root: one whose plug can be pulled, one that fills up."""

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import which

HAS_DISKS = os.geteuid() == 0 and which("mkfs.ext4") is not None
"""Whether this machine lets tests mount something."""

BLKIO = Path("/sys/fs/cgroup/blkio")
_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
_WITHOUT_THE_LOG = struct.pack("I", 2)
_PATIENCE_S = 10.0


class Disk:
    """An ext4 in a file: what was not put on it for sure is gone when the plug is pulled."""

    def __init__(self, root: Path, megabytes: int = 48) -> None:
        self._image = root / "disk.img"
        self.path = root / "disk"
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(megabytes << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self.plug_in()

    def plug_in(self) -> None:
        """Mount it, without ext4's own care for those who rename what they did not sync."""
        _run("mount", "-o", "loop,noauto_da_alloc", str(self._image), str(self.path))

    def sync(self) -> None:
        """Put everything on it for sure."""
        _run("sync", "-f", str(self.path))

    def lose_power(self) -> None:
        """Let what only the machine's memory holds be gone; nobody may be running on it."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _WITHOUT_THE_LOG)
        finally:
            os.close(descriptor)

    def wipe(self) -> None:
        """Put an empty disk in its place."""
        self.unplug()
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        self.plug_in()

    def unplug(self) -> None:
        """Unmount it, once those that were killed have gone.

        A machine that another test boots has a copy of every mount for a moment; until then the
        system would go on with the disk that has lost its power.
        """
        _unmount(self.path)
        give_up = time.monotonic() + _PATIENCE_S
        while self._is_held():
            assert time.monotonic() < give_up, f"{self._image} stays mounted elsewhere"
            time.sleep(0.01)

    def _is_held(self) -> bool:
        return bool(_run("losetup", "--noheadings", "-j", str(self._image)))


@contextmanager
def disk(root: Path) -> Iterator[Disk]:
    """Have a disk that is plugged in."""
    made = Disk(root)
    try:
        yield made
    finally:
        if os.path.ismount(made.path):
            made.unplug()


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Path]:
    """Have a disk in memory that is soon full."""
    path.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path))
    try:
        yield path
    finally:
        _unmount(path)


def remount(path: Path, how: str) -> None:
    """Mount a disk anew: `ro` or `rw`."""
    _run("mount", "-o", f"remount,{how}", str(path))


def fill(path: Path) -> Path:
    """Leave no byte free on a disk; gives the file that takes it all."""
    ballast = path / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def can_slow_down() -> bool:
    """Tell whether this machine lets tests slow a disk down."""
    limits = BLKIO / "blkio.throttle.write_bps_device"
    return HAS_DISKS and which("strace") is not None and limits.exists()


def can_freeze() -> bool:
    """Tell whether this machine lets tests hang a disk."""
    return HAS_DISKS and which("fsfreeze") is not None


@contextmanager
def frozen(path: Path) -> Iterator[None]:
    """Have a disk hang: whoever writes to it waits, and cannot even be killed, until this ends."""
    _run("fsfreeze", "--freeze", str(path))
    try:
        yield
    finally:
        _run("fsfreeze", "--unfreeze", str(path))


@contextmanager
def throttled(path: Path, bytes_per_s: int, pid: int) -> Iterator[None]:
    """Have what a process and its children put on a disk take its time."""
    device = path.stat().st_dev
    group = BLKIO / f"tallyd-test-{pid}"
    group.mkdir()
    try:
        limit = f"{os.major(device)}:{os.minor(device)} {bytes_per_s}"
        (group / "blkio.throttle.write_bps_device").write_text(limit)
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        give_up = time.monotonic() + _PATIENCE_S
        while pids := (group / "cgroup.procs").read_text().split():
            assert time.monotonic() < give_up, "somebody enters this group again and again"
            for each in pids:
                with suppress(ProcessLookupError):
                    (BLKIO / "cgroup.procs").write_text(each)
        group.rmdir()


def _unmount(path: Path) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while subprocess.run(["umount", str(path)], capture_output=True, check=False).returncode:
        assert time.monotonic() < give_up, f"{path} stays busy"
        time.sleep(0.01)


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout
