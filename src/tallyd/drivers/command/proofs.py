"""What shows that data flows: a program that lives, a file that grows, a device that says so."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from tallyd.domain.model import Reason
from tallyd.drivers.command.calls import Caller
from tallyd.drivers.command.options import CommandOptions
from tallyd.drivers.command.placeholders import fill
from tallyd.ports.drivers import DeviceBlockedError, TryAgainError

AT_FIRST_EVERY_S = 0.05
STATUS_AT_FIRST_EVERY_S = 0.25
EVERY_S = 0.5
SILENT_AFTER = timedelta(seconds=3)
SETTLED_AFTER_S = 1.0
"""A file that did not grow for so long is no longer written."""


_YES, _NO = 0, 1


class Proof(Protocol):
    """Looked at again and again; never raises while the session runs, but tells its `trouble`.

    `gone` says why there will be no data any more. `at_first_every_s` is how often to look until
    the first data, `every_s` from then on; what is older than `patience` is over.
    """

    first_at: datetime | None
    last_at: datetime | None
    gone: str | None
    trouble: str | None
    at_first_every_s: float
    every_s: float
    patience: timedelta

    async def begin(self) -> None:
        """Take in how things are before the session starts.

        Raises:
            DriverError: they are so that no session can start.
        """
        ...

    async def look(self) -> None:
        """Look once; the first time right after the start was commanded."""
        ...


class Alive:
    """Takes a program for recording while it lives, `lead_ms` after it came to life."""

    at_first_every_s = AT_FIRST_EVERY_S
    every_s = EVERY_S
    patience = SILENT_AFTER

    def __init__(self, options: CommandOptions, caller: Caller) -> None:
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.gone: str | None = None
        self.trouble: str | None = None
        self._lead_s = options.lead_ms / 1_000
        self._believed_after_s = max(options.alive_after_s, self._lead_s)
        self._clock = caller.clock
        self._since: float | None = None

    async def begin(self) -> None:
        """Nothing lives yet."""

    async def look(self) -> None:
        """See how long it has lived; its end is seen by who waits for it."""
        at = self._clock.monotonic()
        if self._since is None:
            self._since = at
        alive_s = at - self._since
        if alive_s < self._believed_after_s:
            return
        self.last_at = self._clock.now()
        self.first_at = self.first_at or self.last_at - timedelta(seconds=alive_s - self._lead_s)


class Growth:
    """Takes a file for a recording while it grows; `bytes` is by how much it grew."""

    at_first_every_s = AT_FIRST_EVERY_S
    every_s = EVERY_S
    patience = SILENT_AFTER

    conclusive = False
    """Whether a stop may be believed without the word of the command that did it."""

    def __init__(self, path: Path, caller: Caller) -> None:
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.gone: str | None = None
        self.trouble: str | None = None
        self.bytes = 0
        self._path = path
        self._begun_at_bytes = 0
        self._size = 0
        self._clock = caller.clock
        self._files = caller.files

    async def begin(self) -> None:
        """Take what is in the file already for nothing of this session's."""
        self._begun_at_bytes = self._size = await self._look() or 0

    async def look(self) -> None:
        """See whether the file has grown; one that was begun anew counts from its beginning."""
        size = await self._look()
        if size is None:
            return
        if size < self._size:
            self._begun_at_bytes = self._size = 0
        if size > self._size:
            self.last_at = self._clock.now()
            self.first_at = self.first_at or self.last_at
        self._size = size
        self.bytes = size - self._begun_at_bytes

    async def settled(self) -> None:
        """Wait until it did not grow for a while."""
        while True:
            before = self._size
            await self._clock.sleep(SETTLED_AFTER_S)
            await self.look()
            if self._size == before:
                return

    async def _look(self) -> int | None:
        try:
            # A disk that hangs must not hold up whoever stops the session, nor take ever more
            # threads.
            found = await self._files.run(self._path.stat)
        except OSError as error:
            self.trouble = f"{self._path}: {error.strerror}"
            return None
        self.trouble = f"{self._path} does not grow"
        return found.st_size


class Status:
    """Takes a device for recording while its status command says so."""

    at_first_every_s = STATUS_AT_FIRST_EVERY_S
    conclusive = True

    def __init__(self, options: CommandOptions, values: Mapping[str, str], caller: Caller) -> None:
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.gone: str | None = None
        self.trouble: str | None = None
        self.every_s = options.status_every_s
        self.patience = timedelta(seconds=options.status_every_s + options.timeout_s)
        self._argv = fill(options.status or (), values)
        self._within_s = options.timeout_s
        self._overlap = options.overlap
        self._match = re.compile(options.status_match) if options.status_match else None
        self._caller = caller
        self._clock = caller.clock

    async def begin(self) -> None:
        """See to it that what will be running is ours.

        Raises:
            DeviceBlockedError: it is running for somebody else.
        """
        if not self._overlap and await self.recording():
            sentence = f"{self._argv[0]} says that it is running already, for somebody else"
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, sentence)

    async def look(self) -> None:
        """Ask once; a no counts once there was a yes."""
        answer = await self.recording()
        if answer:
            self.last_at = self._clock.now()
            self.first_at = self.first_at or self.last_at
        elif answer is False and self.first_at is not None:
            self.gone = f"it is no longer running: {self.trouble}"

    async def settled(self) -> None:
        """Wait until the device says that nothing is running."""
        while await self.recording() is not False:
            await self._clock.sleep(STATUS_AT_FIRST_EVERY_S)

    async def recording(self) -> bool | None:
        """Give what the device says now; None where it does not say."""
        try:
            answer = await self._caller.ask(self._argv, self._within_s)
        except TryAgainError as error:
            self.trouble = error.sentence
            return None
        matches = self._match is None or self._match.search("\n".join(answer.lines)) is not None
        self.trouble = f"{self._argv[0]} says no {answer.shown}"
        if answer.code == _YES:
            self.trouble = None if matches else f"{self._argv[0]} gives another answer"
            return matches
        if answer.code == _NO:
            return False
        self.trouble = f"{self._argv[0]} gives no answer {answer.shown}"
        return None
