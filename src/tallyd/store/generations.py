"""The generations of backups as values: their names, their order, which are kept. No I/O.

Which one is newer is told by a serial number and not by the clock, which may be wrong, and which
are kept is counted in hours, days and weeks that have backups: no clock that jumps lets all go.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_STAMP: Final = "%Y%m%dT%H%M%S"
_NAME: Final = re.compile(
    r"(?P<serial>\d{8})-(?P<stamp>\d{8}T\d{6})\.(?P<ms>\d{3})Z-(?P<digest>[0-9a-f]{32})\.db"
)

KEPT_LAST: Final = 10
KEPT_IN_A: Final[tuple[tuple[Callable[[datetime], object], int], ...]] = (
    (lambda at: (at.date(), at.hour), 24),
    (lambda at: at.date(), 30),
    (lambda at: at.isocalendar()[:2], 52),
)
"""Of how many hours, days and weeks that have backups the newest one is kept."""

KEPT_BYTES: Final = 2 << 30
KEPT_ALWAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Generation:
    """One backup: its place in the row, when it was made, what its bytes must amount to."""

    serial: int
    made_at: datetime
    digest: str

    @property
    def name(self) -> str:
        """Give the name of its file, which says all of it."""
        at = self.made_at.astimezone(UTC)
        stamp = f"{at.strftime(_STAMP)}.{at.microsecond // 1000:03d}Z"
        return f"{self.serial:08d}-{stamp}-{self.digest}.db"


def generation_of(name: str) -> Generation | None:
    """Read the name of a file; None where it is no backup's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        at = datetime.strptime(match["stamp"], _STAMP)  # noqa: DTZ007 - made aware in the next line
    except ValueError:
        return None
    made_at = at.replace(tzinfo=UTC, microsecond=int(match["ms"]) * 1000)
    return Generation(int(match["serial"]), made_at, match["digest"])


def newest_first(names: Iterable[str]) -> tuple[Generation, ...]:
    """Give the backups among file names, the newest first."""
    found = (generation_of(name) for name in names)
    return tuple(
        sorted(
            (each for each in found if each is not None),
            key=lambda each: (each.serial, each.made_at, each.digest),
            reverse=True,
        )
    )


def surplus(generations: Collection[Generation]) -> frozenset[Generation]:
    """Tell which of these backups, newest first, need not be kept.

    The last ten stay, then the newest one of each of the last 24 hours, 30 days and 52 weeks that
    have any.
    """
    ordered = tuple(generations)
    kept = set(ordered[:KEPT_LAST])
    for bucket_of, how_many in KEPT_IN_A:
        newest: dict[object, Generation] = {}
        for generation in ordered:
            newest.setdefault(bucket_of(generation.made_at), generation)
        kept.update(list(newest.values())[:how_many])
    return frozenset(ordered) - kept


def too_much(sizes: Mapping[Generation, int]) -> frozenset[Generation]:
    """Tell which of these backups, newest first, with their sizes, are too much for a disk.

    Two gigabytes are not, and never the last three.
    """
    total, gone = 0, set[Generation]()
    for number, (generation, size) in enumerate(sizes.items()):
        total += size
        if number >= KEPT_ALWAYS and total > KEPT_BYTES:
            gone.add(generation)
    return frozenset(gone)
