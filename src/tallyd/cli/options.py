"""Options that several commands share: what a booking says, what it may do to others, ids."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tallyd.bookings import Policy

F = TypeVar("F", bound=Callable[..., Any])

LAST_ID = 2**63 - 1
"""The largest id that the database can hold."""

ID = click.IntRange(1, LAST_ID)

# Texts, all of them: they are read together, so that every mistake is shown at once.
_SCHEDULE_OPTIONS = (
    click.option("--target", metavar="KEY", help="Room or channel, such as rooms.aula."),
    click.option("--name", metavar="TEXT", help="What it is called; files are named after it."),
    click.option(
        "--start",
        metavar="TIME",
        help="2026-12-01T09:00 as clocks show it there; with Z or an offset an instant; or now.",
    ),
    click.option("--duration", metavar="LENGTH", help="Such as 90m, 1h30m or 10s."),
    click.option(
        "--timezone", metavar="ZONE", help="Zone of the start; else that of the appliance."
    ),
    click.option("--repeat", metavar="none|daily|weekly|monthly", help="A series, or none."),
    click.option("--every", metavar="N", help="Only every Nth day, week or month."),
    click.option(
        "--days", metavar="DAYS", help="Weekdays of a weekly series: mon,wed. Else the start's."
    ),
    click.option(
        "--last-day/--no-last-day",
        default=None,
        help="A monthly series on the last day of each month.",
    ),
    click.option("--count", metavar="N", help="End the series after N times."),
    click.option(
        "--until", metavar="DATE", help="Or end it after this local date; never: without an end."
    ),
    click.option("--priority", metavar="N", help="-100 to 100; the higher one wins. [default: 0]"),
    click.option(
        "--dst-gap",
        metavar="shift|skip",
        help="A time that the clock change leaves out: later by the gap, or left out too.",
    ),
    click.option(
        "--dst-overlap", metavar="first|second", help="Which one, of a time that comes twice."
    ),
)


def schedule_options(command: F) -> F:
    """Add every option of a booking to a command; it gets them as texts, None where not given."""
    for option in reversed(_SCHEDULE_OPTIONS):
        command = option(command)
    return command


force_option = click.option(
    "--force",
    flag_value=Policy.FORCE,
    type=click.UNPROCESSED,
    help="Do it even if it cuts what is recording now.",
)
"""The option `--force`; the command gets it as `force`: the policy, or None."""

on_conflict_option = click.option(
    "--on-conflict",
    type=click.Choice([Policy.REPORT.value, Policy.REJECT.value]),
    default=Policy.REPORT.value,
    show_default=True,
    help="What overlaps is stored and reported, or not stored at all.",
)
"""What becomes of what overlaps; the command gets it as `on_conflict`: a policy's value."""
