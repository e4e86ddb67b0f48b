"""Playouts of channels that nobody has configured any more: found and ended; no others are."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import anyio
from anyio import to_thread

from tallyd.drivers.ending import ProcessError
from tallyd.drivers.outliving import Outliver
from tallyd.drivers.playout.station import left_on


async def end_strangers(locks: Path, own: Collection[str], say: Callable[..., None]) -> None:
    """Take all channels off the air that an earlier daemon left there and that are not in `own`.

    `locks` has a directory for each target. Without this they would be on air for as long as they
    may be alone, and hold what a channel of another name should publish to.
    """
    async with anyio.create_task_group() as tasks:
        for target, process in await to_thread.run_sync(lambda: list(_strangers(locks, own))):
            tasks.start_soon(_end, target, process, say)


def _strangers(locks: Path, own: Collection[str]) -> Iterator[tuple[str, Outliver]]:
    for directory in locks.glob("channels.*"):
        if directory.name not in own:
            process = left_on(directory.name, directory)
            if process is not None:
                yield directory.name, process


async def _end(target: str, process: Outliver, say: Callable[..., None]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(process.tend)
        try:
            await process.end()
        except ProcessError as error:
            say("feed.failed", target=target, error=str(error))
            tasks.cancel_scope.cancel()
        else:
            say("feed.removed", target=target, pid=int(process.reference.partition("@")[0]))
    process.forget()
