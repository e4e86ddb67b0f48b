"""What a new entry of a channel does to its neighbours: none, replaced, or trimmed to fit. Pure.

Who may be replaced at all, and what is free, is told by whoever asks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tallyd.domain.window import Window, subtract

NOTHING = timedelta(0)


class Resolution(StrEnum):
    """What is done where the time of a new entry is not free.

    `reject` refuses it; `replace` takes away what stands there; `trim-start` and `trim-end` leave
    what stands there and cut the new entry, at its beginning or at its end.
    """

    REJECT = "reject"
    REPLACE = "replace"
    TRIM_START = "trim-start"
    TRIM_END = "trim-end"


@dataclass(frozen=True, slots=True)
class Holder:
    """What holds time of a channel: the window, whose it is, and whether it may be replaced."""

    window: Window
    schedule_id: int
    replaceable: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a new entry goes, and what of its content is left out at the beginning."""

    window: Window
    skipped: timedelta = NOTHING


@dataclass(frozen=True, slots=True)
class Settlement:
    """A new entry that has its place; the ids of those `removed` for it, and of those `cut`.

    What is cut ends where the new entry begins.
    """

    placed: Placed
    removed: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Clash:
    """A new entry that has no place, because of these."""

    holders: tuple[Holder, ...]


def joined(wanted: Window, now: datetime) -> Placed | None:
    """Give what is left of an entry at `now`: it is joined in progress; None where it is over."""
    if wanted.stop <= now:
        return None
    start = max(wanted.start, now)
    return Placed(Window(start, wanted.stop), start - wanted.start)


def settle_entry(
    wanted: Window, holders: Iterable[Holder], how: Resolution, now: datetime
) -> Settlement | Clash:
    """Say what becomes of a new entry, which begins at `now` or later, and of its neighbours."""
    rivals = tuple(sorted((h for h in holders if h.window.overlaps(wanted)), key=_order))
    if not rivals:
        return Settlement(Placed(wanted))
    if how is Resolution.REJECT:
        return Clash(rivals)
    if how is Resolution.REPLACE:
        return _replaced(wanted, rivals, now)
    gaps = subtract(wanted, (rival.window for rival in rivals))
    if not gaps:
        return Clash(rivals)
    # Beyond what is wanted it does not matter how far the gap goes.
    free = gaps[0]
    left_out = wanted.length - free.length
    return Settlement(Placed(free, left_out if how is Resolution.TRIM_START else NOTHING))


def _order(holder: Holder) -> tuple[Window, int]:
    return holder.window, holder.schedule_id


def _replaced(wanted: Window, rivals: tuple[Holder, ...], now: datetime) -> Settlement | Clash:
    staying = tuple(rival for rival in rivals if not rival.replaceable)
    if staying:
        return Clash(staying)
    cut = [r.schedule_id for r in rivals if r.window.start <= now and r.window.start < wanted.start]
    removed = [r.schedule_id for r in rivals if r.schedule_id not in cut]
    return Settlement(Placed(wanted), tuple(removed), tuple(cut))


@dataclass(frozen=True, slots=True)
class Laid:
    """One item of a sequence: its number, where it goes, what of its beginning is left out."""

    number: int
    window: Window
    skipped: timedelta


def lay_out(lengths: Sequence[timedelta], placed: Placed) -> tuple[Laid, ...]:
    """Lay items one behind the other into a place, the sequence's beginning being left out there.

    Items that fall outside are not among the answer.
    """
    laid: list[Laid] = []
    start = placed.window.start - placed.skipped
    for number, length in enumerate(lengths):
        whole = Window(start, start + length)
        part = whole.common(placed.window)
        if part is not None:
            laid.append(Laid(number, part, part.start - whole.start))
        start = whole.stop
    return tuple(laid)


class Withdrawal(StrEnum):
    """What it means to delete an entry: it goes, it ends at once, or it is over and stays."""

    REMOVED = "removed"
    CUT = "cut"
    OVER = "over"


def withdrawal(window: Window, now: datetime) -> Withdrawal:
    """Say what deleting an entry does at `now`."""
    if window.stop <= now:
        return Withdrawal.OVER
    return Withdrawal.CUT if window.start < now else Withdrawal.REMOVED
