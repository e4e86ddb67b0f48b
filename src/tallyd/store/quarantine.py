"""Puts what cannot be used aside, beside where it was: nothing is ever deleted."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tallyd.ports.store import StoreError
from tallyd.store import durable

_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


def put_aside(path: Path, now: datetime) -> Path | None:
    """Move a database with its log, or anything else, aside; None where nothing was there.

    Each file has its new name before any loses its old one, and the database itself goes first:
    whatever interrupts this, what is left at the old names is no whole database any more.

    Raises:
        StoreError: the system does not let it.
    """
    try:
        found = [suffix for suffix in _SUFFIXES if os.path.lexists(f"{path}{suffix}")]
        if not found:
            return None
        aside = _free_name(path, now)
        if path.is_dir():
            path.rename(aside)
        else:
            _move_files(path, aside, found)
        durable.sync(path.parent)
    except OSError as error:
        raise StoreError(f"put {path} aside: {error.strerror}") from error
    return aside


def _move_files(path: Path, aside: Path, suffixes: list[str]) -> None:
    for suffix in suffixes:
        os.link(f"{path}{suffix}", f"{aside}{suffix}", follow_symlinks=False)
    durable.sync(path.parent)
    for suffix in suffixes:
        Path(f"{path}{suffix}").unlink()


def _free_name(path: Path, now: datetime) -> Path:
    at = now.astimezone(UTC)
    stamp = f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z"
    wanted = path.with_name(f"{path.name}.damaged-{stamp}")
    free, number = wanted, 1
    while any(os.path.lexists(f"{free}{suffix}") for suffix in _SUFFIXES):
        number += 1
        free = wanted.with_name(f"{wanted.name}-{number}")
    return free
