"""The types of options: a reader's `ValueError` becomes a usage error that names the option."""

from collections.abc import Callable
from typing import TypeVar

import click

from tallyd.config.values import check_zone
from tallyd.notation.values import booking_duration, read_date, read_days, read_moment, read_start

T = TypeVar("T")


def typed(name: str, read: Callable[[str], T]) -> Callable[[str], T]:
    """Make a click type of a reader: its `ValueError` becomes exit code 2 with option and fix."""

    def convert(value: str) -> T:
        try:
            return read(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r}: {error}") from None

    convert.__name__ = name  # what click shows in place of the value
    return convert


DURATION = typed("duration", booking_duration)
START = typed("start", read_start)
MOMENT = typed("time", read_moment)
DAYS = typed("days", read_days)
DATE = typed("date", read_date)
ZONE = typed("zone", check_zone)
