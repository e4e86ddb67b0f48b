"""One running ffmpeg, from the spawn to a finished file; schedules are not known here."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from tallyd.domain.model import EndReason, Reason
from tallyd.domain.outcomes import end_of
from tallyd.domain.window import EPOCH
from tallyd.drivers.ending import END_BOUND_S, ProcessError
from tallyd.drivers.ffmpeg.diagnosis import diagnose, last_words
from tallyd.drivers.ffmpeg.progress import Progress, reports
from tallyd.drivers.ffmpeg.sources import Source
from tallyd.drivers.files import FileError, Reservation, discard, finish_if_any, keep_on_disk
from tallyd.drivers.outliving import Outliver
from tallyd.drivers.places import PlaceTakenError
from tallyd.drivers.threads import Call, Threads
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import (
    BackgroundTask,
    DeviceBlockedError,
    DriverError,
    Observation,
    SessionState,
    TryAgainError,
)

if TYPE_CHECKING:
    from pathlib import Path

SILENT_AFTER = timedelta(seconds=3)
"""A session without progress for so long is shown as silent."""

FIRST_REPORT_BOUND_S = 2.0
CLOSE_BOUND_S = FIRST_REPORT_BOUND_S + END_BOUND_S
"""The longest that `close` may take, but for the disk."""

KEPT_EVERY_S = 2.0
"""A power cut loses at most what was recorded in so long, and in the time that the disk takes."""

DISCARDED_WITHIN_S = 1.0

LISTEN_EVERY_S = 0.02
"""How often a starting ffmpeg is listened to; when it wrote is known more exactly than that."""

_GRACEFUL = frozenset({0, 255, None})
"""How an ffmpeg exits that was asked to end and wrote its file to the end; nobody is told how one
exits that another process started."""

_TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a session needs of the driver that it belongs to.

    `starting` and `files` are threads that may hang with a disk: a start never waits for a finish.
    """

    clock: Clock
    spawn: Callable[[BackgroundTask], None]
    limiter: anyio.CapacityLimiter
    starting: Threads
    files: Threads


@dataclass(frozen=True, slots=True)
class Work:
    """What one ffmpeg does: which part it records on which input, from where into which file.

    It goes on until `ends_by` at least, if nobody ends it.
    """

    token: str
    input: int
    source: Source
    file: Reservation
    ends_by: datetime


class Session:
    """One ffmpeg that records one part into one file: `open` or `adopt` it, then `close` it."""

    def __init__(self, work: Work, around: Surroundings) -> None:
        self._work = work
        self._around = around
        self._process: Outliver | None = None
        self._flowing = False
        self._adopted = False
        self._closing = anyio.Lock()
        self._asked_to_end = False
        self._died: Observation | None = None
        self._closed: Observation | None = None
        self._finishing: Call[tuple[Path, int] | None] | None = None
        self._said: deque[str] = deque(maxlen=_TAIL_LINES)
        self._progress = Progress(spawned_at=around.clock.now(), rate=None)

    @property
    def input(self) -> int:
        """The input that it occupies."""
        return self._work.input

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self._closed is not None or (self._process is not None and self._process.over)

    async def open(self, start: Callable[[], Outliver], rate: float | None) -> Observation:
        """Have an ffmpeg started, which is to make `rate` frames a second, and await its data.

        Raises:
            DriverError: it ended before any data flowed; nothing is left of it then.
        """
        self._progress = Progress(spawned_at=self._around.clock.now(), rate=rate)
        try:
            self._process = await self._around.starting.run(start, self._end_unwanted)
            self._tend(self._process)
            await self._first_data(self._process)
        except PlaceTakenError as error:
            await self._abandon()
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, str(error)) from error
        except (ProcessError, OSError) as error:
            await self._abandon()
            raise TryAgainError(Reason.DRIVER_UNAVAILABLE, str(error)) from error
        except BaseException:
            await self._abandon()
            raise
        return self.observation()

    def adopt(self, process: Outliver) -> None:
        """Go on with an ffmpeg that another process started, and that records already."""
        self._progress = Progress(spawned_at=EPOCH, rate=None)
        self._adopted = True
        self._process = process
        self._tend(process)

    def observation(self) -> Observation:
        """Give what the process shows now; asks its memory alone, so it never waits."""
        if self._closed is not None:
            return self._closed
        self._listen()
        progress = self._progress
        shown = Observation(
            token=self._work.token,
            input=self._work.input,
            state=self._state(),
            first_data_at=progress.first_data_at,
            last_data_at=progress.last_data_at,
            bytes=progress.bytes,
            files=(self._work.file.part,),
            reference=self._process.reference if self._process is not None else None,
            ends_by=self._work.ends_by,
        )
        if not self.over or self._asked_to_end:
            return shown
        # An exit status of 0 is no better: nobody had asked it to end.
        failure = self._failure()
        return replace(shown, end=end_of(failure.reason, EndReason.DIED), detail=failure.sentence)

    async def close(self) -> Observation:
        """End the process for sure, finish the file, and give what it came to; a second call too.

        Raises:
            DriverError: the process does not end.
        """
        async with self._closing:
            if self._closed is None:
                if self.over and not self._asked_to_end:
                    self._died = self.observation()
                self._asked_to_end = True
                returncode = await self._end_process()
                self._close_as(await self._conclude(returncode))
            return self._closed or self.observation()

    def _tend(self, process: Outliver) -> None:
        self._around.spawn(process.tend)
        self._around.spawn(self._keep_on_disk)

    async def _end_unwanted(self, process: Outliver) -> None:
        """End an ffmpeg that was started for a start that had been given up meanwhile."""
        self._around.spawn(process.tend)
        with suppress(ProcessError):  # it was sent the last signal, and goes when it can
            await process.kill()
        process.forget()

    async def _keep_on_disk(self) -> None:
        """See to it that a power cut costs seconds: ffmpeg itself leaves it to the system."""
        limiter = anyio.CapacityLimiter(1)  # of its own: on a slow disk this waits for most of it
        while not self.over:
            await self._around.clock.sleep(KEPT_EVERY_S)
            with suppress(FileError):  # what ails the disk is told when the file is finished
                await anyio.to_thread.run_sync(
                    keep_on_disk, self._work.file.part, limiter=limiter, abandon_on_cancel=True
                )

    def _state(self) -> SessionState:
        if self.over:
            return SessionState.ENDED
        last = self._progress.last_data_at
        if last is not None and self._around.clock.now() - last < SILENT_AFTER:
            return SessionState.FLOWING
        return SessionState.SILENT

    def _listen(self) -> None:
        """Take in what the process has written since the last look."""
        if self._process is None:
            return
        self._said.extend(self._process.complaints.lines())
        lines = self._process.output.lines()
        written_at = self._process.output.written_at
        for report in reports(lines, written_at):
            self._flowing |= self._progress.read(*report)

    def _failure(self) -> DriverError:
        status = self._process.returncode if self._process is not None else None
        source = self._work.source
        return diagnose(source.shown, list(self._said), status, source.clean)

    async def _first_data(self, process: Outliver) -> None:
        """Wait until data flows; raises what the process died of if it ends before, or is ended."""
        await self._first_report(process)
        if self._asked_to_end:
            await process.wait()  # `close` ends it gently
            raise TryAgainError(Reason.DEVICE_ENDED, "it was stopped while it started")
        if not self._flowing:
            await process.wait()
            self._listen()
            raise self._failure()

    async def _first_report(self, process: Outliver) -> None:
        """Wait until data flows or the process has ended."""
        self._listen()
        while not (self._flowing or process.over):
            with anyio.move_on_after(LISTEN_EVERY_S):
                await process.wait()
            self._listen()

    async def _end_process(self) -> int | None:
        if self._process is None:
            return 0
        try:
            # Before its first report ffmpeg may not listen to signals yet, and would die of them.
            with anyio.move_on_after(FIRST_REPORT_BOUND_S):
                await self._first_report(self._process)
            await self._process.end()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error
        return self._process.returncode

    async def _abandon(self) -> None:
        """Leave nothing behind a start that failed or was cancelled."""
        with anyio.CancelScope(shield=True):
            self._asked_to_end = True
            try:
                if self._process is not None:
                    await self._process.kill()
            except ProcessError as error:
                self._around.spawn(self._discard_once_over)
                raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error
            async with self._closing:
                if self._closed is None:
                    self._close_as(await self._discard())

    async def _discard_once_over(self) -> None:
        """Remove the file of an ffmpeg that outlives its last signal, as it does in a hung disk."""
        if self._process is not None:
            await self._process.wait()
        async with self._closing:
            if self._closed is None:
                self._close_as(await self._discard())

    async def _conclude(self, returncode: int | None) -> Observation:
        if self._progress.first_data_at is None and not self._adopted:
            return await self._discard()
        shown = self._died or self.observation()
        if self._died is None and returncode not in _GRACEFUL:
            said = last_words(map(self._work.source.clean, self._said))
            shown = replace(shown, detail=f"ended roughly (status {returncode}): {said}")
        shown = replace(shown, state=SessionState.ENDED)
        if self._finishing is None:
            self._finishing = self._around.files.begin(partial(finish_if_any, self._work.file))
        try:
            # Of what was taken over it may not be known whether data came: the file knows.
            named = await self._finishing.result()
        except FileError as error:
            return replace(shown, detail=str(error))
        if named is None:
            return replace(shown, files=(), bytes=0)
        return replace(shown, files=(named[0],), bytes=named[1])

    def _close_as(self, shown: Observation) -> None:
        self._closed = shown
        if self._process is not None:
            self._process.forget()

    async def _discard(self) -> Observation:
        shown = replace(self.observation(), state=SessionState.ENDED, end=EndReason.NO_DATA)
        try:
            with anyio.fail_after(DISCARDED_WITHIN_S):
                await self._around.files.begin(partial(discard, self._work.file)).result()
        except FileError as error:
            return replace(shown, detail=str(error))
        except TimeoutError:  # it goes when the disk answers
            return replace(shown, detail=f"{self._work.file.part} is still to be removed")
        return replace(shown, files=(), bytes=0)
