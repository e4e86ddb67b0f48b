"""`tallyd doctor`: looks everything over; and the last resort, to begin anew."""

from typing import TYPE_CHECKING

import click

from tallyd.cli.exits import Exit
from tallyd.cli.output import Column, Output, emit, json_option

if TYPE_CHECKING:
    from tallyd.cli.root import Invocation

_COLUMNS = (Column("check", "check"), Column("grade", "grade"), Column("", "sentence"))


@click.command()
@click.option(
    "--start-anew",
    is_flag=True,
    help="Put a database that cannot be used aside, backups too; the next start is a first one.",
)
@json_option
@click.pass_context
def doctor(context: click.Context, *, start_anew: bool, output: Output) -> None:
    """Look over lock, database, backups, disk and permissions; exit 1 if there is a problem."""
    from tallyd.app import rescue
    from tallyd.app.examination import Grade, examine
    from tallyd.clock import SystemClock
    from tallyd.config import find
    from tallyd.state_dir import StateDir

    invocation: Invocation = context.obj
    settings, now = invocation.settings(), SystemClock().now
    if start_anew:
        moved = rescue.start_anew(StateDir(settings.appliance.state_dir), now)
        emit([{"file": path} for path in moved], (Column("kept aside", "file"),), output)
        return
    findings = examine(settings, find(invocation.config), now())
    problems = [finding for finding in findings if finding.grade is Grade.PROBLEM]
    rows = [
        {"check": each.check, "grade": each.grade, "sentence": each.sentence} for each in findings
    ]
    if output is Output.JSON:
        emit({"ok": not problems, "findings": rows}, (), output)
    else:
        emit(rows, _COLUMNS, output)
    if problems:
        context.exit(Exit.FAILED)
