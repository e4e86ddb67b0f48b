"""The write-ahead log as a file: room kept for it on a disk that fills, and emptied for sure.

Everything here blocks.
"""

import os
from contextlib import closing
from pathlib import Path
from typing import Final

from tallyd.ports.store import StoreError
from tallyd.store.connection import WRITING, connect, log_of, translated

RESERVED_BYTES: Final = 8 << 20
"""Room for hundreds of changes once nothing else finds any: SQLite could not even delete."""


def reserve(database: Path) -> None:
    """See to it that the log of an open database has its room on the disk.

    It has it until everyone has closed the database, or until somebody empties the log.

    Raises:
        StoreError: there is no such room, or somebody writes for long.
    """
    log = log_of(database)
    try:
        if log.stat().st_size >= RESERVED_BYTES:
            return
        # Where the file system knows no such thing it is done byte by byte: nobody may write then.
        with translated("keep room"), closing(connect(database, WRITING)) as turn:
            turn.execute("BEGIN IMMEDIATE")
            _extend(log)
            turn.execute("ROLLBACK")
    except OSError as error:
        raise StoreError(f"keep room for {log}: {error.strerror}") from error


def _extend(log: Path) -> None:
    descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    try:
        # What SQLite did not write ends the log for it.
        os.posix_fallocate(descriptor, 0, RESERVED_BYTES)
    finally:
        os.close(descriptor)


def empty(database: Path) -> None:
    """Move all that the log holds into the database, as far as others let it.

    After a disk that failed the log may show in memory what the disk has lost. What is written
    behind that would be lost with it when the power goes.

    Raises:
        StoreError: the disk refuses.
    """
    with translated(f"empty the log of {database}"), closing(connect(database, WRITING)) as own:
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
