"""The period that a native request is about."""

from datetime import datetime, timedelta

from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.window import EPOCH, FAR_FUTURE, Window
from tallyd.notation.values import instant_of, read_moment

LONGEST = timedelta(days=366)
USUAL = timedelta(days=7)


def period_of(
    since: str, until: str | None, zone: str, now: datetime, longest: timedelta = LONGEST
) -> Window:
    """Give the period between two moments, a week where it has no end.

    Raises:
        InvalidBooking: it has no sense, or is longer than `longest`.
    """
    start = moment_of("from", since, zone, now)
    if not EPOCH <= start < FAR_FUTURE:
        raise InvalidBooking(Problem("from", since, "give a day of this age"))
    stop = start + USUAL if until is None else moment_of("to", until, zone, now)
    if not start < stop <= FAR_FUTURE or stop - start > longest:
        fix = f"give an end after the start, at most {longest.days} days later"
        raise InvalidBooking(Problem("to", until or "", fix))
    return Window(start, stop)


def moment_of(field: str, text: str, zone: str, now: datetime) -> datetime:
    """Give the instant of a moment; wall time is meant in `zone`.

    Raises:
        InvalidBooking: it cannot be read.
    """
    try:
        return instant_of(read_moment(text), zone, now)
    except (ValueError, OverflowError) as error:
        raise InvalidBooking(Problem(field, text, str(error))) from None
