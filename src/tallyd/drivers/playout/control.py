"""The daemon's way in: a socket, a line asked, a line answered. What is asked is done elsewhere."""

import os
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from tallyd.domain.window import to_ms
from tallyd.drivers.playout.director import Director, Told
from tallyd.drivers.playout.studio import Studio
from tallyd.drivers.playout.wire import (
    REQUEST,
    SOCKET,
    Ask,
    Drop,
    End,
    EntryState,
    Play,
    PublicationState,
    State,
)
from tallyd.ports.clock import Clock

LONGEST_LINE = 4_000_000
_LOOK_EVERY_S = 5.0


class Control:
    """Answers the daemon, and knows when one was here last."""

    def __init__(self, studio: Studio, director: Director, clock: Clock, brief: str) -> None:
        self._studio = studio
        self._director = director
        self._clock = clock
        self._brief = brief
        self._ends = anyio.Event()
        self._heard_s = clock.monotonic()

    async def serve(self, directory: int) -> None:
        """Answer until cancelled; `directory` is a descriptor of where the socket is made."""
        # By way of the descriptor: the path itself may be longer than an address can be.
        path = Path(f"/proc/self/fd/{directory}") / SOCKET
        await anyio.Path(path).unlink(missing_ok=True)
        async with await anyio.create_unix_listener(path, mode=0o600) as listener:
            await listener.serve(self._answer)

    async def until_the_end(self, alone_max_s: float) -> None:
        """Wait until the channel is to go off the air: asked to, or left alone for too long."""
        while not self._ends.is_set():
            with anyio.move_on_after(_LOOK_EVERY_S):
                await self._ends.wait()
            if self._clock.monotonic() - self._heard_s > alone_max_s:
                return

    async def _answer(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            lines = BufferedByteReceiveStream(stream)
            # Whoever asks may be gone, or speak another language: it must not end the channel.
            with suppress(Exception):
                while True:
                    line = await lines.receive_until(b"\n", LONGEST_LINE)
                    await stream.send(self._do(line).encode() + b"\n")

    def _do(self, line: bytes) -> str:
        self._heard_s = self._clock.monotonic()
        match REQUEST.validate_json(line):
            case Play(entry=entry):
                self._director.play(entry)
            case Drop(token=token):
                state = self._state()
                self._director.drop(token)
                return state.model_dump_json()
            case End():
                self._ends.set()
            case Ask():
                pass
        return self._state().model_dump_json()

    def _state(self) -> State:
        shown = self._director.on_air
        clip, trouble = shown if shown is not None else (None, None)
        return State(
            brief=self._brief,
            pid=os.getpid(),
            on_air=None if clip is None else ("slate" if trouble else clip.kind),
            token=None if clip is None else clip.token,
            trouble=trouble,
            fell_back=self._director.fallen_back.count,
            fell_back_from=self._director.fallen_back.token,
            fell_back_why=self._director.fallen_back.why,
            slots=self._studio.ticker.slots,
            late_slots=self._studio.ticker.late,
            entries=tuple(map(_entry, self._director.told.values())),
            publications=tuple(
                PublicationState(
                    shown=each.standing.shown,
                    up=each.standing.since_s is not None,
                    begun=each.standing.begun,
                    trouble=each.standing.trouble,
                    pid=each.standing.pid,
                )
                for each in self._studio.publications
            ),
        )


def _entry(told: Told) -> EntryState:
    window = told.entry.window
    return EntryState(
        token=told.entry.token,
        start_ms=to_ms(window.start),
        stop_ms=to_ms(window.stop),
        first_ms=to_ms(told.first_at) if told.first_at is not None else None,
        last_ms=to_ms(told.last_at) if told.last_at is not None else None,
        bytes=told.bytes,
        trouble=told.trouble,
    )
