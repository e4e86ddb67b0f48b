"""What many schedules cost: to boot with them, to report on them, to plan anew after one change."""

import math
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise, starmap
from pathlib import Path

from bench import samples
from bench.figures import Row, row
from bench.house import House, house
from tallyd.domain.window import Window
from tallyd.reports import Reports

FULL, QUICK = (1_000, 10_000, 100_000), (1_000, 10_000)
BOOTS_FULL, BOOTS_QUICK = 3, 2
REPORTS = {1_000: 3, 10_000: 3, 100_000: 1}
"""How often each house is reported on: the largest takes most of a minute."""

REPORTED = timedelta(days=90)
CHANGES_FULL, CHANGES_QUICK = 40, 10
APART_S = 0.31
SPARE = {"spare": 'driver = "simulated"'}
LENGTH = timedelta(milliseconds=50)
BOOT_S = {1_000: "", 10_000: "<= 2", 100_000: "<= 15"}
MEMORY_MB = {1_000: "", 10_000: "<= 150", 100_000: "<= 600"}
REPORT_S = {1_000: "", 10_000: "<= 3", 100_000: ""}


async def measure(*, quick: bool) -> Iterator[Row]:
    """Fill house after house, each ten times as full as the last."""
    rows: list[Row] = []
    reports: list[Row] = []
    for count in QUICK if quick else FULL:
        async with house({**samples.rooms(count), **SPARE}) as made:
            await made.book(samples.drafts(count, made.clock.now()))
            rows += await _boots(made, count, BOOTS_QUICK if quick else BOOTS_FULL)
            rows.append(await _changes(made, count, CHANGES_QUICK if quick else CHANGES_FULL))
            reports.append(await _report(made, count))
    return iter([*rows, *reports, *starmap(_growth, pairwise(reports))])


async def _boots(made: House, count: int, times: int) -> list[Row]:
    ready_s: list[float] = []
    memory_mb: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        async with made.daemon() as daemon:
            ready_s.append(time.perf_counter() - begun)
            memory_mb.append(_peak_mb(daemon.pid))
    return [
        row(f"boot with {count:,}: process begins -> READY", ready_s, BOOT_S[count], "s"),
        row(f"boot with {count:,}: peak memory", memory_mb, MEMORY_MB[count], "MB"),
    ]


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


async def _changes(made: House, count: int, times: int) -> Row:
    sent_ns: dict[str, int] = {}
    async with made.daemon():
        for number in range(times):
            name = f"change {number}"
            sent_ns[name] = await made.book_now("spare", name, LENGTH)
            await made.clock.sleep(APART_S)
    called_ns = {call.name: call.called_ns for call in made.calls()}
    took_ms = [(called_ns[name] - at) / 1e6 for name, at in sent_ns.items()]
    return row(f"replan at {count:,}: nudge -> driver called", took_ms, "<= 20")


async def _report(made: House, count: int) -> Row:
    reports = Reports(made.store, made.clock)
    start = samples.opening(made.clock.now())
    took_s: list[float] = []
    for _ in range(REPORTS[count]):
        begun = time.perf_counter()
        await reports.plan(Window(start, start + REPORTED))
        took_s.append(time.perf_counter() - begun)
    return row(f"plan_90 over {count:,}", took_s, REPORT_S[count], "s")


def _growth(small: Row, large: Row) -> Row:
    """Give the exponent of growth: 1 is in proportion to the number of schedules."""
    exponent = math.log10(large.p50 / small.p50)
    name = f"plan_90: growth to {large.name.removeprefix('plan_90 over ')}"
    return row(name, [exponent], "<= 1.15", "exponent")
