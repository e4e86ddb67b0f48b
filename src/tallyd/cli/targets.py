"""`tallyd targets`: rooms and channels with the ids that every client knows them by."""

from typing import TYPE_CHECKING

import click

from tallyd.bookings import Policy
from tallyd.cli.options import force_option
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import change, look, picture_of
from tallyd.notation.shapes import Shape, target_shape

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


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def targets(context: click.Context, output: Output) -> None:
    """Show rooms and channels, those gone from the configuration included; or lock one."""
    if context.invoked_subcommand is not None:
        return
    invocation: Invocation = context.obj
    settings = invocation.settings()
    drivers = {target.key: target.driver for target in settings.targets()}

    async def shapes(appliance: "Appliance") -> list[Shape]:
        picture = await picture_of(appliance) or {"targets": {}}
        return [
            target_shape(target, drivers.get(target.key), picture["targets"].get(target.key, {}))
            for target in await _known(appliance)
        ]

    emit(look(settings, shapes), _COLUMNS, output, empty="no targets are configured")


@targets.command("lock")
@click.argument("target", metavar="TARGET")
@force_option
@json_option
@click.pass_obj
def lock(invocation: Invocation, target: str, force: Policy | None, output: Output) -> None:
    """Let nothing start on a target until it is unlocked; what records there needs --force."""

    async def work(appliance: "Appliance") -> "Target":
        return await appliance.bookings.lock_target(target, force or Policy.REPORT)

    locked = change(invocation.settings(), work)
    columns = (Column("locked", "target"), Column("since", "since"))
    emit({"target": locked.key, "since": locked.locked_since}, columns, output)


@targets.command("unlock")
@click.argument("target", metavar="TARGET")
@json_option
@click.pass_obj
def unlock(invocation: Invocation, target: str, output: Output) -> None:
    """Let things start on a target again."""

    async def work(appliance: "Appliance") -> "Target":
        return await appliance.bookings.unlock_target(target)

    free = change(invocation.settings(), work)
    emit({"target": free.key}, (Column("unlocked", "target"),), output)


async def _known(appliance: "Appliance") -> "tuple[Target, ...]":
    """Give the targets; before there is a database only the configuration knows any."""
    from tallyd.app import targets_of

    if appliance.installed:
        return await appliance.reports.targets()
    return targets_of(appliance.settings)
