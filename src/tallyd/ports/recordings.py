"""The port of what lies among the recordings since before this daemon. No code here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


class ShelfError(Exception):
    """The disk of the recordings does not do as told: a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a recording says of itself: where it was made, as which part, and since when."""

    target: str
    input: int
    token: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Remnant:
    """A file of an earlier daemon, as it is named now; `sought` is the name by which it was asked.

    `unfinished` ones have no final name yet. `label` is None where the file tells nothing.
    """

    path: Path
    bytes: int
    written_at: datetime
    unfinished: bool
    label: Label | None = None
    sought: Path | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which files are wanted: unfinished ones that nobody has written to since `before`.

    Besides, each of `files` (with its token), under its final name where it has one by now; and
    with `since` every labelled one that was written to from then until `before`.
    """

    before: datetime
    files: Mapping[Path, str] = field(default_factory=dict[Path, str])
    since: datetime | None = None


class Shelf(Protocol):
    """The directory of all recordings. It may hang: nothing that is due waits for it."""

    async def find(self, search: Search) -> tuple[Remnant, ...]:
        """Give what is there, in order of path; nothing is changed.

        Raises:
            ShelfError: it cannot be looked through.
        """
        ...

    async def finish(self, path: Path) -> Path:
        """Give an unfinished file its final name as it is, and never another's; gives that name.

        Raises:
            ShelfError: the disk refuses; it keeps the name it had.
        """
        ...
