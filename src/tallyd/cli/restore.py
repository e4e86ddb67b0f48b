"""`tallyd restore`: puts a backup in the place of the database, which is kept aside."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.tables import LocalTimes, megabytes

if TYPE_CHECKING:
    from tallyd.notation.shapes import Shape

_RESTORED = (
    Column("restored generation", "generation"),
    Column("as of", "made_at"),
    Column("kept aside", "aside"),
)
_DIFFERENCES = (Column("what the old database says otherwise", "sentence"),)


@click.command()
@click.argument("what", required=False, metavar="[FILE|GENERATION]")
@click.option("--list", "list_", is_flag=True, help="Show the generations there are, and stop.")
@click.option("--take-over", is_flag=True, help="FILE is of another installation: go on as that.")
@json_option
@click.pass_obj
def restore(
    invocation: Invocation, *, what: str | None, list_: bool, take_over: bool, output: Output
) -> None:
    """Restore a backup, the newest good one if none is named; no daemon may run meanwhile.

    What was there is kept beside it, and what it says otherwise is listed.
    """
    from tallyd.app import rescue
    from tallyd.clock import SystemClock
    from tallyd.state_dir import StateDir

    appliance = invocation.settings().appliance
    state, now = StateDir(appliance.state_dir), SystemClock().now
    if list_:
        _list(state.backups, LocalTimes(appliance.timezone), output)
        return
    if take_over:
        if what is None:
            raise click.UsageError("--take-over needs a FILE")
        done = rescue.take_over(state, Path(what), now)
    elif what is None or (what.isdecimal() and not Path(what).exists()):
        done = rescue.restore_generation(state, None if what is None else int(what), now)
    else:
        done = rescue.restore_file(state, Path(what), now)
    restored: Shape = {
        "generation": done.generation.serial,
        "made_at": done.ledger_ends,
        "aside": done.aside,
    }
    differences: list[Shape] = [
        {"table": each.table, "id": each.id, "sentence": str(each)} for each in done.divergences
    ]
    if output is Output.JSON:
        emit({**restored, "differences": differences}, (), output)
        return
    emit(restored, _RESTORED, output)
    emit(differences, _DIFFERENCES, output, empty="nothing differs, as far as it can be read")


def _list(directory: Path, times: LocalTimes, output: Output) -> None:
    from tallyd.store.generations import newest_first

    generations = newest_first(path.name for path in directory.glob("*.db"))
    rows: list[Shape] = [
        {
            "generation": each.serial,
            "made_at": each.made_at,
            "bytes": (directory / each.name).stat().st_size,
            "file": directory / each.name,
        }
        for each in generations
    ]
    columns = (
        Column("generation", "generation", justify="right"),
        times.column("made", "made_at"),
        Column("size", "bytes", megabytes, justify="right"),
        Column("file", "file"),
    )
    emit(rows, columns, output, empty="there are no backups")
