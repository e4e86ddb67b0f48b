"""`python -m bench.peers.plain_apscheduler EDGES URL`: one date job for each edge, as most do it.

EDGES holds [[start ms, stop ms], …]; URL is that of an SQLAlchemy store, or `memory`. It prints
when the job of each start was called, in ns since 1970, in the order of EDGES.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any, cast

import anyio
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from tallyd.domain.window import from_ms

SETTLES_S = 1.0

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


async def _serve(edges: list[tuple[int, int]], url: str) -> None:
    _expected.extend(range(len(edges)))
    store = {"type": "memory"} if url == "memory" else {"type": "sqlalchemy", "url": url}
    scheduler = cast("Any", AsyncIOScheduler)(
        {"apscheduler.jobstores.default": store, "apscheduler.timezone": "UTC"},
        # Its default drops what is more than a second late; that would flatter its figures.
        job_defaults={"misfire_grace_time": None},
    )
    for index, (begin, end) in enumerate(edges):
        scheduler.add_job(start, DateTrigger(from_ms(begin)), args=(index,))
        scheduler.add_job(stop, DateTrigger(from_ms(end)), args=(index,))
    scheduler.start()
    await _all_called.wait()
    scheduler.pause()
    await anyio.sleep(SETTLES_S)  # noqa: TID251 - its shutdown cancels what still runs, loudly


if __name__ == "__main__":
    anyio.run(_serve, json.loads(Path(sys.argv[1]).read_text()), sys.argv[2])
    sys.stdout.write(json.dumps([_calls[index] for index in sorted(_calls)]))
