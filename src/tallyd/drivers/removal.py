"""Removes recorded files, and nothing else: no link, nothing outside, nothing that was changed.

Every function here blocks on the disk: call it in a worker thread.
"""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallyd.ports.disk import DiskError, NotRecordedError, RecordedFile

WRITTEN_UNTIL = timedelta(seconds=60)
"""So long after its end was noted the last of a file may have been written."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_DIRECTORY = {errno.ENOTDIR, errno.ELOOP}


def remove(root: Path, file: RecordedFile) -> int | None:
    """Remove a file below `root`, and the directories that it leaves empty; gives its bytes.

    None: it is not there.

    Raises:
        NotRecordedError: it is something else than what was recorded, and still there.
        DiskError: the disk refuses.
    """
    try:
        *directories, name = _below(root, file.path)
        with _opened(root, directories) as opened:
            about = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
            _require_unchanged(file, about)
            os.unlink(name, dir_fd=opened[-1])
            with suppress(OSError):  # not empty: then neither are those above it
                for above, directory in reversed([*zip(opened, directories, strict=False)]):
                    os.rmdir(directory, dir_fd=above)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DiskError(f"{file.path} cannot be removed: {error.strerror}") from error
    return about.st_size


def _below(root: Path, path: Path) -> tuple[str, ...]:
    real = root.resolve(strict=True)
    if ".." in path.parts or path == real or not path.is_relative_to(real):
        raise NotRecordedError(f"{path} does not lie below {real}")
    return path.relative_to(real).parts


@contextmanager
def _opened(root: Path, directories: list[str]) -> Generator[list[int]]:
    """Give descriptors of `root` and of each directory on the way; no link is followed."""
    with ExitStack() as open_ones:
        found = [os.open(root, _DIRECTORY)]
        open_ones.callback(os.close, found[0])
        for directory in directories:
            try:
                found.append(os.open(directory, _DIRECTORY | os.O_NOFOLLOW, dir_fd=found[-1]))
            except OSError as error:
                if error.errno not in _NO_DIRECTORY:
                    raise
                raise NotRecordedError(f"{directory} is a link, or no directory") from error
            open_ones.callback(os.close, found[-1])
        yield found


def _require_unchanged(file: RecordedFile, about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise NotRecordedError(f"{file.path} is no plain file")
    if file.bytes is not None and about.st_size != file.bytes:
        sentence = f"{file.path} has {about.st_size} bytes, and {file.bytes} were recorded"
        raise NotRecordedError(sentence)
    changed_at = datetime.fromtimestamp(about.st_mtime, UTC)
    if changed_at > file.finished_at + WRITTEN_UNTIL:
        raise NotRecordedError(f"{file.path} was changed at {changed_at:%Y-%m-%d %H:%M:%S} UTC")
