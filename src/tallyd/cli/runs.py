"""`tallyd runs`: what became of every occurrence; start one by hand, stop, pause or extend one."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from tallyd.bookings import Policy
from tallyd.cli.effects import giving_way
from tallyd.cli.options import ID, LAST_ID, force_option
from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.periods import from_option, instant, period, to_option
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import change, hint_without_daemon, look, require_target
from tallyd.cli.tables import LocalTimes, file_names, milliseconds
from tallyd.cli.types import DURATION
from tallyd.clock import SystemClock
from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import Run
from tallyd.domain.planner import Planned
from tallyd.domain.window import EPOCH, FAR_FUTURE, Window
from tallyd.notation.shapes import Shape, plan_shape, run_shape
from tallyd.notation.values import Moment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tallyd.app import Appliance
    from tallyd.bookings import Bookings

_USUAL_LIMIT = 1000


@click.group(invoke_without_command=True)
@click.option("--target", metavar="KEY", help="Only those of one room or channel.")
@from_option
@to_option
@click.option(
    "--limit",
    type=click.IntRange(1, LAST_ID),
    default=_USUAL_LIMIT,
    show_default=True,
    metavar="N",
    help="Only the newest N.",
)
@json_option
@click.pass_context
def runs(  # noqa: PLR0913 - one for each option
    context: click.Context,
    *,
    target: str | None,
    since: Moment | None,
    until: Moment | None,
    limit: int,
    output: Output,
) -> None:
    """Show what became of every occurrence, newest first; or start, stop, pause, extend one."""
    if context.invoked_subcommand is not None:
        return
    invocation: Invocation = context.obj
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)

    now = SystemClock().now()
    start = instant("--from", since, times.zone, now) if since else EPOCH
    stop = instant("--to", until, times.zone, now) if until else FAR_FUTURE
    asked = period(start, stop)

    async def newest(appliance: "Appliance") -> list[Shape]:
        if target is not None:
            await require_target(appliance, target)
        found = await appliance.reports.runs(asked, target, limit)
        return await _shapes(appliance, found)

    rows = look(settings, newest)
    emit(rows, _columns(times, rows), output, empty="nothing has run yet")


@runs.command("start")
@click.argument("target", metavar="TARGET")
@click.option(
    "--name",
    metavar="TEXT",
    default="Recording by hand",
    show_default=True,
    help="What it is called.",
)
@click.option(
    "--for", "length", type=DURATION, metavar="LENGTH", help="Such as 50m; else until manual_max."
)
@json_option
@click.pass_obj
def start(
    invocation: Invocation, target: str, name: str, length: timedelta | None, output: Output
) -> None:
    """Record now, without a schedule, until it is stopped; the target must be free."""
    wanted = ManualRecording(target, name, length)
    settings = invocation.settings()
    longest = settings.appliance.manual_max
    _say_of_run(
        invocation, output, "started", lambda bookings: bookings.start_recording(wanted, longest)
    )


@runs.command("stop")
@click.argument("run_id", type=ID, metavar="[RUN]", required=False)
@click.option("--all", "every", is_flag=True, help="Stop every run that has begun.")
@json_option
@click.pass_obj
def stop(invocation: Invocation, run_id: int | None, output: Output, *, every: bool) -> None:
    """Let a run that has begun end now, or all of them."""
    if every == (run_id is not None):
        raise click.UsageError("give the id of a run, or --all")

    async def end(appliance: "Appliance") -> list[Shape]:
        if run_id is None:
            begun = await appliance.bookings.stop_all_runs()
        else:
            begun = (await appliance.bookings.stop_run(run_id),)
        if begun:
            hint_without_daemon(appliance)
        return await _shapes(appliance, begun)

    rows = change(invocation.settings(), end)
    columns = (Column("stopped", "id"), Column("target", "target"), Column("name", "name"))
    emit(rows, columns, output, empty="nothing is running")


@runs.command("pause")
@click.argument("run_id", type=ID, metavar="RUN")
@json_option
@click.pass_obj
def pause(invocation: Invocation, run_id: int, output: Output) -> None:
    """Let a run record nothing until it is resumed; it keeps its room."""
    _say_of_run(invocation, output, "paused", lambda bookings: bookings.pause_run(run_id))


@runs.command("resume")
@click.argument("run_id", type=ID, metavar="RUN")
@json_option
@click.pass_obj
def resume(invocation: Invocation, run_id: int, output: Output) -> None:
    """Let a paused run record on, as its next part."""
    _say_of_run(invocation, output, "resumed", lambda bookings: bookings.resume_run(run_id))


def _say_of_run(
    invocation: Invocation,
    output: Output,
    title: str,
    act: "Callable[[Bookings], Awaitable[Run]]",
) -> None:
    async def work(appliance: "Appliance") -> Shape:
        run = await act(appliance.bookings)
        hint_without_daemon(appliance)
        (shape,) = await _shapes(appliance, (run,))
        return shape

    shape = change(invocation.settings(), work)
    columns = (Column(title, "id"), Column("target", "target"), Column("name", "name"))
    emit(shape, columns, output)


@runs.command("extend")
@click.argument("run_id", type=ID, metavar="RUN")
@click.argument("by", type=DURATION, metavar="LENGTH")
@force_option
@json_option
@click.pass_obj
def extend(
    invocation: Invocation, run_id: int, by: timedelta, force: Policy | None, output: Output
) -> None:
    """Let a run end later by a length such as 10m; only free time is taken unless --force."""
    settings = invocation.settings()
    times = LocalTimes(settings.appliance.timezone)

    async def prolong(appliance: "Appliance") -> tuple[Window, list[Planned]]:
        run = await appliance.reports.run(run_id)
        longer = await appliance.bookings.extend_run(run_id, by, force or Policy.REJECT)
        hint_without_daemon(appliance)
        extension = Window(longer.stop - by, longer.stop)
        planned = await appliance.reports.plan(extension)
        return longer, [entry for entry in planned if _gives_way(entry, run, extension)]

    longer, yielding = change(settings, prolong)
    shape = {
        "run_id": run_id,
        "start": longer.start,
        "stop": longer.stop,
        "affects": [plan_shape(entry) for entry in yielding],
    }
    columns = (
        Column("run", "run_id"),
        times.column("start", "start"),
        times.column("stop", "stop"),
    )
    emit(shape, columns, output)
    for line in (giving_way(entry, times) for entry in yielding):
        click.echo(f"warning: {line}", err=True)


def _gives_way(entry: Planned, run: Run, extension: Window) -> bool:
    who = (run.shown_schedule, run.id if run.manual else None)
    return any(
        (blocker.schedule_id, blocker.run_id) == who and blocker.window.overlaps(extension)
        for blocker in entry.by
    )


async def _shapes(appliance: "Appliance", runs: "Iterable[Run]") -> list[Shape]:
    known = tuple(runs)
    on_air, now = await appliance.reports.on_air(known), appliance.clock.now()
    return [run_shape(run, now, on_air.get(run.id)) for run in known]


def _columns(times: LocalTimes, rows: "Iterable[Shape]") -> tuple[Column, ...]:
    """Give the columns of runs; what was on air only where somebody wrote that down."""
    on_air = [Column("on air", "on_air", times.on_air)] if any(r["on_air"] for r in rows) else ()
    return (
        Column("id", "id", justify="right"),
        times.column("start", "planned", lambda planned: times.at(planned["start"])),
        Column("stop", "planned", lambda planned: times.at(planned["stop"])),
        Column("target", "target"),
        Column("name", "name"),
        Column("status", "status"),
        Column("outcome", "outcome"),
        Column("late", "late_ms", milliseconds, justify="right"),
        Column("files", "files", file_names),
        *on_air,
        Column("what became of it", "sentence"),
    )
