"""Which recordings may be removed, for their age or for room: pure decisions. Nothing acts here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tallyd.domain.model import EndReason, Part, Run, Status

_SIZE_KNOWN = frozenset(
    {
        EndReason.PLANNED,
        EndReason.WITHDRAWN,
        EndReason.PAUSED,
        EndReason.DAEMON_STOPPED,
        EndReason.DIED,
        EndReason.STALLED,
        EndReason.DISK,
        EndReason.DISK_FULL,
    }
)
"""The ends after which a driver tells how large its file is; others leave what was heard last."""

_UNFINISHED = ".part"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set: for how long recordings are kept, and how many bytes stay free.

    `keep_of` are targets with a length of their own. Nothing set: nothing is ever removed.
    """

    keep: timedelta | None = None
    min_free: int | None = None
    keep_of: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])

    @property
    def remove_any(self) -> bool:
        """Whether the operator wants anything removed, ever."""
        return bool(self.keep or self.min_free or self.keep_of)

    def ages(self, targets: Iterable[str]) -> Mapping[timedelta, tuple[str, ...]]:
        """Give how old recordings may become, and of which targets."""
        found: dict[timedelta, tuple[str, ...]] = {}
        for target in targets:
            keep = self.keep_of.get(target, self.keep)
            if keep is not None:
                found[keep] = (*found.get(keep, ()), target)
        return found

    def lacking(self, free: int) -> int:
        """Give how many bytes are to be made free where so many are."""
        return max(0, (self.min_free or 0) - free)


@dataclass(frozen=True, slots=True)
class Removable:
    """A file that may be removed: of which run and part, and its size where that is sure."""

    run: Run
    part: Part
    path: str
    finished_at: datetime
    bytes: int | None


def removable(run: Run) -> Iterator[Removable]:
    """Give the finished files of a run that is over and that are still there, as the ledger knows.

    A file that kept the name of one that is being recorded may still be.
    """
    if run.status is not Status.FINISHED or run.finished_at is None:
        return
    for part in run.parts:
        gone = {each.path for each in part.removed}
        sure = len(part.files) == 1 and part.end in _SIZE_KNOWN
        for path in part.files:
            if path not in gone and not path.endswith(_UNFINISHED):
                size = part.bytes if sure else None
                yield Removable(run, part, path, run.finished_at, size)
