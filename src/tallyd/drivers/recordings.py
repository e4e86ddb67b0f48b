"""The directory of the recordings: whether the disk that belongs there is, and has room.

Every function here blocks on the disk: call it in a worker thread.
"""

import errno
import os
import shutil
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from tallyd.domain.health import Room
from tallyd.domain.model import Reason
from tallyd.ports.disk import DiskError

ROOT = Path("/")
_DIRECTORY_MODE = 0o750
_REFUSALS = {errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}
"""Other errors come of file systems that know no files without a name, or of a full disk."""


class MountRule(StrEnum):
    """Which disk must be there: the one that was, any of its own, or none."""

    AUTO = "auto"
    REQUIRED = "required"
    IGNORED = "ignored"


class Recordings:
    """Where recordings go. What belongs to another disk is not written to the one below it.

    `seen` is where the disk was mounted when it was last seen, None if never; `remember` is told
    when that changes, and raises nothing.
    """

    def __init__(
        self,
        directory: Path,
        rule: MountRule = MountRule.AUTO,
        seen: Path | None = None,
        remember: Callable[[Path], None] | None = None,
    ) -> None:
        self.directory = directory
        self._rule = rule
        self._seen = seen
        self._remember = remember

    def require(self) -> None:
        """Make sure that something can be recorded here, and make the directory.

        Raises:
            DiskError: the disk is not there, is full, or refuses.
        """
        if self.look().is_full:
            raise DiskError(f"the disk of {self.directory} is full", Reason.DISK_FULL)

    def look(self) -> Room:
        """Give how much room there is, once the disk that belongs here is; makes the directory.

        Raises:
            DiskError: the disk is not there, or refuses.
        """
        try:
            self._require_mounted()
            if not self.directory.is_dir():
                self.directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            used = shutil.disk_usage(self.directory)
        except OSError as error:
            sentence = f"{self.directory} cannot be used: {error.strerror}"
            raise DiskError(sentence) from error
        return Room(free=used.free, total=used.total)

    def try_out(self) -> Room:
        """Do the same, and begin to write something, of which nothing is left.

        Room is told from memory, also by a disk that hangs or became read-only.

        Raises:
            DiskError: the disk is not there, or refuses.
        """
        room = self.look()
        try:
            os.close(os.open(self.directory, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as error:
            if error.errno in _REFUSALS:
                sentence = f"{self.directory} cannot be written: {error.strerror}"
                raise DiskError(sentence) from error
        return room

    def _require_mounted(self) -> None:
        mount = mount_of(self.directory)
        if self._rule is MountRule.REQUIRED and mount == ROOT:
            raise DiskError(
                f"the disk of {self.directory} is not there: nothing is mounted there or above",
                Reason.DISK_MISSING,
            )
        if self._rule is MountRule.AUTO and self._is_missing(mount):
            raise DiskError(
                f"the disk of {self.directory} is not there: nothing is mounted at {self._seen}",
                Reason.DISK_MISSING,
            )
        if mount != self._seen and self._remember is not None:
            self._remember(mount)
        self._seen = mount

    def _is_missing(self, mount: Path) -> bool:
        """Tell whether the disk that was seen is not what the directory now lies on."""
        if self._seen is None or self._seen == mount:
            return False
        real = Path(os.path.realpath(self.directory))
        return real.is_relative_to(self._seen) and self._seen.is_relative_to(mount)


def mount_of(path: Path) -> Path:
    """Give where the file system is mounted that a path lies on, or would if it existed.

    Raises:
        OSError: the system does not say.
    """
    place = Path(os.path.realpath(path))
    while not os.path.lexists(place):
        place = place.parent
    device = place.stat().st_dev
    # A directory that is bound to another place of the same disk is no other disk.
    while place != ROOT and place.parent.stat().st_dev == device:
        place = place.parent
    return place
