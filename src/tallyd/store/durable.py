"""Files that are there whole or not at all, also after the power went. What they hold is not known.

Everything here blocks and raises OSError.
"""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Final

TEMPORARY: Final = ".new-"
MODE: Final = 0o640


@contextmanager
def fresh_name(directory: Path) -> Generator[Path]:
    """Give a name for a file that is being made; what is left of it at the end is removed."""
    path = directory / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        yield path
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Put a file, or the names in a directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def own(path: Path, directory: Path) -> None:
    """Let what root makes belong to whom a directory belongs: the daemon has to read it."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def publish(made: Path, name: Path) -> None:
    """Give a finished file its name, which nothing may have yet, and put both on the disk."""
    own(made, name.parent)
    sync(made)
    os.link(made, name)  # unlike a rename, never over another file
    sync(name.parent)


def copy(source: Path, name: Path) -> None:
    """Copy a file to a name that nothing has yet, whole or not at all."""
    with fresh_name(name.parent) as made:
        made.touch(mode=MODE)
        copyfile(source, made)
        publish(made, name)


def sweep(directory: Path) -> None:
    """Remove what was being made when its maker was killed; nobody may be making anything."""
    for path in directory.glob(f"{TEMPORARY}*"):
        if path.is_file():
            path.unlink(missing_ok=True)
