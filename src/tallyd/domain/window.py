"""Half-open UTC intervals: the only interval arithmetic of the project."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Give the whole milliseconds since the epoch of an aware `instant`."""
    return (instant - EPOCH) // MILLISECOND


def from_ms(epoch_ms: int) -> datetime:
    """Give the aware UTC instant `epoch_ms` milliseconds after the epoch."""
    return EPOCH + timedelta(milliseconds=epoch_ms)


def floor_ms(instant: datetime) -> datetime:
    """Cut an aware `instant` to the whole milliseconds that the store keeps, in UTC."""
    return from_ms(to_ms(instant))


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The instants from `start` (inside) to `stop` (outside), both aware UTC.

    Raises:
        ValueError: `stop` lies before `start`.
    """

    start: datetime
    stop: datetime

    def __post_init__(self) -> None:
        """Refuse what is no window."""
        if self.stop < self.start:
            raise ValueError(f"window stops before it starts: {self.start} > {self.stop}")

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.stop - self.start

    def overlaps(self, other: "Window") -> bool:
        """Tell whether the two share an instant; back to back they do not."""
        return self.start < other.stop and other.start < self.stop

    def holds(self, instant: datetime) -> bool:
        """Tell whether `instant` lies inside."""
        return self.start <= instant < self.stop

    def common(self, other: "Window") -> "Window | None":
        """Give the part that both share, or None where they share nothing."""
        start, stop = max(self.start, other.start), min(self.stop, other.stop)
        return Window(start, stop) if start < stop else None


def subtract(whole: Window, taken: Iterable[Window]) -> tuple[Window, ...]:
    """Give what is left of `whole` without the `taken` windows, in order of start."""
    left: list[Window] = []
    start = whole.start
    for window in sorted(taken):
        if window.stop <= start:
            continue
        if window.start >= whole.stop:
            break
        if window.start > start:
            left.append(Window(start, window.start))
        start = window.stop
    if start < whole.stop:
        left.append(Window(start, whole.stop))
    return tuple(left)


def full_where(taken: Sequence[Window], limit: int) -> tuple[Window, ...]:
    """Give the windows in which at least `limit` of the `taken` windows run at once, in order."""
    edges = sorted(
        edge
        for window in taken
        if window.start < window.stop
        for edge in ((window.start, 1), (window.stop, -1))
    )
    full: list[Window] = []
    level = 0
    since: datetime | None = None
    for at, step in edges:
        level += step
        if level >= limit and since is None:
            since = at
        elif level < limit and since is not None:
            full.append(Window(since, at))
            since = None
    return merge(full)


def merge(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Join windows that overlap or touch, in order of start."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].stop:
            if window.stop > joined[-1].stop:
                joined[-1] = Window(joined[-1].start, window.stop)
        else:
            joined.append(window)
    return tuple(joined)
