"""`tallyd plan`: every occurrence of a period with its verdict, also as if more were booked."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallyd.cli.health import News, danger, news_of, warnings
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.periods import from_option, instant, period, to_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look
from tallyd.cli.tables import LocalTimes
from tallyd.cli.what_if import read_rows
from tallyd.clock import SystemClock
from tallyd.domain.planner import Planned
from tallyd.notation.shapes import plan_shape
from tallyd.notation.text import visible
from tallyd.notation.values import FromNow, Moment
from tallyd.notation.what_if import drafts_of

if TYPE_CHECKING:
    from tallyd.app import Appliance

_USUAL_LENGTH = timedelta(days=7)


@click.command()
@from_option
@to_option
@click.option(
    "--with",
    "what_if",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Plan as if these were booked too: a JSON list, or [[schedule]] in TOML, of options.",
)
@json_option
@click.pass_obj
def plan(
    invocation: Invocation,
    since: Moment | None,
    until: Moment | None,
    what_if: Path | None,
    output: Output,
) -> None:
    """Show who holds what when, and who is blocked by whom; a week from now unless said."""
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)
    rows = () if what_if is None else read_rows(what_if, times.zone)
    now = SystemClock().now()
    start = instant("--from", since or FromNow(), times.zone, now)
    stop = instant("--to", until, times.zone, now) if until else start + _USUAL_LENGTH
    asked = period(start, stop)

    async def entries(appliance: "Appliance") -> tuple[tuple[Planned, ...], News]:
        known = [target.key for target in await appliance.reports.targets() if target.known]
        planned = await appliance.reports.plan(asked, drafts_of(rows, now, known))
        return planned, await news_of(appliance, now)

    planned, news = look(settings, entries)
    for warning in warnings(news, sorted({entry.schedule.target for entry in planned})):
        click.echo(f"warning: {visible(warning)}", err=True)
    shapes = [plan_shape(entry) for entry in planned]
    if output is Output.TEXT:
        # Beside the verdict, and no part of it: the rows of --json are the plan alone.
        for shape, entry in zip(shapes, planned, strict=True):
            shape["danger"] = danger(entry, news, now)
    safe = not any(shape.get("danger") for shape in shapes)
    columns = [column for column in _columns(times) if not (safe and column.key == "danger")]
    emit(shapes, columns, output, empty="nothing is planned in that time")


def _columns(times: LocalTimes) -> tuple[Column, ...]:
    return (
        times.column("start", "start"),
        Column("stop", "stop", times.at),
        Column("target", "target"),
        Column("id", "schedule_id", justify="right"),
        Column("name", "name"),
        Column("verdict", "verdict"),
        Column("in danger", "danger"),
        Column("reason", "reason"),
        Column("holds", "claim", times.windows),
        Column("blocked by", "by", times.blockers),
    )
