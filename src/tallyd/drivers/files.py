"""Recorded files: reserved as `.part`, finished by a rename that never overwrites.

Every function here blocks on the disk: call it in a worker thread.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tallyd.domain.model import Reason
from tallyd.ports.disk import DiskError

PART = ".part"
"""What the name of a file ends in while it is being recorded."""

_MOST_TRIES = 1_000
_DIRECTORY_MODE = 0o750
_FILE_MODE = 0o640
_AT_FDCWD = -100
_RENAME_NOREPLACE = 1


class FileError(DiskError):
    """A file could not be made, kept, finished or removed."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A file that nobody else can take: `part` for now, `base` + `ending` once finished."""

    part: Path
    base: Path
    ending: str


def reserve(base: Path, ending: str, root: Path | None = None) -> Reservation:
    """Create an empty file for `base` + `ending`, and the directories above it.

    Where that name or its `.part` is taken, the next free `-2`, `-3`, ... is used.

    Raises:
        FileError: the path is not an absolute one below `root`, or the disk refuses.
    """
    if not base.is_absolute() or ".." in base.parts:
        raise FileError(f"{base} is not a plain absolute path")
    try:
        parent = base.parent.resolve()
        if root is not None and not parent.is_relative_to(root.resolve(strict=True)):
            raise FileError(f"{base} leads out of {root}")
        real = parent / base.name
        try:
            return Reservation(_create_free(real, ending), real, ending)
        except FileNotFoundError:  # somebody has just removed the empty directory
            return Reservation(_create_free(real, ending), real, ending)
    except OSError as error:
        raise _refused(f"{base.parent} cannot be written", error) from error


def _create_free(base: Path, ending: str) -> Path:
    _make_directory(base.parent)
    for final in _names(base, ending):
        if os.path.lexists(final):
            continue
        part = final.with_name(final.name + PART)
        try:
            _create(part)
        except FileExistsError:
            continue
        return part
    raise FileError(f"{base}{ending} exists {_MOST_TRIES} times")


def _make_directory(path: Path) -> None:
    """Make a directory and those above it; asks no disk to write where there is one already."""
    for directory in (*reversed(path.parents), path):
        if not directory.is_dir():
            directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)


def reservation_of(part: Path) -> Reservation:
    """Give the reservation that a file is, which is still being recorded."""
    final = part.with_name(part.name.removesuffix(PART))
    return Reservation(part, final.with_suffix(""), final.suffix)


def finish(reservation: Reservation) -> tuple[Path, int]:
    """Give a recorded file its final name for good; gives that name and its size in bytes.

    Raises:
        FileError: the file is gone, or the disk refuses; it then keeps the name it had.
    """
    part = reservation.part
    try:
        return put_in_place(part, reservation)
    except OSError as error:
        raise _refused(f"{part} cannot be finished", error) from error


def put_in_place(made: Path, reservation: Reservation) -> tuple[Path, int]:
    """Give a whole file the final name of a recording; gives that name and its size in bytes.

    Raises:
        OSError: the disk refuses.
    """
    _sync(made)  # a power cut may not leave the name of what is whole to what is not
    for final in finished_names(reservation):
        try:
            _rename_to_free(made, final)
        except FileExistsError:
            continue
        _sync(final.parent)
        return final, final.stat().st_size
    raise OSError(errno.EEXIST, f"its name is taken {_MOST_TRIES} times", str(made))


def finished_names(reservation: Reservation) -> Iterator[Path]:
    """Give the names that a recording may have once it is finished, the likeliest first."""
    part = reservation.part
    wanted = part.with_name(part.name.removesuffix(PART))
    return chain([wanted], _names(reservation.base, reservation.ending))


def keep_on_disk(path: Path) -> None:
    """Have what was written to a file so far survive a power cut; the writer need not know.

    Raises:
        FileError: it is gone, or the disk refuses.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise _refused(f"{path} cannot be kept on the disk", error) from error


def begin_copy(reservation: Reservation) -> Path:
    """Create an empty file beside a recording that nobody takes for one, anew if it is there.

    Raises:
        OSError: the disk refuses.
    """
    made = reservation.part.with_name(f".{reservation.part.stem}.copy")
    made.unlink(missing_ok=True)
    _create(made)
    return made


def finish_if_any(reservation: Reservation) -> tuple[Path, int] | None:
    """Finish a file, or remove it where nothing is in it: None then.

    Raises:
        FileError: the file is gone, or the disk refuses.
    """
    try:
        empty = reservation.part.stat().st_size == 0
    except OSError as error:
        raise _refused(f"{reservation.part} cannot be finished", error) from error
    if not empty:
        return finish(reservation)
    discard(reservation)
    return None


def discard(reservation: Reservation) -> None:
    """Remove a file in which nothing was recorded; one that is gone is no error.

    Raises:
        FileError: the disk refuses.
    """
    try:
        reservation.part.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(f"{reservation.part} cannot be removed", error) from error


def _refused(what: str, error: OSError) -> FileError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    return FileError(f"{what}: {error.strerror}", Reason.DISK_FULL if full else Reason.DISK)


def _names(base: Path, ending: str) -> Iterator[Path]:
    yield base.with_name(base.name + ending)
    for number in range(2, _MOST_TRIES):
        yield base.with_name(f"{base.name}-{number}{ending}")


def _create(path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(path, flags, _FILE_MODE))


def _rename_to_free(old: Path, new: Path) -> None:
    """Rename, and raise FileExistsError rather than overwrite."""
    try:
        _renameat2(old, new)
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EINVAL}:
            raise
        # Some network file systems cannot do it in one step; a link never overwrites either.
        os.link(old, new, follow_symlinks=False)
        old.unlink()


def _renameat2(old: Path, new: Path) -> None:
    result = _libc.renameat2(
        _AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), _RENAME_NOREPLACE
    )
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(new))


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


_libc = ctypes.CDLL(None, use_errno=True)
