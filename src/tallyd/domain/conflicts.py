"""Who holds a target: rank, claims, blockers. Pure arithmetic over windows; knows no schedule.

In order of rank each contender takes what is free of its window; its pieces are its claim.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from tallyd.domain.model import Reason, Verdict
from tallyd.domain.window import Window, full_where, subtract


class Rank(NamedTuple):
    """Who goes first; the smaller one wins.

    Manual recordings, then higher priority, then running, then earlier start, then older schedule.
    """

    scheduled: bool
    negated_priority: int
    waiting: bool
    start: datetime
    created: datetime
    id: int
    slot: str


@dataclass(frozen=True, slots=True)
class Contender:
    """What wants a target for a window. A manual recording has a `run_id`, all else a schedule."""

    rank: Rank
    window: Window
    schedule_id: int | None = None
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Blocker:
    """A higher rank that holds the target, and the part of the window that it takes away.

    Neither id is set where an operator's lock does it.
    """

    window: Window
    schedule_id: int | None = None
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a contender got: `pieces` in order, `by` whom it was cut, and why it is not whole."""

    pieces: tuple[Window, ...]
    by: tuple[Blocker, ...]
    verdict: Verdict
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What one target allows: sessions at once, the smallest piece, an operator's lock."""

    capacity: int
    min_piece: timedelta
    locked: Window | None = None


def smallest_piece(min_piece: timedelta, window: Window) -> timedelta:
    """Give the length below which a piece smaller than `window` is not worth having.

    The same measure decides a late start and a retry.
    """
    return min(min_piece, window.length / 2)


def settle(contenders: Sequence[Contender], rules: Rules) -> tuple[Claim, ...]:
    """Give the claim of each contender, in the order given.

    The result does not depend on that order; ranks must be distinct.
    """
    claims: list[Claim | None] = [None] * len(contenders)
    for cluster in _clusters(contenders):
        if len(cluster) <= rules.capacity and rules.locked is None:
            for index in cluster:
                claims[index] = _whole(contenders[index].window)
            continue
        granted = _Granted()
        for index in sorted(cluster, key=lambda index: contenders[index].rank):
            rivals = granted.overlapping(contenders[index].window)
            claim = _take(contenders[index], rivals, rules)
            for piece in claim.pieces:
                granted.add(piece, contenders[index])
            claims[index] = claim
    return tuple(claim for claim in claims if claim is not None)


class _Granted:
    """The pieces given so far, by start: a chain of a year is looked through piece by piece."""

    def __init__(self) -> None:
        self._starts: list[datetime] = []
        self._pieces: list[tuple[Window, Contender]] = []
        self._longest = timedelta(0)

    def add(self, piece: Window, owner: Contender) -> None:
        place = bisect_left(self._starts, piece.start)
        self._starts.insert(place, piece.start)
        self._pieces.insert(place, (piece, owner))
        self._longest = max(self._longest, piece.length)

    def overlapping(self, window: Window) -> list[tuple[Window, Contender]]:
        first = bisect_left(self._starts, window.start - self._longest)
        last = bisect_left(self._starts, window.stop)
        return [given for given in self._pieces[first:last] if given[0].overlaps(window)]


def _clusters(contenders: Sequence[Contender]) -> Iterator[list[int]]:
    """Group the indexes of contenders that overlap, directly or through others."""
    order = sorted(range(len(contenders)), key=lambda index: contenders[index].window.start)
    cluster: list[int] = []
    reach: datetime | None = None
    for index in order:
        window = contenders[index].window
        if reach is not None and window.start >= reach:
            yield cluster
            cluster = []
            reach = None
        cluster.append(index)
        reach = window.stop if reach is None else max(reach, window.stop)
    if cluster:
        yield cluster


def _whole(window: Window) -> Claim:
    pieces = (window,) if window.start < window.stop else ()
    return Claim(pieces, (), Verdict.CLEAR, None)


def _take(contender: Contender, rivals: Sequence[tuple[Window, Contender]], rules: Rules) -> Claim:
    window = contender.window
    locked = rules.locked.common(window) if rules.locked else None
    full = list(full_where([piece for piece, _ in rivals], rules.capacity))
    if locked:
        full.append(locked)
    if not full or window.start == window.stop:
        return _whole(window)
    free = subtract(window, full)
    least = smallest_piece(rules.min_piece, window)
    pieces = tuple(piece for piece in free if piece.length >= least)
    by = _blockers(window, rivals, full, locked)
    if pieces:
        verdict, reason = Verdict.CONFLICT, Reason.OCCUPIED
    else:
        verdict, reason = Verdict.BLOCKED, Reason.TOO_SHORT if free else Reason.OCCUPIED
    if locked and all(blocker.schedule_id is None and blocker.run_id is None for blocker in by):
        reason = Reason.LOCKED
    return Claim(pieces, by, verdict, reason)


def _blockers(
    window: Window,
    rivals: Iterable[tuple[Window, Contender]],
    full: Iterable[Window],
    locked: Window | None,
) -> tuple[Blocker, ...]:
    """Name each higher rank with the parts of `window` in which it helps to fill the target."""
    lost = [part for taken in full if (part := taken.common(window))]
    blockers = {
        Blocker(part, rival.schedule_id, rival.run_id)
        for piece, rival in rivals
        for taken in lost
        if (part := piece.common(taken))
    }
    if locked:
        blockers.add(Blocker(locked))
    return tuple(
        sorted(
            blockers,
            key=lambda b: (b.window, b.schedule_id or 0, b.run_id or 0),
        )
    )
