"""`python -m bench.peers.plain_apscheduler EDGES URL`: one date job for each edge, as most do it.

EDGES holds [[room, start ms, stop ms], …]; URL is that of an SQLAlchemy store, or `memory`. It
prints when the job of each start was called, in ns since 1970, in the order of EDGES.
"""

import json
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import anyio
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from tallyd.domain.window import from_ms

SETTLES_S = 1.0

Edge = tuple[int, int, int]
"""A room, and in ms since 1970 when it is to start and to stop."""

Act = Callable[[int], Coroutine[Any, Any, None]]
"""Does what an edge asks for; it is given the place of the edge."""

_calls: dict[int, int] = {}
_all_called = anyio.Event()
_expected: list[int] = []


async def start(index: int) -> None:
    """Note the call, as a recorder would be started here."""
    _calls[index] = time.time_ns()
    if len(_calls) == len(_expected):
        _all_called.set()


async def stop(_index: int) -> None:
    """Stand for the call that ends a recording."""


async def act_on(edges: list[Edge], url: str, acts: tuple[Act, Act], done: anyio.Event) -> None:
    """Have the scheduler act on every edge, until all is done."""
    store = {"type": "memory"} if url == "memory" else {"type": "sqlalchemy", "url": url}
    scheduler = cast("Any", AsyncIOScheduler)(
        {"apscheduler.jobstores.default": store, "apscheduler.timezone": "UTC"},
        # Its default drops what is more than a second late; that would flatter its figures.
        job_defaults={"misfire_grace_time": None},
    )
    begin, end = acts
    for index, (_, start_ms, stop_ms) in enumerate(edges):
        scheduler.add_job(begin, DateTrigger(from_ms(start_ms)), args=(index,))
        scheduler.add_job(end, DateTrigger(from_ms(stop_ms)), args=(index,))
    scheduler.start()
    await done.wait()
    scheduler.pause()
    await anyio.sleep(SETTLES_S)  # noqa: TID251 - its shutdown cancels what still runs, loudly


async def _serve(edges: list[Edge], url: str) -> None:
    _expected.extend(range(len(edges)))
    await act_on(edges, url, (start, stop), _all_called)


if __name__ == "__main__":
    anyio.run(_serve, json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
    sys.stdout.write(json.dumps([_calls[index] for index in sorted(_calls)]))
