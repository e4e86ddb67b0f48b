"""The period that a report is about, from `--from` and `--to`. Pure: time is an argument."""

from datetime import datetime, timedelta

import click

from tallyd.cli.types import MOMENT
from tallyd.domain.drafts import MAX_YEARS
from tallyd.domain.window import Window
from tallyd.notation.values import Moment, instant_of

_LONGEST = timedelta(days=366 * MAX_YEARS)

from_option = click.option(
    "--from", "since", type=MOMENT, metavar="TIME", help="2026-12-01, 2026-12-01T09:00, now, -12h."
)
"""Where a period begins; the command gets it as `since`."""

to_option = click.option(
    "--to", "until", type=MOMENT, metavar="TIME", help="The same; +7d is seven days from now."
)
"""Where a period ends; the command gets it as `until`."""


def instant(option: str, moment: Moment, zone: str, now: datetime) -> datetime:
    """Give the instant of one end; wall time is meant in `zone`.

    Raises:
        BadParameter: it is too far away.
    """
    try:
        found = instant_of(moment, zone, now)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
    if abs(found - now) > _LONGEST:
        raise click.BadParameter(f"it is more than {MAX_YEARS} years away", param_hint=option)
    return found


def period(start: datetime, stop: datetime) -> Window:
    """Give the period between two instants.

    Raises:
        BadParameter: the end is not after the start.
    """
    if stop <= start:
        raise click.BadParameter("it must be later than --from", param_hint="--to")
    return Window(start, stop)
