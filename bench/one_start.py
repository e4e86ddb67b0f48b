"""How late a single start is after the whole program has idled for a while."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import anyio

from bench.contest import (
    EVERYONE,
    FLOOR,
    JOBS,
    NS_PER_MS,
    POLLING,
    STORED_JOBS,
    TALLYD,
    Wish,
    at_once,
    contest,
)
from bench.figures import Row, row
from tallyd.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Idling:
    """So many lanes of everyone, each idle for so long before each of its starts."""

    idle_s: int
    lanes: int
    times: int

    @property
    def name(self) -> str:
        """What its rows are called."""
        return f"one_start after {self.idle_s} s"

    @property
    def boot_s(self) -> int:
        """What it takes the lanes to come up: that is over before any of them has a start."""
        return self.lanes * BOOT_S

    def wishes(self) -> dict[tuple[str, int], list[Wish]]:
        """Give each lane its starts, each at an instant of its own."""
        every = [(who, lane) for lane in range(self.lanes) for who in EVERYONE]
        idle_ms = self.idle_s * 1000
        apart_ms = min(idle_ms / len(every), APART_AT_MOST_MS)
        opening_ms = time.time_ns() // NS_PER_MS + self.boot_s * 1000 + idle_ms
        return {
            own: [
                Wish(
                    0,
                    start := round(opening_ms + place * apart_ms) + turn * idle_ms + turn,
                    start + LENGTH_MS,
                )
                for turn in range(self.times)
            ]
            for place, own in enumerate(every)
        }


FULL_LONG = Idling(600, 8, 1)
FULL = (Idling(60, 8, 5), Idling(5, 8, 25))
QUICK = (Idling(5, 2, 2),)

BOOT_S = 3
APART_AT_MOST_MS = 1_500
LENGTH_MS = 50
PROMISE = {
    5: "p50 within 1, max within 5 of C",
    60: "p50 within 1, max within 5 of C; 0.05 x APScheduler",
    600: "p50 within 1, max within 5 of C",
}


async def measure(*, quick: bool) -> Iterator[Row]:
    """Let all idle beside one another; who idles long does so while the others have their turns."""
    late: dict[Idling, dict[str, list[list[float]]]] = {}
    with contest() as judge:

        async def run(idling: Idling) -> None:
            late[idling] = await at_once(judge, idling.wishes())

        async with anyio.create_task_group() as tasks:
            if not quick:
                tasks.start_soon(run, FULL_LONG)
                # Processes that come up fight for the processor.
                await SystemClock().sleep(FULL_LONG.boot_s)
            for idling in QUICK if quick else FULL:
                await run(idling)
    ordered = sorted(late, key=lambda idling: idling.idle_s)
    return (line for idling in ordered for line in _rows(idling, late[idling]))


def _rows(idling: Idling, late: Mapping[str, list[list[float]]]) -> Iterator[Row]:
    rows = {
        who: row(f"{idling.name}: {who}", (ms for lane in late[who] for ms in lane), "")
        for who in EVERYONE
    }
    own = row(
        f"{idling.name}: tallyd",
        (ms for lane in late[TALLYD] for ms in lane),
        PROMISE[idling.idle_s],
    ).beyond(rows[FLOOR], "C")
    for who in (FLOOR, JOBS, STORED_JOBS, POLLING):
        own = own.against(rows[who], who)
    yield own
    if idling.times > 1:
        first = f"{idling.name}: tallyd, first of a daemon"
        yield row(first, (lane[0] for lane in late[TALLYD]), "")
        rest = f"{idling.name}: tallyd, all but the first"
        yield row(rest, (ms for lane in late[TALLYD] for ms in lane[1:]), "")
    yield from (rows[who] for who in EVERYONE if who != TALLYD)
