"""How `tallyd demo` shows what goes on: a live table on a terminal, else a line for each change."""

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tallyd.cli.tables import time_of_day
from tallyd.demo.picture import Standing

if TYPE_CHECKING:
    from rich.table import Table

_BAR = 6


@contextmanager
def showing(*, err: bool) -> Generator[Callable[[datetime, Sequence[Standing]], None]]:
    """Give what shows a picture of the demo on stdout, or on stderr."""
    # A dumb terminal cannot go back to a line to draw it anew.
    if not (sys.stderr if err else sys.stdout).isatty() or os.environ.get("TERM") == "dumb":
        yield _Lines(err=err).show
        return
    from rich.console import Console
    from rich.live import Live

    # Drawn only on a new picture; the report takes its place.
    with Live(console=Console(stderr=err), auto_refresh=False, transient=True) as live:
        yield lambda _now, picture: live.update(_table(picture), refresh=True)


class _Lines:
    """Prints an act when its state changes."""

    def __init__(self, *, err: bool) -> None:
        self._err = err
        self._said: dict[str, str] = {}

    def show(self, now: datetime, picture: Sequence[Standing]) -> None:
        for each in picture:
            before = self._said.get(each.act.name)
            if before != each.state:
                self._said[each.act.name] = each.state
                what = each.state if before else f"{each.state}: {_plan(each)}, {each.verdict}"
                line = f"{now:%H:%M:%S}  {each.act.place:<6}  {each.act.name:<10}  {what}"
                click.echo(line, err=self._err)


def _plan(each: Standing) -> str:
    return f"{time_of_day(each.window.start)}-{time_of_day(each.window.stop)}"


def _table(picture: Sequence[Standing]) -> "Table":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    # Without a box it fits a terminal of 80 columns.
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("where", "schedule", "start", "verdict", "", "done", "now"):
        table.add_column(title, no_wrap=True)
    for each in picture:
        recorded, due = each.recorded.total_seconds(), each.due.total_seconds()
        table.add_row(
            each.act.place,
            each.act.name,
            f"{each.window.start:%H:%M:%S}",
            each.verdict,
            ProgressBar(total=due or 1, completed=recorded, width=_BAR),
            f"{recorded:.1f} of {due:.0f} s",
            each.state,
        )
    return table
