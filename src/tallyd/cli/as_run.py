"""`tallyd as-run`: what a channel really had on air, from when to when."""

from datetime import timedelta

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.periods import from_option, instant, period, to_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look
from tallyd.cli.tables import LocalTimes
from tallyd.clock import SystemClock
from tallyd.notation.shapes import broadcast_shape
from tallyd.notation.values import Moment

_USUAL_PERIOD = timedelta(days=1)
_NOTHING = "nothing was on air"
_NOT_KEPT = "nobody wrote down what was on air then"


@click.command("as-run")
@click.argument("channel", metavar="CHANNEL")
@from_option
@to_option
@json_option
@click.pass_obj
def as_run(
    invocation: Invocation,
    channel: str,
    *,
    since: Moment | None,
    until: Moment | None,
    output: Output,
) -> None:
    """Show what a channel had on air, as it went out; the last day of it unless told otherwise."""
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)
    now = SystemClock().now()
    start = instant("--from", since, times.zone, now) if since else now - _USUAL_PERIOD
    stop = instant("--to", until, times.zone, now) if until else now
    asked = period(start, stop)
    found = look(settings, lambda appliance: appliance.reports.as_run(channel, asked))
    rows = [broadcast_shape(each, asked) for each in found or ()]
    columns = (
        times.column("from", "start"),
        times.column("to", "stop"),
        Column("on air", "kind"),
        Column("name", "name"),
        Column("detail", "detail"),
    )
    emit(rows, columns, output, empty=_NOTHING if found is not None else _NOT_KEPT)
