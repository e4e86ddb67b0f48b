"""How late a herd's starts are on the wire: real sockets, stamped by whoever receives them."""

import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.contest import JOBS, NS_PER_MS, TALLYD, Wish, acting_house, built, run_peer
from bench.figures import Row, row
from bench.herd import BOOT_EACH_MS, BOOT_MS, Herd
from bench.wire_driver import Connections

HERD = Herd(500, 40, 4, 6_000)
KEPT: dict[Connections, str] = {"kept": f"p99 <= {HERD.within_ms:g}"}
BOTH: dict[Connections, str] = {**KEPT, "fresh": ""}
"""What is promised with which connections."""


async def measure(*, quick: bool) -> Iterator[Row]:
    """Let both in turn go through the herds; a look takes only the connections that are kept."""
    rows: list[Row] = []
    with built("receiver") as programs:
        for connections, promise in (KEPT if quick else BOTH).items():
            late: dict[str, list[float]] = {TALLYD: [], JOBS: []}
            for _ in range(1 if quick else 2):
                for who, found in late.items():
                    wishes = _wishes(1 if quick else HERD.times)
                    late_ms = await _late_ms(programs["receiver"], who, wishes, connections)
                    found.extend(late_ms)
            name = f"herd of {HERD.size} on the wire, {connections} connections"
            peer = row(f"{name}: {JOBS}", late[JOBS], "")
            rows += [row(f"{name}: tallyd", late[TALLYD], promise).against(peer, JOBS), peer]
    return iter(rows)


def _wishes(times: int) -> list[Wish]:
    boot_ms = BOOT_MS + round(HERD.size * times * BOOT_EACH_MS[TALLYD])
    return HERD.wishes(time.time_ns() // NS_PER_MS + boot_ms, times)


async def _late_ms(
    receiver: Path, who: str, wishes: Sequence[Wish], connections: Connections
) -> list[float]:
    """Give how late the first byte of each judged start was seen by another process."""
    async with _listening(receiver) as devices:
        if who == TALLYD:
            options = f'options = {{ port = {devices.port}, connections = "{connections}" }}'
            async with acting_house(wishes, f'driver = "wire"\n{options}'):
                pass
        else:
            await run_peer("wired_apscheduler", wishes, str(devices.port), connections)
    return [
        devices.told_ns[f"start {number}"] / NS_PER_MS - wish.start
        for number, wish in enumerate(wishes)
        if wish.judged
    ]


@dataclass(frozen=True, slots=True)
class _Devices:
    """Where they listen, and once they have ended when each was told what, in ns."""

    port: int
    told_ns: dict[str, int] = field(default_factory=dict[str, int])


@asynccontextmanager
async def _listening(receiver: Path) -> AsyncIterator[_Devices]:
    with subprocess.Popen(  # noqa: S603, ASYNC220 - our own words, and it is up at once
        (receiver,), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        devices = _Devices(int(process.stdout.readline()))
        try:
            yield devices
        finally:
            process.stdin.close()
            for line in process.stdout:
                at_ns, said = line.split(maxsplit=1)
                # A start that is tried again was on the wire the first time.
                devices.told_ns.setdefault(said.strip(), int(at_ns))
