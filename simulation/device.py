"""A recorder whose faults come and go, and which writes down all that it does. Decides nothing."""

from dataclasses import dataclass, field
from typing import ClassVar

import anyio
from pydantic import BaseModel

from simulation.history import DeviceSession, History, Moment
from tallyd.domain.model import EndReason, Reason
from tallyd.ports.drivers import (
    DriverError,
    GiveUpError,
    Observation,
    SessionState,
    StartOrder,
    Traits,
    TryAgainError,
)
from tallyd.testing.virtual_time import FakeClock


@dataclass(slots=True)
class Faults:
    """What is wrong with a device now."""

    failing_starts: int = 0
    refuses: bool = False
    gone: bool = False
    silent: bool = False
    hangs_at_start: bool = False
    hangs_at_stop: bool = False


@dataclass(slots=True)
class Device:
    """The hardware of one target: it stays when the daemon goes; its log is the truth."""

    target: str
    traits: Traits
    start_s: float
    stop_s: float
    clock: FakeClock
    history: History
    faults: Faults = field(default_factory=Faults)
    repaired: anyio.Event = field(default_factory=anyio.Event)
    _open: list[DeviceSession] = field(default_factory=list[DeviceSession])

    def moment(self) -> Moment:
        """Give this moment."""
        return Moment(self.clock.monotonic(), self.clock.now())

    def running(self) -> list[DeviceSession]:
        """Give the sessions that deliver or could."""
        self._open = [session for session in self._open if session.ended is None]
        return list(self._open)

    def asked(self, order: StartOrder) -> DeviceSession:
        """Note that a session is to start."""
        session = DeviceSession(self.target, order.input, order.token, order.name, self.moment())
        if order.content is not None:
            session.media_offset = order.media_offset
        self.history.sessions.append(session)
        return session

    def begin(self, session: DeviceSession) -> None:
        """Let a session deliver from now on."""
        session.began = session.last_data = self.moment()
        self._open.append(session)

    def deliver(self) -> None:
        """Note that the running sessions have delivered until now, unless they are silent."""
        if not self.faults.silent:
            for session in self.running():
                session.last_data = self.moment()

    def fall_silent(self) -> None:
        """Deliver nothing more, for the time being."""
        self.deliver()
        self.faults.silent = True

    def die(self, *, with_daemon: bool = False) -> None:
        """End all sessions at once."""
        self.deliver()
        for session in self.running():
            session.ended = self.moment()
            session.cut_off = with_daemon

    def repair(self) -> None:
        """Be well again, and answer the calls that hang."""
        self.faults = Faults()
        self.repaired.set()
        self.repaired = anyio.Event()


class NoOptions(BaseModel):
    """The hardware says all."""


class ScriptedRecorder:
    """The driver of a device in one life of the daemon, or in one configuration of it."""

    Options: ClassVar[type[BaseModel]] = NoOptions

    def __init__(self, device: Device) -> None:
        self._device = device
        self._own: dict[str, DeviceSession] = {}
        self._killed = False

    @property
    def traits(self) -> Traits:
        """What the hardware can."""
        return self._device.traits

    def kill(self) -> None:
        """Do nothing more: the daemon of this life is dead, and its sessions with it."""
        self._killed = True
        self._device.die(with_daemon=True)

    async def probe(self) -> str:
        """Answer if the device is there.

        Raises:
            DriverError: it is gone.
        """
        self._check_there()
        return "a scripted device"

    async def start(self, order: StartOrder) -> Observation:
        """Start after the device's latency, unless it has a fault.

        Raises:
            DriverError: it has.
        """
        device = self._device
        session = device.asked(order)
        while device.faults.hangs_at_start:
            await device.repaired.wait()
        await device.clock.sleep(device.start_s)
        self._check_there()
        if device.faults.refuses:
            raise GiveUpError(Reason.DEVICE_REFUSED, "it refuses")
        if device.faults.failing_starts > 0:
            device.faults.failing_starts -= 1
            raise TryAgainError(Reason.DEVICE_SILENT, "it failed to start")
        device.begin(session)
        self._own[order.token] = session
        return self._show(session)

    async def observe(self) -> tuple[Observation, ...]:
        """Show every session that was not stopped yet.

        Raises:
            DriverError: the device is gone.
        """
        self._check_there()
        self._device.deliver()
        return tuple(map(self._show, self._own.values()))

    async def stop(self, token: str) -> Observation:
        """End a session after the device's latency; one that has ended already ends at once.

        Raises:
            DriverError: the daemon is dead.
        """
        self._check_alive()
        device = self._device
        session = self._own.get(token)
        if session is None:
            return Observation(token, 0, SessionState.ENDED, None, None)
        if session.ended is None:
            session.stop_asked = session.stop_asked or device.moment()
            while device.faults.hangs_at_stop:
                await device.repaired.wait()
            await device.clock.sleep(device.stop_s)
            self._check_alive()
        if session.ended is None:
            device.deliver()
            session.ended = device.moment()
        del self._own[token]
        return self._show(session)

    def _check_there(self) -> None:
        self._check_alive()
        if self._device.faults.gone:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, "it does not answer")

    def _check_alive(self) -> None:
        if self._killed:
            raise DriverError(Reason.DAEMON_DOWN, "the daemon is dead")

    def _show(self, session: DeviceSession) -> Observation:
        silent = self._device.faults.silent
        state = SessionState.SILENT if silent else SessionState.FLOWING
        return Observation(
            token=session.token,
            input=session.input,
            state=state if session.ended is None else SessionState.ENDED,
            first_data_at=session.began.wall if session.began else None,
            last_data_at=session.last_data.wall if session.last_data else None,
            end=None if session.ended is None else EndReason.DIED,
        )
