"""`python -m bench`: runs the rows that are asked for and shows their figures."""

import json
import os
import platform
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import anyio
import click

from bench import arithmetic, booking_now, first_frame, herd, one_start, scale, steady
from bench.figures import Row, table


class Measure(Protocol):
    """Measures one thing, less often if `quick`."""

    def __call__(self, *, quick: bool) -> Awaitable[Iterator[Row]]:
        """Give its rows."""
        ...


MEASURES: dict[str, Measure] = {
    "arithmetic": arithmetic.measure,
    "booking_now": booking_now.measure,
    "bookings": steady.bookings,
    "first_frame": first_frame.measure,
    "first_frame_herd": first_frame.herd,
    "herd": herd.measure,
    "idle": steady.idle,
    "one_start": one_start.measure,
    "scale": scale.measure,
}


@click.command()
@click.option("--quick", is_flag=True, help="Measure less often: a look, no statement.")
@click.option("--only", type=click.Choice(list(MEASURES)), help="Measure this alone.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path), help="Write the figures there, too."
)
def bench(*, quick: bool, only: str | None, path: Path | None) -> None:
    """Measure what tallyd promises, on this machine. Other load spoils the figures."""
    chosen = [MEASURES[only]] if only else list(MEASURES.values())
    before = os.getloadavg()[0]
    rows = [found for measure in chosen for found in anyio.run(_call(measure, quick=quick))]
    surroundings = {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "load_before": round(before, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }
    click.echo(table(rows))
    click.echo("\n" + ", ".join(f"{name} {value}" for name, value in surroundings.items()))
    if path is not None:
        whole = {"surroundings": surroundings, "rows": [asdict(found) for found in rows]}
        path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def _call(measure: Measure, *, quick: bool) -> Callable[[], Awaitable[Iterator[Row]]]:
    async def call() -> Iterator[Row]:
        return await measure(quick=quick)

    return call


if __name__ == "__main__":
    bench()
