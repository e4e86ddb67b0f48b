"""What a row of figures is, and how it is shown; nothing is measured here."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one thing measured `n` times, in milliseconds; `promise` is what is aimed at."""

    name: str
    n: int
    p5: float
    p50: float
    p95: float
    lowest: float
    highest: float
    promise: str


def row(name: str, values_ms: Iterable[float], promise: str) -> Row:
    """Sum up what was measured; nothing measured gives a row of `nan`."""
    values = sorted(values_ms) or [math.nan]
    return Row(
        name=name,
        n=0 if math.isnan(values[0]) else len(values),
        p5=_percentile(values, 5),
        p50=_percentile(values, 50),
        p95=_percentile(values, 95),
        lowest=values[0],
        highest=values[-1],
        promise=promise,
    )


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """Give the smallest value that at least so many per cent do not exceed: nothing is invented."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def table(rows: Iterable[Row]) -> str:
    """Give the rows as a table in Markdown."""
    lines = [
        "| measured, in ms | n | p5 | p50 | p95 | min | max | promise |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {r.name} | {r.n} | {r.p5:.1f} | {r.p50:.1f} | {r.p95:.1f} "
        f"| {r.lowest:.1f} | {r.highest:.1f} | {r.promise} |"
        for r in rows
    ]
    return "\n".join(lines)
