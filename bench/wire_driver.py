"""The recorder `wire`: a simulated one that tells a device on a TCP port what it is to do."""

import socket
from collections import deque
from typing import ClassVar, Literal

import anyio
from pydantic import Field

from tallyd.drivers.simulation import SimulatedDevice, SimulationOptions
from tallyd.ports.drivers import DriverContext, Observation, StartOrder

HOST = "127.0.0.1"
AT_ONCE = 64
ENTRY_POINTS = "[tallyd.recorders]\nwire = bench.wire_driver:WireRecorder\n"

Connections = Literal["kept", "fresh"]
"""Whether a device is told on a connection that is open already, or on one for each call."""


class Line:
    """One device's own line: says a thing and waits until the device has answered."""

    def __init__(self, port: int, connections: Connections) -> None:
        self._address = (HOST, port)
        self._connections = connections
        self._kept: socket.socket | None = None
        self._unanswered: deque[anyio.Event] = deque()
        self.opened = anyio.Event()

    async def keep_open(self) -> None:
        """Hold the connection open until cancelled, where one is kept, and take its answers."""
        if self._connections == "fresh":
            self.opened.set()
            return
        with socket.create_connection(self._address) as self._kept:
            self._kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._kept.setblocking(False)  # noqa: FBT003 - the standard library's signature
            self.opened.set()
            while True:
                await anyio.wait_readable(self._kept)
                for _ in self._kept.recv(AT_ONCE):
                    self._unanswered.popleft().set()

    async def say(self, said: str) -> None:
        """Send a line and wait for the answer; on a kept connection it is sent within the call."""
        line = f"{said}\n".encode()
        if self._connections == "fresh":
            await self._say_afresh(line)
            return
        if self._kept is None:
            await self.opened.wait()
        if self._kept is not None:
            answered = anyio.Event()
            self._unanswered.append(answered)
            # So little always fits; a stream would let everything else that is due go first.
            self._kept.send(line)
            await answered.wait()

    async def _say_afresh(self, line: bytes) -> None:
        with socket.socket() as line_of_its_own:
            line_of_its_own.setblocking(False)  # noqa: FBT003 - the standard library's signature
            line_of_its_own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line_of_its_own.connect_ex(self._address)
            try:
                line_of_its_own.send(line)  # the loopback has mostly connected by now
            except BlockingIOError:
                await anyio.wait_writable(line_of_its_own)
                line_of_its_own.send(line)
            await anyio.wait_readable(line_of_its_own)
            line_of_its_own.recv(1)


class WireOptions(SimulationOptions):
    """A recorder that exists only on the wire."""

    port: int = Field(description="Where its device listens, on the loopback.")
    connections: Connections = Field(description="`kept` open, or a `fresh` one for each call.")


class WireRecorder(SimulatedDevice):
    """A room's recorder that is told over TCP."""

    Options: ClassVar[type[WireOptions]] = WireOptions

    def __init__(self, context: DriverContext, options: WireOptions) -> None:
        super().__init__(context, options)
        self._line = Line(options.port, options.connections)
        context.spawn(self._line.keep_open)

    async def start(self, order: StartOrder) -> Observation:
        """Tell the device to start; it answers at once."""
        await self._line.say(f"start {order.name}")
        return await super().start(order)

    async def stop(self, token: str) -> Observation:
        """Tell the device to stop; it answers at once."""
        await self._line.say(f"stop {token}")
        return await super().stop(token)
