"""`python -m simulation`: simulates seeds and tells which of them break an invariant, and how."""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click

from simulation.operator import DAYS
from simulation.verdict import Verdict, judge


@click.command()
@click.option("--seeds", type=click.IntRange(1), help="Simulate so many seeds, from --first on.")
@click.option("--first", type=int, default=1, show_default=True, help="The first of the seeds.")
@click.option("--seed", type=int, help="Simulate this seed alone.")
@click.option("--days", type=float, default=DAYS, show_default=True, help="How long each lasts.")
@click.option("--jobs", type=click.IntRange(1), default=1, help="So many at once.")
@click.option("--verbose", is_flag=True, help="Print the log of each seed.")
def simulation(  # noqa: PLR0913 - each is one option
    *, seeds: int | None, first: int, seed: int | None, days: float, jobs: int, verbose: bool
) -> None:
    """Simulate two weeks of five rooms for each seed; a seed always runs the same."""
    chosen = [seed] if seed is not None else list(range(first, first + (seeds or 1)))
    bad = runs = 0
    took_s = 0.0
    for verdict in _judged(chosen, days, jobs):
        runs += verdict.runs
        took_s += verdict.took_s
        if verbose:
            click.echo("\n".join(verdict.log))
        if verdict.broken:
            bad += 1
            click.echo(_finding(verdict, days))
    click.echo(
        f"{len(chosen)} seeds of {days:g} days, {runs} runs, {took_s / len(chosen):.1f} s a seed: "
        f"{bad} broken"
    )
    sys.exit(1 if bad else 0)


def _judged(seeds: list[int], days: float, jobs: int) -> Iterator[Verdict]:
    if jobs == 1:
        yield from (judge(seed, days) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judge, seeds, [days] * len(seeds))


def _finding(verdict: Verdict, days: float) -> str:
    length = "" if days == DAYS else f" --days {days:g}"
    return "\n  ".join(
        (
            f"seed {verdict.seed} is broken:",
            *verdict.broken,
            f"replay: uv run python -m simulation --seed {verdict.seed}{length} --verbose",
        )
    )


if __name__ == "__main__":
    simulation()
