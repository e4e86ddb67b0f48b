"""The daemon of a demo: a real one, a child process that ends with the demo, whatever ends that."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL, STDOUT

import anyio
import anyio.abc
from anyio import to_thread

from tallyd.demo.errors import DemoError
from tallyd.demo.place import Place
from tallyd.state_dir import read_snapshot

READY_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.05
_ENDS_WITHIN_S = 35.0
_LOG_TAIL = 5

Pause = Callable[[float], Awaitable[None]]
"""Waits that many seconds; raises where the demo is to end."""


class DemoDaemon:
    """The running daemon of a place."""

    def __init__(self, process: anyio.abc.Process, place: Place) -> None:
        self._process = process
        self._place = place

    async def until_ready(self, run_dir: Path, pause: Pause) -> None:
        """Wait until it executes schedules.

        Raises:
            DemoError: it ended, or is not ready in time.
        """
        try:
            with anyio.fail_after(READY_WITHIN_S):
                while not await self._is_ready(run_dir):
                    await self.make_sure_it_runs()
                    await pause(_LOOK_EVERY_S)
        except TimeoutError:
            raise await self._failure(f"is not ready after {READY_WITHIN_S:g} s") from None

    async def make_sure_it_runs(self) -> None:
        """Do nothing while it runs.

        Raises:
            DemoError: it has ended.
        """
        status = self._process.returncode
        if status is not None:
            raise await self._failure(f"ended by itself with status {status}")

    async def end(self) -> None:
        """End it and all that it records; whoever cancels this waits for it all the same."""
        if self._process.returncode is None:
            self._process.terminate()
        with anyio.move_on_after(_ENDS_WITHIN_S, shield=True):
            await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            with anyio.CancelScope(shield=True):
                await self._process.wait()
            raise await self._failure(f"did not end within {_ENDS_WITHIN_S:g} s and was killed")

    async def _is_ready(self, run_dir: Path) -> bool:
        snapshot = await to_thread.run_sync(read_snapshot, run_dir) or {}
        return snapshot.get("pid") == self._process.pid and snapshot.get("ready") is True

    async def _failure(self, what: str) -> DemoError:
        log = self._place.daemon_log
        said = await to_thread.run_sync(_last_lines, log)
        return DemoError("\n  ".join([f"the daemon {what}; {log} ends with:", *said]))


def _last_lines(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL:]
    except OSError as error:
        return [f"(it cannot be read: {error.strerror})"]


@asynccontextmanager
async def running_daemon(place: Place) -> AsyncGenerator[DemoDaemon]:
    """Run the daemon of `place` while inside.

    Raises:
        DemoError: it cannot be started.
    """
    command = [sys.executable, "-m", "tallyd", "--config", str(place.config.absolute()), "run"]
    try:
        async with await anyio.open_file(place.daemon_log, "xb") as log:
            process = await anyio.open_process(
                command,
                stdin=DEVNULL,
                stdout=log.wrapped,
                stderr=STDOUT,
                # What a terminal sends to all that it runs is the demo's to pass on.
                start_new_session=True,
            )
    except OSError as error:
        raise DemoError(f"the daemon cannot be started: {error}") from error
    daemon = DemoDaemon(process, place)
    try:
        yield daemon
    finally:
        await daemon.end()
