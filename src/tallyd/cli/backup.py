"""`tallyd backup`: a copy of the database as it is now, beside a running daemon or without."""

from pathlib import Path

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_obj
def backup(invocation: Invocation, file: Path | None, output: Output) -> None:
    """Back the database up now, among the daemon's own backups or into a new FILE."""
    from tallyd.app.rescue import export_backup, make_backup
    from tallyd.clock import SystemClock
    from tallyd.state_dir import StateDir

    state = StateDir(invocation.settings().appliance.state_dir)
    if file is None:
        generation = make_backup(state, SystemClock().now)
        made = {"generation": generation.serial, "file": state.backups / generation.name}
    else:
        export_backup(state, file, SystemClock().now)
        made = {"generation": None, "file": file.absolute()}
    emit(made, (Column("generation", "generation"), Column("backup", "file")), output)
