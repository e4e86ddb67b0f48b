"""The two ways to have something run: one program for as long, or a device that is told to."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import anyio

from tallyd.domain.model import Reason
from tallyd.drivers.command.calls import Caller, how_it_ended
from tallyd.drivers.command.options import CommandOptions
from tallyd.drivers.command.placeholders import fill
from tallyd.drivers.command.proofs import Growth, Status
from tallyd.drivers.ending import ProcessError
from tallyd.ports.drivers import TryAgainError

if TYPE_CHECKING:
    from tallyd.drivers.process import Child

_LINES = 20
_SIGNALLED = 128


class Act(Protocol):
    """Something that is begun once and then ended for sure."""

    @property
    def reference(self) -> str | None:
        """What tells it from others on this machine."""
        ...

    @property
    def fault(self) -> str | None:
        """Why it has ended by itself, if it has."""
        ...

    async def begin(self) -> None:
        """Begin.

        Raises:
            TryAgainError: it did not, and why.
        """
        ...

    async def ended(self) -> None:
        """Wait until it has ended, by itself or not; for ever where that cannot be seen."""
        ...

    async def end(self) -> str | None:
        """End it for sure; gives what was wrong about its end, if anything was.

        Ending what has ended, or never began, is no error.

        Raises:
            TryAgainError: that cannot be confirmed.
        """
        ...


class LongRun:
    """One program, and all that it starts, for as long as the session lasts."""

    def __init__(self, options: CommandOptions, values: Mapping[str, str], caller: Caller) -> None:
        self._argv = fill(options.run or (), values)
        self._gentle = options.gentle_ends
        self._caller = caller
        self._child: Child | None = None
        self._lines: deque[str] = deque(maxlen=_LINES)

    @property
    def reference(self) -> str | None:
        """Its process, and when that began."""
        return self._child.reference if self._child is not None else None

    @property
    def fault(self) -> str | None:
        """How its process ended, once it has; 0 is no better than any other exit status."""
        if self._child is None or self._child.returncode is None:
            return None
        return f"{self._argv[0]} ended by itself {self._shown(self._child.returncode)}"

    async def begin(self) -> None:
        """Start the program.

        Raises:
            TryAgainError: it cannot be run.
        """
        self._child = await self._caller.launch(self._argv, self._lines.append)

    async def ended(self) -> None:
        """Wait until its process has ended."""
        if self._child is not None:
            await self._child.wait()

    async def end(self) -> str | None:
        """Ask it to end, ever more firmly.

        Raises:
            TryAgainError: it does not even die.
        """
        if self._child is None:
            return None
        try:
            code = await self._child.end()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error
        if (code if code >= 0 else _SIGNALLED - code) in self._gentle:
            return None
        return f"{self._argv[0]} ended roughly {self._shown(code)}"

    def _shown(self, code: int) -> str:
        words = self._caller.words(self._child, self._lines) if self._child is not None else ""
        return how_it_ended(code, words)


class Remote:
    """A device that one command starts and another stops; what it `shows` tells whether it did."""

    reference = None
    fault = None

    def __init__(
        self,
        options: CommandOptions,
        values: Mapping[str, str],
        caller: Caller,
        shows: Status | Growth,
    ) -> None:
        self._start = fill(options.start or (), values)
        self._stop = fill(options.stop or (), values)
        self._start_within_s = options.timeout_s
        self._stop_within_s = options.stop_timeout_s
        self._caller = caller
        self._shows = shows
        self._told = False

    async def begin(self) -> None:
        """Tell the device to start.

        Raises:
            TryAgainError: the command fails, so that it did not, or does not end, so that it may.
        """
        # From here on, cancelled or not, the device may have heard of it.
        self._told = True
        try:
            answer = await self._caller.ask(self._start, self._start_within_s)
        except TryAgainError as error:
            self._told = error.reason is not Reason.DRIVER_UNAVAILABLE
            raise
        if answer.code != 0:
            # It may be running for somebody else: then a stop would be theirs.
            self._told = False
            sentence = f"{self._start[0]} did not start it {answer.shown}"
            raise TryAgainError(Reason.DEVICE_REFUSED, sentence)

    async def ended(self) -> None:
        """Wait for ever: a device tells nobody."""
        await anyio.sleep_forever()

    async def end(self) -> str | None:
        """Tell the device to stop, and wait until it shows that it did.

        Raises:
            TryAgainError: it does not show that; asked again, it is told again.
        """
        if not self._told:
            return None
        refusal = await self._tell_to_stop()
        if refusal is not None and not self._shows.conclusive:
            raise refusal
        with anyio.move_on_after(self._stop_within_s):
            await self._shows.settled()
            self._told = False
            return None
        late = f"{self._stop[0]} did not stop it within {self._stop_within_s:g} s"
        why = refusal.sentence if refusal is not None else late
        trouble = self._shows.trouble or "it is still running"
        raise TryAgainError(Reason.DEVICE_TIMEOUT, f"{why}; {trouble}")

    async def _tell_to_stop(self) -> TryAgainError | None:
        try:
            answer = await self._caller.ask(self._stop, self._stop_within_s)
        except TryAgainError as error:
            return error
        if answer.code == 0:
            return None
        sentence = f"{self._stop[0]} did not stop it {answer.shown}"
        return TryAgainError(Reason.DEVICE_REFUSED, sentence)
