"""Where pictures come from: an ffmpeg that plays a clip, or nothing but memory. Nothing decides."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import anyio

from tallyd.drivers.playout.encoding import Command
from tallyd.drivers.playout.mixing import Loop
from tallyd.drivers.playout.processes import Piped, spawn_writer
from tallyd.drivers.playout.reel import Frame, Reel
from tallyd.drivers.playout.transport import DamagedStreamError, Demuxer
from tallyd.ports.clock import Clock

READ_BYTES = 65_536
LOOK_EVERY_S = 0.02


class NoSourceError(Exception):
    """There is nothing that a clip could be played from."""


@dataclass(frozen=True, slots=True)
class Around:
    """What everything in a playout is given: the time, and threads to spawn in."""

    clock: Clock
    limiter: anyio.CapacityLimiter


class Source(Protocol):
    """What a clip is played from."""

    @property
    def ended(self) -> str | None:
        """Why nothing more comes; None while something may."""
        ...

    def ready(self) -> bool:
        """Tell whether a picture waits."""
        ...

    def can_begin(self) -> bool:
        """Tell whether one waits that a decoder can begin with."""
        ...

    def join(self, ticks: int) -> None:
        """Begin to be on air, `ticks` after the position that was asked for."""
        ...

    def keep_up(self, ticks: int) -> None:
        """Go on so far after that position at least, where a decoder can follow."""
        ...

    def next(self) -> Frame | None:
        """Give what goes out in the next slot; None where nothing is there."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class StandingSource:
    """A slate: a loop in memory, which never ends and never fails."""

    ended: str | None = None

    def __init__(self, loop: Loop) -> None:
        self._pictures = loop.pictures
        self._at = 0

    def ready(self) -> bool:
        """Tell that a picture waits, as one always does."""
        return True

    def can_begin(self) -> bool:
        """Tell that it can always be begun with."""
        return True

    def join(self, ticks: int) -> None:  # noqa: ARG002 - a slate has no positions
        """Begin with the picture that a decoder can begin with."""
        self._at = 0

    def keep_up(self, ticks: int) -> None:
        """Do nothing: what stands is never late."""

    def next(self) -> Frame | None:
        """Give the next picture of the loop, without a sound."""
        picture = self._pictures[self._at % len(self._pictures)]
        self._at += 1
        return Frame(picture, mute=True)

    def close(self) -> None:
        """Do nothing: the loop is everybody's."""


class Pipeline:
    """An ffmpeg that plays one clip. `ahead` is how many pictures it may be ahead of the air.

    What plays live cannot be held back: what is too old of it is lost, `ahead` is when. Whoever
    makes one runs `run`.
    """

    def __init__(
        self,
        make_command: Callable[[], Command],
        slot_ticks: int,
        ahead: int,
        around: Around,
        *,
        live: bool,
    ) -> None:
        self.ended: str | None = None
        self._make_command = make_command
        self._reel = Reel(slot_ticks)
        self._ahead = ahead
        self._around = around
        self._live = live
        self._on_air = False
        self._scope = anyio.CancelScope()
        self.pid: int | None = None

    def ready(self) -> bool:
        """Tell whether a picture waits."""
        return len(self._reel) > 0

    def can_begin(self) -> bool:
        """Tell whether one waits that a decoder can begin with."""
        return self._reel.can_begin()

    def join(self, ticks: int) -> None:
        """Begin to be on air."""
        self._on_air = True
        if self._live:
            self._reel.keep_latest()
        else:
            self._reel.skip_to(ticks)

    def keep_up(self, ticks: int) -> None:
        """Leave out what should be over by now, as after a hold-up; what is live goes on."""
        if not self._live:
            self._reel.catch_up(ticks)

    def next(self) -> Frame | None:
        """Give what goes out next."""
        return self._reel.next()

    def close(self) -> None:
        """End its process."""
        self._scope.cancel()

    async def run(self) -> None:
        """Run the process until it ends or is let go of; nothing that goes wrong goes further."""
        with self._scope:
            try:
                self.ended = await self._play()
            except (NoSourceError, DamagedStreamError) as error:
                self.ended = str(error)
            except OSError as error:
                self.ended = f"cannot be run: {error.strerror}"
            except Exception as error:  # noqa: BLE001 - the fence: a source must not end a channel
                self.ended = f"failed: {error!r}"

    async def _play(self) -> str:
        """Run the process to its end; gives what it said last."""
        process = await spawn_writer(self._make_command, self._around.limiter)
        self.pid = process.pid
        try:
            await self._read(process)
        finally:
            await process.kill()
        return process.last_words() or "it came to its end"

    async def _read(self, process: Piped) -> None:
        demuxer = Demuxer()
        while True:
            while not self._live and len(self._reel) >= self._ahead:
                await self._around.clock.sleep(LOOK_EVERY_S)
            data = await read(process.fd, READ_BYTES)
            if not data:
                self._reel.add(demuxer.finish())
                return
            self._reel.add(demuxer.feed(data))
            if self._live and (not self._on_air or len(self._reel) > self._ahead):
                self._reel.keep_latest()
            process.listen()


async def read(fd: int, most: int) -> bytes:
    """Read from a pipe that does not block, once there is something; nothing at its end."""
    await anyio.wait_readable(fd)
    return os.read(fd, most)
