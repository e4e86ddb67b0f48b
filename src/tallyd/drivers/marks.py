"""The line by which a recorder and its file are known again: it stands in both. Nothing is decided.

It is an argument of the process, and at the beginning of the file as a comment or the like.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Self

from tallyd.domain.window import floor_ms, from_ms, to_ms
from tallyd.drivers.files import finished_names, reservation_of

SEARCHED_BYTES = 65_536
"""A mark stands in the header of a file, so within these."""

_NAMES_TRIED = 10

# Thirteen digits each, so that what follows in a file is never read on as one more.
_MARK = re.compile(r"tallyd (\S{1,250}) (\d{1,4}) (\S{1,100}) (\d{13}) (\d{13})")
_IN_FILE = re.compile(_MARK.pattern.encode())


@dataclass(frozen=True, slots=True)
class Mark:
    """Which part is recorded, where, since when, and when the recorder ends by itself."""

    target: str
    input: int
    token: str
    begun_at: datetime
    ends_at: datetime

    def __str__(self) -> str:
        """Give the line."""
        begun, ends = (to_ms(floor_ms(at)) for at in (self.begun_at, self.ends_at))
        return f"{prefix(self.target)}{self.input} {self.token} {begun:013d} {ends:013d}"

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Read a line; None where it is no mark."""
        found = _MARK.fullmatch(line)
        if found is None:
            return None
        target, number, token, begun, ends = found.groups()
        return cls(target, int(number), token, from_ms(int(begun)), from_ms(int(ends)))


def prefix(target: str) -> str:
    """Give how the marks of one target begin."""
    return f"tallyd {target} "


def mark_of(path: Path) -> Mark | None:
    """Give the mark of a recorded file; None where it has none. Blocks on the disk.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = _IN_FILE.search(file.read(SEARCHED_BYTES))
    return None if found is None else Mark.parse(found[0].decode(errors="replace"))


def as_named_now(part: Path, token: str) -> Path | None:
    """Give the file of a part that was being recorded, or what it is called since it was finished.

    Blocks on the disk.

    Raises:
        OSError: it cannot be read.
    """
    final, *others = islice(finished_names(reservation_of(part)), _NAMES_TRIED)
    there = [path for path in (part, final, *others) if path.exists()]
    marks = {path: mark_of(path) for path in there}
    for path, mark in marks.items():
        if mark is not None and mark.token == token:
            return path
    # What has no mark can still be told by its name, if that is one that it was to have.
    likely = (path for path in (part, final) if path in marks and marks[path] is None)
    return next(likely, None)
