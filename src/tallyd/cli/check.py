"""`tallyd check`: configuration, drivers and database, without touching a device or the lock."""

from collections.abc import Iterator, Sized
from typing import TYPE_CHECKING

import click

from tallyd.cli.exits import Exit
from tallyd.cli.output import Output, emit, json_option
from tallyd.cli.sessions import look
from tallyd.domain.errors import Problem
from tallyd.notation.shapes import problem_shape
from tallyd.notation.text import visible

if TYPE_CHECKING:
    from tallyd.app import Appliance
    from tallyd.cli.root import Invocation
    from tallyd.config import Settings


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
    warnings = [*_forgotten_too_soon(settings), *look(settings, _warnings)]
    if output is Output.JSON:
        shapes = [problem_shape(warning) for warning in warnings]
        emit({"ok": True, "problems": [], "warnings": shapes}, (), output)
        return
    for warning in warnings:
        click.echo(f"warning: {visible(str(warning))}", err=True)
    rooms, channels = _counted(settings.rooms, "room"), _counted(settings.channels, "channel")
    click.echo(f"configuration is fine: {rooms}, {channels}")


def _forgotten_too_soon(settings: "Settings") -> Iterator[Problem]:
    """Find recordings that stay for ever, since the ledger forgets them before they may go."""
    from tallyd.config.values import CALENDAR_UNITS, format_duration

    ledger_keep = settings.appliance.ledger_keep
    kept = {"retention.keep": settings.retention.keep}
    kept |= {f"rooms.{name}.keep": room.keep for name, room in settings.rooms.items()}
    for field, keep in kept.items():
        if keep is not None and keep >= ledger_keep:
            written = format_duration(keep, CALENDAR_UNITS)
            yield Problem(
                "appliance.ledger_keep",
                format_duration(ledger_keep, CALENDAR_UNITS),
                f"make it longer than {field}, {written}: what the ledger has forgotten by then "
                "is never removed",
            )


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
