"""Who may change what decides everything: files that others can write to are not read."""

import os
import stat
from pathlib import Path

_ROOT = 0


class NotTrustedError(Exception):
    """Others could change a file; says who, and how to mend that."""


def read_trusted(path: Path) -> bytes:
    """Read a file that only root and this process's user can change.

    Its directory counts too, and that of a link which leads to it: whoever may write there puts
    another file in its place.

    Raises:
        NotTrustedError: others could change it.
        OSError: it cannot be read.
    """
    for directory in dict.fromkeys((path.absolute().parent, path.resolve().parent)):
        about = directory.stat()
        sticky = (
            about.st_mode & stat.S_ISVTX
        )  # as in /tmp: others add files, and replace only theirs
        _check(directory, about.st_uid, 0 if sticky else about.st_mode)
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        _check(path, about.st_uid, about.st_mode)
        return file.read()


def _check(path: Path, owner: int, mode: int) -> None:
    if owner not in {_ROOT, os.geteuid()}:
        raise NotTrustedError(f"{path} belongs to user {owner}, who could change it: chown it")
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotTrustedError(f"others can write to {path}: chmod go-w it")
