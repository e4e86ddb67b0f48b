"""How late the last of many is that start at one instant, half of them back to back."""

import time
from collections.abc import Iterator

from bench.contest import JOBS, STORED_JOBS, TALLYD, Wish, contest
from bench.figures import Row, row

SIZES = {1: 0.3, 200: 5, 500: 12, 2000: 45}
"""Targets, and within how many ms the calls of 99 % of them are to come."""

FULL, QUICK = 5, 1
"""Herds of each size that everyone goes through."""

STORED_AT_MOST = 500
"""It takes a job that is stored 12 ms to be added."""

EVERY_MS = 10_000
BEFORE_MS = 3_000
LENGTH_MS = 1_000
BOOT_MS = 9_000
BOOT_EACH_MS = {TALLYD: 4, JOBS: 4, STORED_JOBS: 40}
"""What it takes to come up, and what more for each start."""


async def measure(*, quick: bool) -> Iterator[Row]:
    """Let everyone in turn go through herds of a size."""
    rows: list[Row] = []
    with contest() as judge:
        for size, within_ms in SIZES.items():
            late: dict[str, list[float]] = {TALLYD: [], JOBS: []}
            if size <= STORED_AT_MOST:
                late[STORED_JOBS] = []
            for _ in range(1 if quick else 2):
                for who in late:
                    late[who] += await judge.late_ms(
                        who, _wishes(who, size, QUICK if quick else FULL)
                    )
            peers = [row(f"herd of {size}: {who}", late[who], "") for who in list(late)[1:]]
            own = row(f"herd of {size}: tallyd", late[TALLYD], f"p99 <= {within_ms:g}")
            rows += [own.against(peers[0], JOBS), *peers]
    return iter(rows)


def _wishes(who: str, size: int, times: int) -> list[Wish]:
    opening = time.time_ns() // 10**6 + BOOT_MS + size * times * BOOT_EACH_MS[who]
    wishes: list[Wish] = []
    for turn in range(times):
        at = opening + turn * EVERY_MS
        wishes += (Wish(room, at, at + LENGTH_MS) for room in range(size))
        # The second half records until then.
        wishes += (Wish(room, at - BEFORE_MS, at, judged=False) for room in range(size // 2, size))
    return wishes
