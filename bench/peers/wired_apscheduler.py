"""`python -m bench.peers.wired_apscheduler EDGES PORT CONNECTIONS`: its jobs tell devices over TCP.

EDGES and the scheduler are those of `plain_apscheduler`, in memory; PORT and CONNECTIONS are those
of the recorder `wire`, whose lines it uses. The device notes when it is told, and not this program.
"""

import json
import sys
from pathlib import Path
from typing import cast

import anyio

from bench.peers.plain_apscheduler import Edge, act_on
from bench.wire_driver import Connections, Line


async def _serve(edges: list[Edge], port: int, connections: Connections) -> None:
    lines = {room: Line(port, connections) for room, _, _ in edges}
    told: list[int] = []
    all_told = anyio.Event()

    async def start(index: int) -> None:
        await lines[edges[index][0]].say(f"start {index}")
        told.append(index)
        if len(told) == len(edges):
            all_told.set()

    async def stop(index: int) -> None:
        await lines[edges[index][0]].say(f"stop {index}")

    async with anyio.create_task_group() as tasks:
        for line in lines.values():
            tasks.start_soon(line.keep_open)
        for line in lines.values():
            await line.opened.wait()
        await act_on(edges, "memory", (start, stop), all_told)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    wanted = cast("Connections", sys.argv[3])
    anyio.run(_serve, json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]), wanted)
