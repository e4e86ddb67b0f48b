"""What really happened in a simulation, told by those who did it. Nothing here asks the engine."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tallyd.domain.model import ExceptionDay, Override, Run, Schedule, Target


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment by the steady clock (seconds) and by the clock on the wall."""

    s: float
    wall: datetime


@dataclass(slots=True)
class DeviceSession:
    """What a device did for one part; `last_data` is when it last delivered."""

    target: str
    input: int
    token: str
    name: str
    asked: Moment
    began: Moment | None = None
    last_data: Moment | None = None
    stop_asked: Moment | None = None
    ended: Moment | None = None
    cut_off: bool = False
    """Whether it ended with the daemon, which could write nothing more about it."""
    media_offset: timedelta | None = None
    """How far into its content it was told to join; None where it plays nothing."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A schedule with its overrides as it stands from an acknowledged change on."""

    since_s: float
    schedule: Schedule
    overrides: tuple[Override, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something between two steady seconds that excuses a recording; of all targets if None."""

    what: str
    target: str | None
    from_s: float
    to_s: float


@dataclass(slots=True)
class Hold:
    """A target locked, or gone from the configuration; `to_s` is None until it was undone."""

    target: str
    from_s: float
    to_s: float | None = None


@dataclass(slots=True)
class History:
    """All that the checker is told of: wishes that were acknowledged, deeds, and troubles."""

    targets: Mapping[str, Target]
    overlap: Mapping[str, bool]
    clock: list[Moment]
    """The beginning, and the moment after each step of the clock."""
    wishes: dict[int, list[Wish]] = field(default_factory=dict[int, list[Wish]])
    days: list[tuple[float, tuple[ExceptionDay, ...]]] = field(
        default_factory=list[tuple[float, tuple[ExceptionDay, ...]]]
    )
    locks: list[Hold] = field(default_factory=list[Hold])
    absences: list[Hold] = field(default_factory=list[Hold])
    """When targets were gone from the configuration."""
    reloads: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    """When which target got another driver, or lost its driver."""
    sessions: list[DeviceSession] = field(default_factory=list[DeviceSession])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    broken: list[str] = field(default_factory=list[str])
    """What went wrong on the way and is no matter of the ledger: tasks that failed."""
    ended: Moment | None = None

    def wall(self, s: float) -> datetime:
        """Give what the clock on the wall showed at a steady second."""
        at = bisect_right(self.clock, s, key=lambda moment: moment.s) - 1
        base = self.clock[max(at, 0)]
        return base.wall + timedelta(seconds=s - base.s)

    def walls(self, from_s: float, to_s: float) -> tuple[datetime, datetime]:
        """Give the earliest and the latest time that the wall showed between two seconds."""
        steps = [moment.s for moment in self.clock[1:] if from_s <= moment.s <= to_s]
        edges = [from_s, to_s, *steps, *(step - 1e-6 for step in steps)]
        shown = [self.wall(edge) for edge in edges]
        return min(shown), max(shown)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the store holds when everything has settled."""

    schedules: tuple[Schedule, ...]
    overrides: tuple[Override, ...]
    days: tuple[ExceptionDay, ...]
    runs: tuple[Run, ...]
    locked: frozenset[str] = frozenset()
    """The targets that an operator's lock holds."""
