"""Publications: one ffmpeg each, fed by a pipe, started anew when it ends. Nothing is decided.

Each has a process of its own: a server that is gone or hangs costs its own publication only.
"""

import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf

import anyio

from tallyd.drivers.playout.director import Out
from tallyd.drivers.playout.encoding import Command
from tallyd.drivers.playout.options import Output, OutputKind
from tallyd.drivers.playout.processes import Piped, spawn_reader
from tallyd.drivers.playout.sources import Around

WAITING_S = 4.0
"""A publication that takes nothing for so long is started anew."""

_AGAIN_AFTER_S = (0.1, 0.5, 1.0, 1.5)
_STEADY_AFTER_S = 10.0
_MOST_WAITING = 400
_ENDS_WITHIN_S = 2.0

LASTS_S = {OutputKind.RTMP: 24 * 86_400.0, OutputKind.RTMPS: 24 * 86_400.0}
"""How long one publication goes on; others have no end.

ffmpeg counts the milliseconds of FLV in 31 bits, which are 24.8 days: servers and viewers that see
them begin anew lose more than by a publication that does.
"""


MakeCommand = Callable[[Output], Awaitable[Command]]
"""Gives what publishes to an output; that may take a moment."""


class RecentOut:
    """What went out since the last picture that a viewer can begin with."""

    def __init__(self) -> None:
        self._since: list[Out] = []

    def add(self, out: Out) -> None:
        """Take in what goes out."""
        if out.entry:
            self._since.clear()
        if out.entry or self._since:
            self._since.append(out)

    @property
    def all(self) -> Sequence[Out]:
        """Give it, in order."""
        return tuple(self._since)


@dataclass(slots=True)
class Standing:
    """How a publication stands: since when it runs, how often it was begun, what ended it last."""

    shown: str
    since_s: float | None = None
    begun: int = 0
    trouble: str | None = None
    pid: int | None = None


class Publication:
    """One output of a channel, for as long as the channel is on; `run` keeps it up."""

    def __init__(
        self, output: Output, make: MakeCommand, recent: RecentOut, around: Around
    ) -> None:
        self.standing = Standing(output.shown)
        self._output = output
        self._make = make
        self._recent = recent
        self._around = around
        self._waiting: deque[bytes] = deque()
        self._comes = anyio.Event()
        self._takes = False
        self._hangs = False
        self._why: str | None = None
        self._most = _MOST_WAITING
        self._lasts_s = LASTS_S.get(output.kind, inf)

    def put(self, out: Out) -> None:
        """Send what goes out; what cannot be sent is lost to this publication alone."""
        if self._takes:
            self._waiting.append(out.data)
            self._comes.set()

    async def run(self) -> None:
        """Keep the publication up until cancelled."""
        tries = 0
        command = await self._make(self._output)
        while True:
            begun_s = self._around.clock.monotonic()
            try:
                await self._publish(command)
            except Exception as error:  # noqa: BLE001 - the fence: one must not end the others
                self.standing.trouble = f"failed: {error!r}"
            lasted_s = self._around.clock.monotonic() - begun_s
            tries = 0 if lasted_s > _STEADY_AFTER_S else tries + 1
            await self._around.clock.sleep(_AGAIN_AFTER_S[min(tries, len(_AGAIN_AFTER_S) - 1)])

    async def _publish(self, command: Command) -> None:
        try:
            process = await spawn_reader(command, self._around.limiter)
        except OSError as error:
            self.standing.trouble = f"cannot be run: {error.strerror}"
            return
        self._begin(process)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_with, process, tasks.cancel_scope)
                await self._feed(process)
                tasks.cancel_scope.cancel()
        finally:
            self._takes = False
            self.standing.since_s = None
            self.standing.pid = None
            with anyio.CancelScope(shield=True):
                await self._end(process)

    def _begin(self, process: Piped) -> None:
        self._waiting = deque(out.data for out in self._recent.all)
        self._most = len(self._waiting) + _MOST_WAITING
        self._takes, self._hangs, self._why = True, False, None
        self.standing.begun += 1
        self.standing.since_s = self._around.clock.monotonic()
        self.standing.pid = process.pid

    async def _feed(self, process: Piped) -> None:
        until_s = self._around.clock.monotonic() + self._lasts_s
        while True:
            while not self._waiting:
                self._comes = anyio.Event()
                await self._comes.wait()
            with anyio.move_on_after(WAITING_S) as patience:
                await anyio.wait_writable(process.fd)
            if patience.cancelled_caught or len(self._waiting) > self._most:
                self._hangs, self._why = True, f"it took nothing for {WAITING_S:g} s"
                return
            if self._around.clock.monotonic() > until_s:
                self._why = (
                    f"it was begun anew after {self._lasts_s / 86_400:g} days, as it must be"
                )
                return
            data = self._waiting.popleft()
            try:
                sent = os.write(process.fd, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return  # it has ended, and says why
            if sent < len(data):
                self._waiting.appendleft(data[sent:])

    async def _end_with(self, process: Piped, scope: anyio.CancelScope) -> None:
        await process.wait()
        scope.cancel()

    async def _end(self, process: Piped) -> None:
        process.close()
        if not self._hangs:
            with anyio.move_on_after(_ENDS_WITHIN_S):
                await process.wait()
        await process.kill()
        self.standing.trouble = self._why or process.last_words() or "it ended"
