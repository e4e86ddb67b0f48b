"""One running ffmpeg, from the spawn to a finished file; schedules are not known here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import anyio
import anyio.to_thread

from tallyd.domain.model import EndReason, Reason
from tallyd.drivers.ffmpeg.diagnosis import diagnose, last_words
from tallyd.drivers.ffmpeg.progress import Progress
from tallyd.drivers.ffmpeg.sources import Source
from tallyd.drivers.files import FileError, Reservation, discard, finish
from tallyd.drivers.process import END_BOUND_S, Child, ProcessError, spawn_child
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import (
    BackgroundTask,
    DriverError,
    Observation,
    SessionState,
    StartOrder,
    TryAgainError,
)

SILENT_AFTER = timedelta(seconds=3)
"""A session without progress for so long is shown as silent."""

FIRST_REPORT_BOUND_S = 2.0
CLOSE_BOUND_S = FIRST_REPORT_BOUND_S + END_BOUND_S
"""The longest that `close` may take, but for the disk."""

_GRACEFUL = frozenset({0, 255})
"""How an ffmpeg exits that was asked to end and wrote its file to the end."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session needs of the driver that it belongs to; `limiter` bounds its threads."""

    clock: Clock
    spawn: Callable[[BackgroundTask], None]
    limiter: anyio.CapacityLimiter


class Session:
    """One ffmpeg that records one part into one file: `open` it once, then `close` it."""

    def __init__(
        self, order: StartOrder, source: Source, file: Reservation, around: Surroundings
    ) -> None:
        self._order = order
        self._source = source
        self._file = file
        self._around = around
        self._child: Child | None = None
        self._flowing = anyio.Event()
        self._closing = anyio.Lock()
        self._asked_to_end = False
        self._closed: Observation | None = None
        self._progress = Progress(spawned_at=around.clock.now(), rate=None)

    @property
    def input(self) -> int:
        """The input that it occupies."""
        return self._order.input

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self._closed is not None or self._returncode is not None

    async def open(self, argv: Sequence[str], rate: float | None) -> Observation:
        """Start the ffmpeg `argv`, which is to make `rate` frames a second, and await its data.

        Raises:
            DriverError: it ended before any data flowed; nothing is left of it then.
        """
        self._progress = Progress(spawned_at=self._around.clock.now(), rate=rate)
        try:
            self._child = await spawn_child(
                argv, on_line=self._read, spawn=self._around.spawn, limiter=self._around.limiter
            )
            await self._first_data(self._child)
        except ProcessError as error:
            await self._abandon()
            raise TryAgainError(Reason.DRIVER_UNAVAILABLE, str(error)) from error
        except BaseException:
            await self._abandon()
            raise
        return self.observation()

    def observation(self) -> Observation:
        """Give what the process shows now; asks nobody, so it never waits."""
        if self._closed is not None:
            return self._closed
        progress, returncode = self._progress, self._returncode
        shown = Observation(
            token=self._order.token,
            input=self._order.input,
            state=self._state(),
            first_data_at=progress.first_data_at,
            last_data_at=progress.last_data_at,
            bytes=progress.bytes,
            files=(self._file.part,),
            reference=self._child.reference if self._child is not None else None,
        )
        if returncode is None or self._asked_to_end:
            return shown
        # An exit status of 0 is no better: nobody had asked it to end.
        return replace(shown, end=EndReason.DIED, detail=self._failure(returncode).sentence)

    async def close(self) -> Observation:
        """End the process for sure, finish the file, and give what it came to; a second call too.

        Raises:
            DriverError: the process does not end.
        """
        async with self._closing:
            if self._closed is None:
                died = self.observation() if self.over else None
                self._asked_to_end = True
                returncode = await self._end_process()
                self._closed = await self._conclude(died, returncode)
            return self._closed

    @property
    def _returncode(self) -> int | None:
        return self._child.returncode if self._child is not None else None

    def _state(self) -> SessionState:
        if self._returncode is not None:
            return SessionState.ENDED
        last = self._progress.last_data_at
        if last is not None and self._around.clock.now() - last < SILENT_AFTER:
            return SessionState.FLOWING
        return SessionState.SILENT

    def _read(self, line: str) -> None:
        if self._progress.read(line, self._around.clock.now()):
            self._flowing.set()

    def _said(self) -> list[str]:
        return [self._source.clean(line) for line in self._child.tail] if self._child else []

    def _failure(self, returncode: int) -> DriverError:
        return diagnose(self._source.shown, self._said(), returncode)

    async def _first_data(self, child: Child) -> None:
        """Wait until data flows; raises what the process died of if it ends before, or is ended."""
        await self._first_report(child)
        if self._asked_to_end:
            await child.wait()  # `close` ends it gently
            raise TryAgainError(Reason.DEVICE_ENDED, "it was stopped while it started")
        if not self._flowing.is_set():
            raise self._failure(await child.wait())

    async def _first_report(self, child: Child) -> None:
        """Wait until data flows or the process has ended."""
        async with anyio.create_task_group() as race:

            async def until_ended() -> None:
                await child.wait()
                race.cancel_scope.cancel()

            race.start_soon(until_ended)
            await self._flowing.wait()
            race.cancel_scope.cancel()

    async def _end_process(self) -> int:
        if self._child is None:
            return 0
        try:
            # Before its first report ffmpeg may not listen to signals yet, and would die of them.
            with anyio.move_on_after(FIRST_REPORT_BOUND_S):
                await self._first_report(self._child)
            return await self._child.end()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error

    async def _abandon(self) -> None:
        """Leave nothing behind a start that failed or was cancelled."""
        with anyio.CancelScope(shield=True):
            self._asked_to_end = True
            try:
                if self._child is not None:
                    await self._child.kill()
            except ProcessError as error:
                raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error
            async with self._closing:
                if self._closed is None:
                    self._closed = await self._discard()

    async def _conclude(self, died: Observation | None, returncode: int) -> Observation:
        if self._progress.first_data_at is None:
            return await self._discard()
        shown = died or self.observation()
        if died is None and returncode not in _GRACEFUL:
            said = last_words(self._said())
            shown = replace(shown, detail=f"ended roughly (status {returncode}): {said}")
        shown = replace(shown, state=SessionState.ENDED)
        try:
            path, size = await anyio.to_thread.run_sync(
                finish, self._file, limiter=self._around.limiter
            )
        except FileError as error:
            return replace(shown, detail=str(error))
        return replace(shown, files=(path,), bytes=size)

    async def _discard(self) -> Observation:
        shown = replace(self.observation(), state=SessionState.ENDED, end=EndReason.NO_DATA)
        try:
            await anyio.to_thread.run_sync(discard, self._file, limiter=self._around.limiter)
        except FileError as error:
            return replace(shown, detail=str(error))
        return replace(shown, files=(), bytes=0)
