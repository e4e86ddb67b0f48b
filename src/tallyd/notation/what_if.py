"""Bookings that are not made, row by row: what a plan would be if they were. Pure."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from tallyd.domain.drafts import Draft, validate
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.notation.wishes import new_draft, read_wish

Made = TypeVar("Made")
Make = Callable[[datetime], Draft]
Row = dict[str, object]


def makes_of(rows: Sequence[Row], zone: str) -> tuple[Make, ...]:
    """Read rows, whose keys are option names.

    Raises:
        InvalidBooking: with everything that cannot be read, each naming its row (`with-1`) and key.
    """
    return _each(rows, lambda row: new_draft(read_wish(row), zone))


def drafts_of(
    rows: Sequence[Make], now: datetime, known_targets: Collection[str]
) -> tuple[Draft, ...]:
    """Make the drafts of the rows, as they would be booked now.

    Raises:
        InvalidBooking: with everything that could not be booked, each naming its row and key.
    """

    def draft_of(make: Make) -> Draft:
        draft = make(now)
        validate(draft, now, known_targets)
        return draft

    return _each(rows, draft_of)


T = TypeVar("T")


def _each(rows: Sequence[T], read: Callable[[T], Made]) -> tuple[Made, ...]:
    """Read every row before anything is refused."""
    problems: list[Problem] = []
    made: list[Made] = []
    for number, row in enumerate(rows, start=1):
        try:
            made.append(read(row))
        except InvalidBooking as error:
            problems.extend(
                Problem(f"with-{number}.{each.field}", each.value, each.fix)
                for each in error.problems
            )
    if problems:
        raise InvalidBooking(*problems)
    return tuple(made)
