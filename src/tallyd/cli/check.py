"""`tallyd check`: configuration, drivers and database, without touching a device or the lock."""

from collections.abc import Sized
from typing import TYPE_CHECKING

import click

from tallyd.cli.exits import Exit
from tallyd.cli.output import Output, emit, json_option
from tallyd.cli.sessions import look
from tallyd.cli.shapes import problem_shape
from tallyd.cli.text import visible
from tallyd.domain.errors import Problem

if TYPE_CHECKING:
    from tallyd.app import Appliance
    from tallyd.cli.root import Invocation


@click.command()
@json_option
@click.pass_context
def check(context: click.Context, output: Output) -> None:
    """Check configuration, drivers and database; touches no device."""
    from tallyd import logs
    from tallyd.clock import SystemClock
    from tallyd.config import ConfigError, find

    invocation: Invocation = context.obj
    logs.to_stderr(SystemClock().now)
    try:
        settings = invocation.checked_settings(find(invocation.config))
    except ConfigError as error:
        if output is Output.TEXT:
            raise
        problems = [problem_shape(problem) for problem in error.problems]
        emit({"ok": False, "problems": problems, "warnings": []}, (), output)
        context.exit(Exit.CONFIG)
    warnings = look(settings, _warnings)
    if output is Output.JSON:
        shapes = [problem_shape(warning) for warning in warnings]
        emit({"ok": True, "problems": [], "warnings": shapes}, (), output)
        return
    for warning in warnings:
        click.echo(f"warning: {visible(str(warning))}", err=True)
    rooms, channels = _counted(settings.rooms, "room"), _counted(settings.channels, "channel")
    click.echo(f"configuration is fine: {rooms}, {channels}")


async def _warnings(appliance: "Appliance") -> list[Problem]:
    """Find the schedules whose target has gone from the configuration."""
    known = {target.key for target in appliance.settings.targets()}
    orphans: dict[str, list[str]] = {}
    for prospect in await appliance.reports.prospects():
        if prospect.schedule.target not in known:
            orphans.setdefault(prospect.schedule.target, []).append(str(prospect.schedule.id))
    return [
        Problem("target", key, f"not in the configuration, so blocked: schedules {', '.join(ids)}")
        for key, ids in orphans.items()
    ]


def _counted(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
