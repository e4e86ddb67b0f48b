"""`tallyd as-run`: what a channel really had on air, from when to when."""

from datetime import timedelta

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.periods import from_option, instant, period, to_option
from tallyd.cli.root import Invocation
from tallyd.cli.tables import LocalTimes
from tallyd.clock import SystemClock
from tallyd.notation.values import Moment

_USUAL_PERIOD = timedelta(days=1)


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
    from tallyd.app.as_run import on_air

    settings = invocation.settings()
    if channel.partition(".")[2] not in settings.channels or not channel.startswith("channels."):
        raise click.BadParameter(f"there is no channel {channel}", param_hint="CHANNEL")
    times = LocalTimes(settings.appliance.timezone)
    now = SystemClock().now()
    start = instant("--from", since, times.zone, now) if since else now - _USUAL_PERIOD
    stop = instant("--to", until, times.zone, now) if until else now
    try:
        found = on_air(settings, channel, period(start, stop), now)
    except OSError as error:
        raise click.ClickException(f"the as-run log cannot be read: {error.strerror}") from error
    rows = [
        {
            "start": each.window.start,
            "stop": each.window.stop,
            "kind": each.kind,
            "name": each.name,
            "part": each.token,
            "detail": each.detail,
        }
        for each in found
    ]
    columns = (
        times.column("from", "start"),
        times.column("to", "stop"),
        Column("on air", "kind"),
        Column("name", "name"),
        Column("detail", "detail"),
    )
    emit(rows, columns, output, empty="nothing was on air")
