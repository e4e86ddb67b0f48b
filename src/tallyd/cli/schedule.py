"""`tallyd schedule`: book, list, show, edit and remove schedules, leave out single occurrences."""

from typing import TYPE_CHECKING

import click

from tallyd.bookings import Change, Policy
from tallyd.cli.effects import warnings_of
from tallyd.cli.options import ID, force_option, on_conflict_option, schedule_options
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import change, hint_without_daemon, look, require_target
from tallyd.cli.tables import LocalTimes
from tallyd.domain.model import Occurrence
from tallyd.notation.shapes import effect_shape, occurrence_shape, prospect_shape, schedule_shape
from tallyd.notation.wishes import changed_draft, new_draft, read_wish
from tallyd.reports import Effect, Prospect

if TYPE_CHECKING:
    from tallyd.app import Appliance


@click.group()
def schedule() -> None:
    """Book, list, change and remove schedules."""


@schedule.command("add")
@schedule_options
@on_conflict_option
@force_option
@json_option
@click.pass_obj
def add(
    invocation: Invocation,
    /,
    output: Output,
    on_conflict: str,
    force: Policy | None,
    **options: object,
) -> None:
    """Book a schedule; --target, --name, --start and --duration are needed.

    What conflicts with others is stored and reported, unless it would cut what is recording now.
    """
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)
    make = new_draft(read_wish(options), times.zone)

    async def book(appliance: "Appliance") -> tuple[Effect, list[str]]:
        made = await appliance.bookings.add(make, force or Policy(on_conflict))
        return await _effect(appliance, made, times)

    _report(*change(settings, book), times, output)


@schedule.command("edit")
@click.argument("schedule_id", type=ID, metavar="ID")
@schedule_options
@on_conflict_option
@force_option
@json_option
@click.pass_obj
def edit(
    invocation: Invocation,
    /,
    schedule_id: int,
    output: Output,
    on_conflict: str,
    force: Policy | None,
    **options: object,
) -> None:
    """Change what is given of a schedule and keep the rest; --repeat none makes it a one-shot."""
    if all(value is None for value in options.values()):
        raise click.UsageError("say what is to change; --help lists what can be")
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)
    wish = read_wish(options)

    async def revise(appliance: "Appliance") -> tuple[Effect, list[str]]:
        made = await appliance.bookings.edit(
            schedule_id,
            lambda draft: changed_draft(draft, wish, times.zone, appliance.clock.now()),
            force or Policy(on_conflict),
        )
        return await _effect(appliance, made, times)

    _report(*change(settings, revise), times, output)


async def _effect(
    appliance: "Appliance", made: Change, times: LocalTimes
) -> tuple[Effect, list[str]]:
    effect = await appliance.reports.effect(made)
    return effect, await warnings_of(effect, appliance.reports, times)


def _report(effect: Effect, warnings: list[str], times: LocalTimes, output: Output) -> None:
    emit(effect_shape(effect), _detail_columns(times), output)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


@schedule.command("list")
@click.option("--target", metavar="KEY", help="Only those of one room or channel.")
@json_option
@click.pass_obj
def list_(invocation: Invocation, target: str | None, output: Output) -> None:
    """List every schedule with its chances in the next 90 days."""

    async def prospects(appliance: "Appliance") -> tuple[Prospect, ...]:
        if target is not None:
            await require_target(appliance, target)
        return await appliance.reports.prospects()

    found = look(invocation.settings(), prospects)
    rows = [prospect_shape(each) for each in found if target in {None, each.schedule.target}]
    emit(rows, _LIST_COLUMNS, output, empty="there are no schedules")


@schedule.command("show")
@click.argument("schedule_id", type=ID, metavar="ID")
@json_option
@click.pass_obj
def show(invocation: Invocation, schedule_id: int, output: Output) -> None:
    """Show one schedule, its next slots and what is in its way."""
    settings = invocation.settings()

    async def prospect(appliance: "Appliance") -> Prospect:
        return await appliance.reports.prospect(schedule_id)

    shape = prospect_shape(look(settings, prospect))
    emit(shape, _detail_columns(LocalTimes(settings.appliance.timezone)), output)


@schedule.command("remove")
@click.argument("schedule_id", type=ID, metavar="ID")
@click.option("--stop", is_flag=True, help="Stop what it records now, too.")
@json_option
@click.pass_obj
def remove(invocation: Invocation, schedule_id: int, output: Output, *, stop: bool) -> None:
    """Remove a schedule; what it records now goes on to its planned end unless --stop is given."""

    async def end(appliance: "Appliance") -> Change:
        if not stop:
            return await appliance.bookings.remove(schedule_id)
        removed = await appliance.bookings.remove_and_stop(schedule_id)
        hint_without_daemon(appliance)
        return removed

    removed = change(invocation.settings(), end).before
    if removed is not None:
        emit(schedule_shape(removed), (Column("removed", "id"), Column("name", "name")), output)


@schedule.command("skip")
@click.argument("schedule_id", type=ID, metavar="ID")
@click.argument("occurrence", metavar="OCCURRENCE")
@force_option
@json_option
@click.pass_obj
def skip(
    invocation: Invocation,
    schedule_id: int,
    occurrence: str,
    force: Policy | None,
    output: Output,
) -> None:
    """Leave out one occurrence: its slot, its start as `plan --json` has it, its date, or next."""
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)
    wanted = occurrence.replace(" ", "T")  # as tables show it

    async def leave_out(appliance: "Appliance") -> Occurrence:
        return await appliance.bookings.skip(schedule_id, wanted, force or Policy.REPORT)

    skipped = change(settings, leave_out)
    shape = {"schedule_id": skipped.schedule_id, **occurrence_shape(skipped)}
    emit(shape, (Column("skipped", "slot"), times.column("start", "start")), output)


_LIST_COLUMNS = (
    Column("id", "id", justify="right"),
    Column("target", "target"),
    Column("name", "name"),
    Column("start", "start"),
    Column("zone", "timezone"),
    Column("duration", "duration"),
    Column("repeat", "repeat"),
    Column("priority", "priority", justify="right"),
    Column("verdict", "verdict"),
)


def _detail_columns(times: LocalTimes) -> tuple[Column, ...]:
    keys = ("id", "target", "name", "start", "timezone", "duration", "repeat", "every", "days")
    more = ("last_day", "count", "until", "priority", "dst_gap", "dst_overlap", "verdict", "reason")
    return (
        *(Column(key, key) for key in (*keys, *more)),
        Column("blocked by", "by", times.blockers),
        Column(f"next ({times.zone})", "next", times.starts),
    )
