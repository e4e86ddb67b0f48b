"""`tallyd targets`: rooms and channels with the ids that every client knows them by."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look
from tallyd.cli.shapes import Shape, target_shape

if TYPE_CHECKING:
    from tallyd.app import Appliance

_COLUMNS = (
    Column("target", "target"),
    Column("name", "name"),
    Column("driver", "driver"),
    Column("capacity", "capacity", justify="right"),
    Column("VALT, IBM id", "valt_id", justify="right"),
    Column("Uplynk id", "uplynk_id"),
    Column("known", "known"),
    Column("status", "status"),
    Column("problem", "problem"),
)


@click.command()
@json_option
@click.pass_obj
def targets(invocation: Invocation, output: Output) -> None:
    """Show rooms and channels, those gone from the configuration included."""
    settings = invocation.settings()
    drivers = {target.key: target.driver for target in settings.targets()}

    async def shapes(appliance: "Appliance") -> list[Shape]:
        doing = _doing(appliance)
        return [
            target_shape(target, drivers.get(target.key), doing.get(target.key, {}))
            for target in await appliance.reports.targets()
        ]

    emit(look(settings, shapes), _COLUMNS, output, empty="no targets are configured")


def _doing(appliance: "Appliance") -> Mapping[str, Mapping[str, Any]]:
    """Give what the engine says of each target; nothing where no daemon runs."""
    picture = appliance.snapshot() if appliance.daemon_runs() else None
    return picture["targets"] if picture else {}
