"""`tallyd status`: what the daemon is doing now, from the picture that it publishes."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import click

from tallyd.cli.exits import NoDaemonError
from tallyd.cli.health import clock_cell, device_cells, disk_cell, news_in, without_old_news
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look, picture_of
from tallyd.cli.tables import LocalTimes, megabytes
from tallyd.clock import SystemClock

if TYPE_CHECKING:
    from tallyd.app import Appliance


@click.command()
@json_option
@click.pass_obj
def status(invocation: Invocation, output: Output) -> None:
    """Show what runs now and what comes next; exit code 5 if no daemon runs."""
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)

    async def picture(appliance: "Appliance") -> Mapping[str, Any]:
        found = await picture_of(appliance)
        if found is None:
            raise NoDaemonError(f"no daemon runs with {settings.appliance.run_dir}")
        return found

    now = SystemClock().now()
    seen = look(settings, picture)
    shown = without_old_news(seen, now)
    if (silence := news_in(seen, now).silence) is not None:
        click.echo(f"warning: {silence}", err=True)
    if output is Output.JSON:
        emit(shown, (), output)
        return
    emit(shown, _daemon_columns(times), output)
    targets = cast("Mapping[str, Mapping[str, object]]", shown["targets"])
    rows = [{"target": key, **doing, **device_cells(doing)} for key, doing in targets.items()]
    emit(rows, _target_columns(times), output, empty="no targets are configured")


def _daemon_columns(times: LocalTimes) -> tuple[Column, ...]:
    return (
        Column("tallyd", "version"),
        Column("pid", "pid"),
        Column("ready", "ready"),
        times.column("since", "started_at", lambda text: times.at(datetime.fromisoformat(text))),
        Column("rows waiting for the disk", "ledger_waiting"),
        Column("disk", "disk", disk_cell),
        Column("clock", "clock", clock_cell),
    )


def _target_columns(times: LocalTimes) -> tuple[Column, ...]:
    def at(text: str) -> str:
        return times.at(datetime.fromisoformat(text))

    return (
        Column("target", "target"),
        Column("status", "status"),
        Column("device", "device"),
        Column("run", "run_id", justify="right"),
        Column("name", "name"),
        times.column("since", "since", at),
        Column("until", "planned_stop", at),
        Column("size", "bytes", megabytes, justify="right"),
        Column("looks again", "next_edge", at),
        Column("problem", "problem"),
    )
