"""How late a single start is after the whole program has idled for a while."""

import time
from collections.abc import Iterator

from bench.contest import EVERYONE, FLOOR, JOBS, POLLING, TALLYD, Wish, at_once, contest
from bench.figures import Row, row

FULL = ((5, 8, 25), (60, 8, 5), (600, 8, 1))
QUICK = ((5, 4, 5), (60, 4, 1))
"""Seconds of idling, lanes of everyone, starts in each lane."""

BOOT_S = 3
"""What it takes a lane to come up while others do."""

LENGTH_MS = 50
PROMISE = "p50 within 1, max within 5 of C"


async def measure(*, quick: bool) -> Iterator[Row]:
    """Let all idle beside one another, each lane starting at instants of its own."""
    rows: list[Row] = []
    with contest() as judge:
        for idle_s, lanes, times in QUICK if quick else FULL:
            late = await at_once(judge, _wishes(idle_s, lanes, times))
            rows += _rows(f"one_start after {idle_s} s", late)
    return iter(rows)


def _wishes(idle_s: int, lanes: int, times: int) -> dict[tuple[str, int], list[Wish]]:
    every = [(who, lane) for lane in range(lanes) for who in EVERYONE]
    apart_ms = idle_s * 1000 / len(every)
    opening_ms = time.time_ns() // 10**6 + lanes * BOOT_S * 1000 + idle_s * 1000
    return {
        own: [
            Wish(
                0,
                start := round(opening_ms + place * apart_ms) + turn * idle_s * 1000 + turn,
                start + LENGTH_MS,
            )
            for turn in range(times)
        ]
        for place, own in enumerate(every)
    }


def _rows(name: str, late: dict[str, list[float]]) -> Iterator[Row]:
    own = row(f"{name}: tallyd", late[TALLYD], PROMISE)
    peers = {who: row(f"{name}: {who}", late[who], "") for who in EVERYONE if who != TALLYD}
    for who in (FLOOR, JOBS, POLLING):
        own = own.against(peers[who], who)
    yield own
    yield from peers.values()
