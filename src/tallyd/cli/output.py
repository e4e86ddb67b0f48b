"""Puts results on stdout: a table on a terminal, plain columns in a pipe, JSON where asked."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

import click

from tallyd.notation.plain import plain
from tallyd.notation.text import instant_text, visible

Row = Mapping[str, object]


class Output(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    JSON = "json"


def cell(value: object) -> str:
    """Write one value for people: nothing for None, instants as UTC, lists with commas."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return instant_text(value)
        case list() | tuple():
            return ", ".join(map(cell, cast("Sequence[object]", value)))
        case _:
            return visible(str(value))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its title, the key of its values, and how one of them is written."""

    title: str
    key: str
    show: Callable[[Any], str] = cell
    justify: Literal["left", "right"] = "left"


json_option = click.option(
    "--json",
    "output",
    flag_value=Output.JSON,
    default=Output.TEXT,
    type=click.UNPROCESSED,
    help="Print JSON: times in UTC, ISO 8601.",
)
"""The option `--json` of every report; the command gets it as `output: Output`."""


def emit(
    result: Sequence[Row] | Row,
    columns: Sequence[Column],
    output: Output,
    empty: str = "nothing to show",
) -> None:
    """Print rows, or one thing by its keys, on stdout; `empty` says on stderr that there are none.

    JSON has every key of every row; a table has the `columns` alone.
    """
    if output is Output.JSON:
        click.echo(to_json(result))
        return
    if isinstance(result, Mapping):
        lines = [(column.title, _text(column, result)) for column in columns]
        _columns(("", ""), lines, ("left", "left"))
    elif not result:
        click.echo(empty, err=True)
    else:
        titles = tuple(column.title for column in columns)
        rows = [tuple(_text(column, row) for column in columns) for row in result]
        _columns(titles, rows, tuple(column.justify for column in columns))


def to_json(result: object) -> str:
    """Write a result as JSON, all ASCII: no terminal and no encoding can stumble over it.

    Raises:
        TypeError: a value has no one way to be written, such as a duration: give `*_ms` integers.
    """
    return json.dumps(plain(result), indent=2, allow_nan=False)


def _text(column: Column, row: Row) -> str:
    value = row.get(column.key)
    return "" if value is None else visible(column.show(value))


def _columns(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    justify: Sequence[Literal["left", "right"]],
) -> None:
    if sys.stdout.isatty():
        _table(titles, rows, justify)
        return
    lines = [titles, *rows] if any(titles) else list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (
            text.rjust(width) if side == "right" else text.ljust(width)
            for text, width, side in zip(line, widths, justify, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    justify: Sequence[Literal["left", "right"]],
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if any(titles) else None, show_header=any(titles))
    for title, side in zip(titles, justify, strict=True):
        table.add_column(title, justify=side, overflow="fold")
    for row in rows:
        # Text, not str: a name may look like rich's markup.
        table.add_row(*map(Text, row))
    Console().print(table)
