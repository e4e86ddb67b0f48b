"""How late the last of many is that start at one instant, half of them back to back."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.contest import JOBS, NS_PER_MS, STORED_JOBS, TALLYD, Contest, Wish, contest
from bench.figures import Row, row


@dataclass(frozen=True, slots=True)
class Herd:
    """So many targets start at one instant, every so often."""

    size: int
    within_ms: float
    times: int
    every_ms: int

    @property
    def name(self) -> str:
        """What its rows are called."""
        return f"herd of {self.size:,}"

    def wishes(self, opening_ms: int, times: int) -> list[Wish]:
        """Give the herds' starts; the second half of the targets records until each of them."""
        wishes: list[Wish] = []
        length_ms, before_ms = self.every_ms // 6, self.every_ms // 2
        for turn in range(times):
            at = opening_ms + turn * self.every_ms
            wishes += (Wish(room, at, at + length_ms) for room in range(self.size))
            late_half = range(self.size // 2, self.size)
            wishes += (Wish(room, at - before_ms, at, judged=False) for room in late_half)
        return wishes


LOOKED_AT = Herd(500, 12, 4, 6_000)
LARGE = Herd(2_000, 45, 3, 10_000)
HERDS = (Herd(1, 0.3, 10, 2_400), Herd(200, 5, 4, 5_000), LOOKED_AT, LARGE)
"""In full, each is gone through so many times, twice; a look goes through one of them once."""

STORED_TIMES = 2
"""It takes a job that is stored 12 ms to be added: fewer herds, and none of the large one."""

BOOT_MS = 6_000
BOOT_EACH_MS = {TALLYD: 2.5, JOBS: 2.5, STORED_JOBS: 40}
"""What it takes to come up, and what more for each start."""


async def measure(*, quick: bool) -> Iterator[Row]:
    """Let everyone in turn go through herds of a size."""
    rows: list[Row] = []
    with contest() as judge:
        for herd in (LOOKED_AT,) if quick else HERDS:
            late = await (_look(judge, herd) if quick else _full(judge, herd))
            peers = {who: row(f"{herd.name}: {who}", late[who], "") for who in late}
            own = row(f"{herd.name}: tallyd", late[TALLYD], f"p99 <= {herd.within_ms:g}")
            del peers[TALLYD]
            for who, peer in peers.items():
                own = own.against(peer, who)
            rows += [own, *peers.values()]
    shares = [share * 100 for share in judge.under_deadline]
    return iter([*rows, row("herds: calls under a deadline of their own", shares, "100", "%")])


async def _full(judge: Contest, herd: Herd) -> dict[str, list[float]]:
    late: dict[str, list[float]] = {TALLYD: [], JOBS: []}
    if herd is not LARGE:
        late[STORED_JOBS] = []
    for _ in range(2):
        for who, found in late.items():
            times = min(herd.times, STORED_TIMES) if who == STORED_JOBS else herd.times
            found.extend(await _late_ms(judge, herd, who, times))
    return late


async def _look(judge: Contest, herd: Herd) -> dict[str, list[float]]:
    return {who: await _late_ms(judge, herd, who, 1) for who in (TALLYD, JOBS)}


async def _late_ms(judge: Contest, herd: Herd, who: str, times: int) -> list[float]:
    boot_ms = BOOT_MS + round(herd.size * times * BOOT_EACH_MS[who])
    return await judge.late_ms(who, herd.wishes(time.time_ns() // NS_PER_MS + boot_ms, times))
