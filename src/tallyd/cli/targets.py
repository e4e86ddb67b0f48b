"""`tallyd targets`: rooms and channels with the ids that every client knows them by."""

from typing import TYPE_CHECKING

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look, picture_of
from tallyd.cli.shapes import Shape, target_shape

if TYPE_CHECKING:
    from tallyd.app import Appliance
    from tallyd.domain.model import Target

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
        picture = await picture_of(appliance) or {"targets": {}}
        return [
            target_shape(target, drivers.get(target.key), picture["targets"].get(target.key, {}))
            for target in await _known(appliance)
        ]

    emit(look(settings, shapes), _COLUMNS, output, empty="no targets are configured")


async def _known(appliance: "Appliance") -> "tuple[Target, ...]":
    """Give the targets; before there is a database only the configuration knows any."""
    from tallyd.app import targets_of

    if appliance.installed:
        return await appliance.reports.targets()
    return targets_of(appliance.settings)
