"""`python -m bench`: runs the rows that are asked for and shows their figures."""

import json
import os
import platform
import time
from collections.abc import Awaitable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio
import click

from bench import (
    arithmetic,
    booking_now,
    channel,
    first_frame,
    herd,
    herd_wire,
    http_lists,
    one_start,
    scale,
    stalls,
    steady,
)
from bench.figures import Row, table


class Measure(Protocol):
    """Measures one thing, less often if `quick`."""

    def __call__(self, *, quick: bool) -> Awaitable[Iterator[Row]]:
        """Give its rows."""
        ...


MEASURES: dict[str, Measure] = {
    "one_start": one_start.measure,
    "herd": herd.measure,
    "herd_wire": herd_wire.measure,
    "scale": scale.measure,
    "stalls": stalls.measure,
    "arithmetic": arithmetic.measure,
    "bookings": steady.bookings,
    "booking_now": booking_now.measure,
    "http": http_lists.measure,
    "idle": steady.idle,
    "first_frame": first_frame.measure,
    "first_frame_herd": first_frame.herd,
    "channel": channel.measure,
}


@click.command()
@click.option("--quick", is_flag=True, help="Measure less often: a look, no statement.")
@click.option(
    "--only",
    type=click.Choice(list(MEASURES)),
    multiple=True,
    help="Measure this alone; may be given again.",
)
@click.option("--minutes", type=float, help="How long channels are on air; default: 30.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path), help="Write the figures there, too."
)
def bench(*, quick: bool, only: tuple[str, ...], minutes: float | None, path: Path | None) -> None:
    """Measure what tallyd promises, on this machine. Other load spoils the figures.

    The table is Markdown, on standard output; what is being measured is told on standard error.
    """
    before = os.getloadavg()[0]
    rows: list[Row] = []
    took_s: dict[str, int] = {}
    measures = {**MEASURES, "channel": partial(channel.measure, minutes=minutes)}
    for name in only or measures:
        click.echo(f"{name} ...", err=True, nl=False)
        begun = time.monotonic()
        rows += anyio.run(_measure, measures[name], quick)
        took_s[name] = round(time.monotonic() - begun)
        click.echo(f" {took_s[name]} s", err=True)
        if path is not None:  # after each: what ends a long run early loses only the rest
            whole = {
                "surroundings": _surroundings(before),
                "took_s": took_s,
                "rows": [asdict(found) for found in rows],
            }
            path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    click.echo(table(rows))
    said = {**_surroundings(before), "took": f"{sum(took_s.values()) / 60:.1f} min"}
    click.echo("\n" + ", ".join(f"{name} {value}" for name, value in said.items()))


def _surroundings(load_before: float) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "load_before": round(load_before, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


async def _measure(measure: Measure, quick: bool) -> list[Row]:  # noqa: FBT001 - anyio.run names none
    return list(await measure(quick=quick))


if __name__ == "__main__":
    bench()
