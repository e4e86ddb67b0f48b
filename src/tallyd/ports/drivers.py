"""All that the author of a driver must know: what it is asked, what it answers, how it says no.

A driver is one object for one target. The engine calls it from one event loop, puts a deadline on
every call (it cancels the call), and does all the retrying. A driver never guesses: what it reports
is what the device shows, not what the device replied.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from tallyd.domain.model import Content, EndReason, Reason
from tallyd.domain.window import Window
from tallyd.ports.clock import Clock
from tallyd.ports.programme import Programme

BackgroundTask = Callable[[], Coroutine[Any, Any, None]]


class DriverError(Exception):
    """The root of what a driver may raise: `reason` is a code, `sentence` is for the operator."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


class TryAgainError(DriverError):
    """It did not work, it may work in a moment: the engine tries again with back-off."""


class DeviceBlockedError(DriverError):
    """Somebody else holds the device: the engine tries again, and reports who if it is known."""


class GiveUpError(DriverError):
    """It cannot work as configured: the engine does not try again for this occurrence."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine must know to drive a device on time; times are milliseconds.

    `lead_ms`: from the call of `start` to first data, as a first guess that experience replaces.
    `spread_ms`: extra lead for each further start of this driver at the same instant.
    `overlap`: the next session may open before the last one has closed.
    `survives`: a session goes on when this process ends.
    `inputs`: how many sessions the device runs at once.
    `first_data_timeout_ms`, `stall_timeout_ms`, `stop_timeout_ms`: the deadline of `start`, the
    longest silence of a session, the deadline of `stop`.
    `call_timeout_ms`: the deadline of every other call.
    `bytes_per_s`: how fast a session writes files here; None: its earlier parts tell.
    `waits`: first data comes when the piece begins, however early `start` is called, so `lead_ms`
    stands: there is nothing to learn.
    """

    lead_ms: int = 0
    spread_ms: int = 0
    overlap: bool = False
    survives: bool = False
    inputs: int = 1
    first_data_timeout_ms: int = 10_000
    stall_timeout_ms: int = 10_000
    stop_timeout_ms: int = 10_000
    call_timeout_ms: int = 5_000
    bytes_per_s: int | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class StartOrder:
    """What is to be started: a piece of a run on one input.

    `token` names this part for ever, in arguments and references. `output` is the absolute path
    without ending under which a driver that writes files here finishes them; it never overwrites.
    `media_offset` is how far into `content` a channel joins at the start of the piece, or when data
    is expected where that is later; `begins_at` is when the whole occurrence was to begin.
    `programme` is the content as it was found in the library and among the inputs; a driver that
    plays it refuses one that is missing, and is asked again. None: what it shows by itself.
    """

    target: str
    input: int
    token: str
    name: str
    piece: Window
    output: Path
    content: Content | None = None
    media_offset: timedelta = timedelta(0)
    begins_at: datetime | None = None
    programme: Programme | None = None


class SessionState(StrEnum):
    """What a device is doing for a session."""

    FLOWING = "flowing"
    SILENT = "silent"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the device shows of one session at this moment.

    `files` are the paths as they are named now; `end` and `detail` say why an ended one ended.
    Until `ends_by` it goes on at least, if nobody ends it; None: it has no such bound.
    """

    token: str
    input: int
    state: SessionState
    first_data_at: datetime | None
    last_data_at: datetime | None
    bytes: int = 0
    files: tuple[Path, ...] = ()
    reference: str | None = None
    end: EndReason | None = None
    detail: str | None = None
    ends_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of files that were cut off, as they are named now.

    `mended` are those that had to be made whole; `detail` says what could not be done, and why.
    """

    files: tuple[Path, ...]
    bytes: int = 0
    mended: tuple[Path, ...] = ()
    detail: str | None = None


def _nothing_is_wrong() -> None:
    """Let everything be written."""


def _nobody_hears(_event: str, **_fields: object) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What a driver is given at birth, besides its options.

    `capacity` is how many inputs the configuration uses. `spawn` runs a task beside the driver
    until it ends; what that task raises costs this driver only. `root` is the directory that no
    recorded file may leave, links followed; None where nothing is written. `locks` is the directory
    for locks of inputs, which are held by what uses them, and so outlive this process; None where
    nobody else could use them. `state` is a directory of the target's own, where what must last may
    be kept; None where there is none. `live` is the address of the input that a channel shows by
    itself, which may be secret, `ad_slate` the picture that fills its ad breaks; None where it has
    none. `check_disk` is to be called, in a thread, before a file is made below `root`: it blocks,
    and raises a `DiskError` where nothing may be written now. `say` writes an event of those that
    are listed to the log; it never waits.
    """

    target: str
    capacity: int
    clock: Clock
    spawn: Callable[[BackgroundTask], None]
    root: Path | None = None
    locks: Path | None = None
    state: Path | None = None
    live: str | None = field(default=None, repr=False)
    ad_slate: Path | None = None
    check_disk: Callable[[], None] = _nothing_is_wrong
    say: Callable[..., None] = _nobody_hears


class Driver(Protocol):
    """One device behind one target. A recorder records a room, a feed drives a channel.

    Registered by entry point under `tallyd.recorders` or `tallyd.feeds` as a class that is called
    with (context, options); `Options` is its pydantic model, and its docstring is shown to users.
    """

    Options: ClassVar[type[BaseModel]]

    @property
    def traits(self) -> Traits:
        """Give what the options make of this device; the same for life."""
        ...

    async def probe(self) -> str:
        """Ask the device whether it could start now; gives what it is, in a few words.

        It is asked every few minutes and before each start, but not while data flows; it starts
        nothing, disturbs nothing, and may be cancelled.

        Raises:
            DriverError: it could not, and why.
        """
        ...

    async def start(self, order: StartOrder) -> Observation:
        """Start a session and return once its data flows.

        A call that raises or is cancelled leaves nothing running behind it.

        Raises:
            DriverError: no data flows, and whether trying again makes sense.
        """
        ...

    async def observe(self) -> tuple[Observation, ...]:
        """Give what the device is doing: every session it runs or that ended since it was started.

        An ended session is shown until `stop` was called for it.

        Raises:
            DriverError: the device does not say.
        """
        ...

    async def stop(self, token: str) -> Observation:
        """End a session for sure, gently first; return once it ended and its files are whole.

        Stopping what has ended already is no error: it gives what is known of it.

        Raises:
            DriverError: the device does not confirm that it stopped.
        """
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """What a driver may have besides: a start that comes soon can be made quicker."""

    async def warm_up(self) -> None:
        """Get ready for a start in a few seconds; starts nothing, and may be cancelled.

        It is called once for all the targets of this driver that start then.

        Raises:
            DriverError: it did not work; the start is made all the same.
        """
        ...


@runtime_checkable
class Recovers(Protocol):
    """What a driver must have whose sessions survive (`Traits.survives`): it finds them again."""

    async def recover(self) -> tuple[Observation, ...]:
        """Take over what an earlier process started here and is still running, and show it.

        Called once, before anything is started. From then on those sessions are observed and
        stopped like those that were started here.

        Raises:
            DriverError: the device does not say.
        """
        ...

    async def salvage(self, files: tuple[Path, ...]) -> Salvaged:
        """Finish the files of a part that ended while nobody looked, and make them whole.

        It may take long, and nothing waits for it. What is finished already stays as it is, what is
        gone or empty is left out. Broken off it leaves the files as they were, or done.

        Raises:
            DriverError: the disk does not do as told.
        """
        ...


@runtime_checkable
class StaysOn(Protocol):
    """What a driver may have whose device is on also when nothing is ordered, as a channel is."""

    async def switch_on(self) -> None:
        """Have the device on from now on; returns at once, and again is no error."""
        ...

    async def switch_off(self) -> None:
        """Have it off for sure; called when its sessions have ended, and it is not to be left on.

        Raises:
            DriverError: it does not confirm that it is off.
        """
        ...
