"""What one instant asks for: pure decisions over a plan, a run and a moment. Nothing acts here."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from tallyd.domain.conflicts import smallest_piece
from tallyd.domain.model import EndReason, Part, Run, Status, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.engine.agenda import lies_beyond

LeadOf = Callable[[datetime], timedelta]
"""Gives how long before a planned start the device must be told."""

LATE_AFTER = timedelta(seconds=2)
"""So long after its planned start a run without data is called late."""


def worth_starting(entry: Planned, piece: Window, now: datetime, min_piece: timedelta) -> bool:
    """Tell whether what is left of a piece is worth having; a whole one always is."""
    if now <= piece.start:
        return True
    return piece.stop - now >= smallest_piece(min_piece, entry.occurrence.window)


def is_over(entry: Planned, now: datetime, min_piece: timedelta) -> bool:
    """Tell whether nothing can come any more of an occurrence that no session records.

    While something may still free enough of its window, even a blocked one is not over.
    """
    window = entry.occurrence.window
    if now < window.start:
        return False
    if entry.verdict is Verdict.SUSPENDED:
        return True
    if any(
        piece.stop > now and worth_starting(entry, piece, now, min_piece) for piece in entry.claim
    ):
        return False
    return now >= window.stop - smallest_piece(min_piece, window)


def is_undecided(run: Run, entry: Planned | None, now: datetime, *, settled: bool) -> bool:
    """Tell whether only time will tell what becomes of a run: it never began, or not lately.

    Until the clock has `settled` it says of nothing that it was missed; and what lies far ahead,
    where the clock was set back to, is none of the present plan.
    """
    if run.status is not Status.PENDING:
        return False
    return lies_beyond(run, now) if entry is None else not (settled or run.parts)


def edges(entry: Planned, lead_of: LeadOf, min_piece: timedelta) -> Iterator[datetime]:
    """Give the instants at which an occurrence may ask for something."""
    window = entry.occurrence.window
    yield from (window.start, window.start + LATE_AFTER, window.stop)
    yield window.stop - smallest_piece(min_piece, window)
    for piece in entry.claim:
        yield from (piece.start - lead_of(piece.start), piece.stop)


def first_start(entries: Iterable[Planned], now: datetime) -> tuple[datetime, str] | None:
    """Give when the next piece begins, and of which schedule; `entries` in order of start."""
    first: tuple[datetime, str] | None = None
    for entry in entries:
        if first is not None and entry.occurrence.window.start >= first[0]:
            break
        for piece in entry.claim:
            if piece.start > now and (first is None or piece.start < first[0]):
                first = (piece.start, entry.schedule.name)
    return first


def piece_of(part: Part, entry: Planned, now: datetime) -> Window | None:
    """Give the piece that a part records: the one it stands in, or the one that it began in."""
    begun = part.piece.start
    here = max(now, begun)
    for piece in entry.claim:
        if piece.holds(here):
            return piece
    return next((piece for piece in entry.claim if piece.start <= begun < piece.stop), None)


def rest_of(piece: Window, run: Run, now: datetime) -> Window:
    """Give what of a piece is still to be recorded: a next part begins where the last one ended.

    After a pause it begins now: nobody wanted what lies between.
    """
    if run.parts and run.parts[-1].end is EndReason.PAUSED:
        return Window(min(max(piece.start, now), piece.stop), piece.stop)
    ends = [part.last_data_at for part in run.parts if part.last_data_at is not None]
    start = max((piece.start, *ends))
    return Window(min(start, piece.stop), piece.stop)


def with_part(parts: tuple[Part, ...], part: Part) -> tuple[Part, ...]:
    """Give the parts with one of them put in its place."""
    others = (known for known in parts if known.number != part.number)
    return tuple(sorted((*others, part), key=lambda known: known.number))
