"""What a row of figures is, and how it is shown; nothing is measured here."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one thing measured `n` times, in `unit`; `promise` is what is aimed at.

    `ratio` sets its median against those of peers of the same run.
    """

    name: str
    n: int
    p5: float
    p50: float
    p95: float
    p99: float
    p999: float
    lowest: float
    highest: float
    promise: str
    unit: str = "ms"
    ratio: str = ""

    def against(self, peer: "Row", name: str) -> "Row":
        """Give the row with its ratio to a peer's; more than one after the other if asked again."""
        said = f"{_short(self.p50 / peer.p50)} x {name}" if peer.p50 else ""
        return replace(self, ratio=", ".join(filter(None, (self.ratio, said))))

    def beyond(self, floor: "Row", name: str) -> "Row":
        """Give the row with what its median and its worst are more than those of the limit."""
        p50, worst = self.p50 - floor.p50, self.highest - floor.highest
        said = f"p50 {p50:+.3f} and max {worst:+.3f} {self.unit} beyond {name}"
        return replace(self, ratio=", ".join(filter(None, (self.ratio, said))))


def row(name: str, values: Iterable[float], promise: str, unit: str = "ms") -> Row:
    """Sum up what was measured; nothing measured gives a row of `nan`."""
    ordered = sorted(values) or [math.nan]
    return Row(
        name=name,
        n=0 if math.isnan(ordered[0]) else len(ordered),
        p5=_percentile(ordered, 5),
        p50=_percentile(ordered, 50),
        p95=_percentile(ordered, 95),
        p99=_percentile(ordered, 99),
        p999=_percentile(ordered, 99.9),
        lowest=ordered[0],
        highest=ordered[-1],
        promise=promise,
        unit=unit,
    )


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """Give the smallest value that at least so many per cent do not exceed: nothing is invented."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def table(rows: Iterable[Row]) -> str:
    """Give the rows as a table in Markdown."""
    figured = ("n", "p5", "p50", "p95", "p99", "p99.9", "min", "max")
    heads = ("measured", "unit", *figured, "p50 against", "promise")
    lines = [f"| {' | '.join(heads)} |", f"|---|---|{'--:|' * len(figured)}---|---|"]
    for r in rows:
        figures = (r.p5, r.p50, r.p95, r.p99, r.p999, r.lowest, r.highest)
        cells = (r.name, r.unit, str(r.n), *map(_short, figures), r.ratio, r.promise)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    """Give three digits that mean something."""
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3}f}"  # noqa: PLR2004 - powers of ten
