"""The daemon's side of a playout: found or launched, asked, kept up, ended. Entries are not known.

It is one process for each channel, which holds the channel's lock for as long as it lives.
"""

import asyncio  # noqa: TID251 - see `_ask`
import os
import sys
from contextlib import closing, suppress
from pathlib import Path

import anyio
import anyio.to_thread
from pydantic import BaseModel, ValidationError

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import hide
from tallyd.drivers.ending import ProcessError
from tallyd.drivers.outliving import Outliver, adopt, find, holds_one_of, launch
from tallyd.drivers.places import PlaceTakenError, held, hold
from tallyd.drivers.playout.control import LONGEST_LINE
from tallyd.drivers.playout.options import PlayoutOptions
from tallyd.drivers.playout.watching import Watcher
from tallyd.drivers.playout.wire import SOCKET, VERSION, Ask, Brief, End, State
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    DriverError,
    TryAgainError,
)

PROGRAM = "tallyd.playout"
ANSWERS_WITHIN_S = 2.0
ON_WITHIN_S = 20.0

_LOOK_EVERY_S = 0.5
_ASK_EVERY_S = 0.05
_AGAIN_AFTER_S = (0.0, 0.5, 1.0, 2.0, 5.0)
_STEADY_AFTER_S = 10.0
_ENDS_WITHIN_S = 4.0
_ENDING_S = 0.3
_HANGS_AFTER = 3
"""A playout that leaves so many questions unanswered, one after the other, is replaced."""
_HUNG = "the playout answered nothing any more, and was killed"


class Station:
    """The playout of one channel, as far as its daemon sees it."""

    def __init__(self, context: DriverContext, directory: Path, options: PlayoutOptions) -> None:
        self.process: Outliver | None = None
        self._wanted_off = False
        self._target = context.target
        self._directory = directory
        self._locks = context.locks
        self._clock = context.clock
        self._spawn = context.spawn
        self._brief = Brief(
            target=context.target,
            directory=str(directory),
            options=options,
            live=context.live,
            ad_slate=context.ad_slate,
        )
        self._secrets = tuple(s for output in options.publications for s in output.secrets)
        self._watcher = Watcher(context.target, context.say)
        self._turn = anyio.Lock()
        self._limiter = anyio.CapacityLimiter(2)

    @property
    def is_up(self) -> bool:
        """Whether its process is known and lives."""
        return self.process is not None and not self.process.over

    async def has_gone(self) -> bool:
        """Tell whether its process has ended, or does so at this moment."""
        if self.process is not None:
            with anyio.move_on_after(_ENDING_S):
                await self.process.wait()
        return not self.is_up

    async def find(self) -> State | None:
        """Take over the playout that an earlier daemon left; None where there is none.

        One of other options, or of another version, is ended: it would not do what is wanted.
        """
        async with self._turn:
            return await self._find()

    async def on(self) -> State:
        """See to it that the channel is on, and tell how it stands.

        Raises:
            DriverError: it does not come on, and why.
        """
        async with self._turn:
            self._wanted_off = False
            if self.is_up:
                return await self._first_answer()
            state = await self._find()
            if state is None:
                await self._launch()
                state = await self._first_answer()
                self._watcher.on(state)
            return state

    async def keep_on(self) -> None:
        """Bring the channel on again whenever it is not, until cancelled."""
        tries = 0
        while True:
            begun_s = self._clock.monotonic()
            try:
                await self.on()
                await self._watch()
            except DriverError as error:
                self._watcher.failed(error.sentence)
            lasted_s = self._clock.monotonic() - begun_s
            tries = 0 if lasted_s > _STEADY_AFTER_S else tries + 1
            await self._clock.sleep(_AGAIN_AFTER_S[min(tries, len(_AGAIN_AFTER_S) - 1)])

    async def off(self) -> None:
        """Take the channel off the air for sure.

        Raises:
            TryAgainError: its process does not end.
        """
        self._wanted_off = True
        async with self._turn:
            with suppress(DriverError):
                if await self._find_process() is not None:
                    await self.ask(End())
            await self._end()

    async def ask(self, request: BaseModel) -> State:
        """Ask the playout something.

        Raises:
            TryAgainError: it does not answer.
        """
        try:
            with anyio.fail_after(ANSWERS_WITHIN_S):
                return await self._ask(request)
        except TimeoutError as error:
            sentence = "the playout does not answer"
            raise TryAgainError(Reason.DEVICE_TIMEOUT, sentence) from error
        except (OSError, EOFError) as error:
            raise TryAgainError(Reason.DEVICE_ENDED, self._why_not()) from error
        except (ValidationError, asyncio.LimitOverrunError) as error:
            sentence = "the playout speaks another language"
            raise TryAgainError(Reason.DEVICE_REFUSED, sentence) from error

    async def _watch(self) -> None:
        """Look at the channel until its playout has ended; one that hangs is killed."""
        process, looked_s, unanswered = self.process, self._clock.monotonic(), 0
        while process is not None and not process.over:
            with anyio.move_on_after(_LOOK_EVERY_S):
                await process.wait()
            if self._clock.monotonic() - looked_s >= _LOOK_EVERY_S:
                looked_s = self._clock.monotonic()
                unanswered = 0 if await self._looked() else unanswered + 1
            if unanswered == _HANGS_AFTER:
                await self._kill(process)
        if not self._wanted_off:
            self._watcher.gone(_HUNG if unanswered == _HANGS_AFTER else self._why_not())

    async def _kill(self, process: Outliver) -> None:
        try:
            await process.kill()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error

    async def _looked(self) -> bool:
        """Look at the channel; tells whether its playout did not keep us waiting in vain."""
        try:
            self._watcher.look(await self.ask(Ask()))
        except TryAgainError as error:
            return error.reason is not Reason.DEVICE_TIMEOUT
        return True

    async def _ask(self, request: BaseModel) -> State:
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # Not anyio's: that one raises in the event loop if cancelled just as an answer comes.
            answers, questions = await asyncio.open_unix_connection(
                f"/proc/self/fd/{directory}/{SOCKET}", limit=LONGEST_LINE
            )
        finally:
            os.close(directory)
        with closing(questions):
            questions.write(request.model_dump_json().encode() + b"\n")
            return State.model_validate_json(await answers.readuntil(b"\n"))

    async def _find(self) -> State | None:
        is_new = not self.is_up
        if await self._find_process() is None:
            return None
        with suppress(DriverError):
            # It may be held up, or have been launched just now: it is on air, and worth waiting.
            state = await self._first_answer()
            if (state.version, state.brief) == (VERSION, self._brief.digest):
                if is_new:
                    self._watcher.found(state)
                return state
            await self.ask(End())
        await self._end()
        return None

    async def _find_process(self) -> Outliver | None:
        if not self.is_up:
            found = await anyio.to_thread.run_sync(
                left_on, self._target, self._locks, limiter=self._limiter
            )
            if found is not None:
                self._take(found)
        return self.process if self.is_up else None

    async def _launch(self) -> None:
        try:
            process = await anyio.to_thread.run_sync(self._launched, limiter=self._limiter)
        except PlaceTakenError as error:
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, str(error)) from error
        except (ProcessError, OSError) as error:
            raise TryAgainError(Reason.DRIVER_UNAVAILABLE, str(error)) from error
        self._take(process)

    async def _first_answer(self) -> State:
        """Wait until the playout answers: one that was launched just now makes its slates first."""
        try:
            with anyio.fail_after(ON_WITHIN_S):
                while self.is_up:
                    try:
                        return await self.ask(Ask())
                    except TryAgainError as error:
                        if error.reason is Reason.DEVICE_REFUSED:
                            raise  # it speaks another language, and always will
                    await self._clock.sleep(_ASK_EVERY_S)
        except TimeoutError as error:
            if self.process is not None:  # it hangs: the next one may not
                await self._kill(self.process)
            sentence = f"the channel does not come on within {ON_WITHIN_S:g} s"
            raise TryAgainError(Reason.DEVICE_TIMEOUT, sentence) from error
        raise TryAgainError(Reason.DRIVER_UNAVAILABLE, self._why_not())

    def _take(self, process: Outliver) -> None:
        if self.process is not None:
            self.process.forget()
        self.process = process
        self._spawn(process.tend)

    async def _end(self) -> None:
        process = self.process
        if process is None:
            return
        try:
            with anyio.move_on_after(_ENDS_WITHIN_S):
                await process.wait()
            await process.end()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error

    def _launched(self) -> Outliver:
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        with hold(self._locks, 0, 1) as fd:
            argv = [sys.executable, "-m", PROGRAM, _mark(self._target)]
            return launch(argv, _mark(self._target), fd, self._brief.model_dump_json())

    def _why_not(self) -> str:
        if self.process is None:
            return "there is no playout"
        said = hide(" ".join(self.process.complaints.lines()[-3:]), self._secrets)
        return f"the playout ended: {said}" if said else "the playout has ended"


def left_on(target: str, locks: Path | None) -> Outliver | None:
    """Give the playout that holds the lock of a channel, if one does; blocks on its disk."""
    with suppress(OSError):
        locked = held(locks)
        for identity, _words in find(_mark(target)):
            if locked and _leads(identity.pid) and holds_one_of(identity.pid, locked):
                return adopt(identity)
    return None


def _leads(pid: int) -> bool:
    """Tell a playout from a child that it is just starting: for a moment that looks the same."""
    try:
        return os.getsid(pid) == pid
    except OSError:
        return False


def _mark(target: str) -> str:
    return f"playout={target};"
