"""The process that keeps one channel on air: told by whoever starts it, ended by whoever asks.

It is started as a module, with a line in its arguments by which it is found again.
"""

import os
import signal
import sys
from pathlib import Path

import anyio

from tallyd.clock import SystemClock
from tallyd.drivers.playout.control import Control
from tallyd.drivers.playout.sources import NoSourceError
from tallyd.drivers.playout.studio import Studio
from tallyd.drivers.playout.wire import Brief
from tallyd.ports.drivers import GiveUpError

NO_PICTURE = 1


def main() -> int:
    """Read the brief from standard input and be on air; gives the exit status."""
    brief = Brief.model_validate_json(sys.stdin.buffer.read())
    try:
        anyio.run(_run, brief)
    except (NoSourceError, GiveUpError) as error:
        sys.stderr.write(f"{error}\n")
        return NO_PICTURE
    return 0


async def _run(brief: Brief) -> None:
    clock = SystemClock()
    Path(brief.directory).mkdir(mode=0o750, parents=True, exist_ok=True)  # noqa: ASYNC240 - nothing is on air yet
    directory = os.open(brief.directory, os.O_RDONLY | os.O_DIRECTORY)
    studio = Studio(brief, clock)
    failures: list[NoSourceError] = []
    try:
        async with anyio.create_task_group() as tasks:
            director = await tasks.start(studio.on_air)
            control = Control(studio, director, clock, brief.digest)
            tasks.start_soon(control.serve, directory)
            tasks.start_soon(_heed_signals, tasks.cancel_scope)
            await control.until_the_end(brief.options.alone_max_s)
            tasks.cancel_scope.cancel()
    except* NoSourceError as group:
        failures += [error for error in group.exceptions if isinstance(error, NoSourceError)]
    for failure in failures:
        raise failure


async def _heed_signals(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


if __name__ == "__main__":
    sys.exit(main())
