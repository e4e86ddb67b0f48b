"""`tallyd exceptions`: the days on which nothing starts."""

from datetime import date
from typing import TYPE_CHECKING

import click

from tallyd.bookings import Policy
from tallyd.cli.options import ID, force_option
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import change, look
from tallyd.cli.types import DATE
from tallyd.domain.model import ExceptionDay
from tallyd.notation.shapes import exception_day_shape

if TYPE_CHECKING:
    from tallyd.app import Appliance

_COLUMNS = (
    Column("id", "id", justify="right"),
    Column("date", "date"),
    Column("name", "name"),
    Column("target", "target"),
)


@click.group()
def exceptions() -> None:
    """Keep the days on which nothing starts."""


@exceptions.command("add")
@click.argument("day", type=DATE, metavar="DATE")
@click.argument("name")
@click.option("--target", metavar="KEY", help="Only on this room or channel, instead of on all.")
@force_option
@json_option
@click.pass_obj
def add(  # noqa: PLR0913 - one for each option
    invocation: Invocation,
    *,
    day: date,
    name: str,
    target: str | None,
    force: Policy | None,
    output: Output,
) -> None:
    """Let nothing start on a day, such as 2026-12-25; what runs past midnight into it goes on."""

    async def keep_free(appliance: "Appliance") -> ExceptionDay:
        policy = force or Policy.REPORT
        return await appliance.bookings.add_exception_day(day, name, target, policy)

    added = change(invocation.settings(), keep_free)
    emit(exception_day_shape(added), _COLUMNS, output)
    if added.name != name:
        click.echo("hint: that day was kept free already, by another name", err=True)


@exceptions.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, output: Output) -> None:
    """List the days, those gone by included."""

    async def days(appliance: "Appliance") -> tuple[ExceptionDay, ...]:
        return await appliance.reports.exception_days()

    rows = [exception_day_shape(day) for day in look(invocation.settings(), days)]
    emit(rows, _COLUMNS, output, empty="there are no exception days")


@exceptions.command("remove")
@click.argument("day_id", type=ID, metavar="ID")
@json_option
@click.pass_obj
def remove(invocation: Invocation, day_id: int, output: Output) -> None:
    """Let things start again on a day."""

    async def free(appliance: "Appliance") -> None:
        await appliance.bookings.remove_exception_day(day_id)

    change(invocation.settings(), free)
    emit({"id": day_id}, (Column("removed", "id"),), output)
