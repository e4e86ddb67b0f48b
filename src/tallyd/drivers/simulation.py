"""What the simulated recorder and feed share: a device that exists only as options and a clock."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
from pydantic import BaseModel, ConfigDict, Field

from tallyd.domain.model import EndReason, Reason
from tallyd.drivers.parts import Parts
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    GiveUpError,
    Observation,
    SessionState,
    StartOrder,
    Traits,
    TryAgainError,
)


class SimulationOptions(BaseModel):
    """Latency and faults of a device that does nothing; by default it is prompt and faultless."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    inputs: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="How many sessions it runs at once. Default: the target's capacity.",
    )
    start_ms: int = Field(default=0, ge=0, le=600_000, description="How long a start takes.")
    stop_ms: int = Field(default=0, ge=0, le=600_000, description="How long a stop takes.")
    jitter_ms: int = Field(
        default=0, ge=0, le=60_000, description="Up to so much more for each; repeatable."
    )
    overlap: bool = Field(
        default=True, description="Whether a session may open before the last one has closed."
    )
    bytes_per_s: int = Field(default=0, ge=0, description="How fast its sessions claim to grow.")
    fail_starts: int = Field(
        default=0, ge=0, description="So many starts fail before the first that works."
    )
    refuse: bool = Field(default=False, description="Every start fails for good.")
    blocked_by: str | None = Field(
        default=None, description="Who holds the device: every start is refused, naming them."
    )
    unreachable: bool = Field(default=False, description="It answers no probe and no question.")
    gone_after_s: float | None = Field(
        default=None, ge=0, description="It is gone so long after it was set up: nothing answers."
    )
    gone_for_s: float | None = Field(
        default=None, ge=0, description="It is back after so long. Default: gone for good."
    )
    hang_probe: bool = Field(default=False, description="A probe never returns.")
    die_after_s: float | None = Field(
        default=None, ge=0, description="Each session ends by itself after so long."
    )
    go_silent_after_s: float | None = Field(
        default=None, ge=0, description="Each session runs on without data after so long."
    )
    no_data: bool = Field(default=False, description="It says that it started, and no data flows.")
    hang_start: bool = Field(default=False, description="A start never returns.")
    hang_stop: bool = Field(default=False, description="A stop never returns.")


@dataclass(frozen=True, slots=True)
class _Session:
    order: StartOrder
    clock: Clock
    begun: datetime
    die_after_s: float | None

    @property
    def input(self) -> int:
        return self.order.input

    @property
    def died_at(self) -> datetime | None:
        return _after(self.begun, self.die_after_s)

    @property
    def over(self) -> bool:
        return self.died_at is not None and self.clock.now() >= self.died_at


class SimulatedDevice:
    """The driver contract, kept without touching anything; all time is the clock's."""

    def __init__(self, context: DriverContext, options: SimulationOptions) -> None:
        self._inputs = context.capacity if options.inputs is None else options.inputs
        if context.capacity > self._inputs:
            sentence = f"a capacity of {context.capacity} needs `inputs` = {context.capacity}"
            raise GiveUpError(Reason.DRIVER_UNAVAILABLE, sentence)
        self._target = context.target
        self._clock = context.clock
        self._options = options
        self._set_up_s = context.clock.monotonic()
        self._starts = 0
        self._parts: Parts[_Session] = Parts(self._inputs)

    @property
    def traits(self) -> Traits:
        """What the options say, with half of the jitter as the usual delay."""
        options = self._options
        return Traits(
            lead_ms=options.start_ms + options.jitter_ms // 2,
            overlap=options.overlap,
            inputs=self._inputs,
            bytes_per_s=options.bytes_per_s,
        )

    async def probe(self) -> str:
        """Answer, unless the options say that it does not.

        Raises:
            DriverError: the options say so.
        """
        if self._options.hang_probe:
            await anyio.sleep_forever()
        self._check_reachable()
        return "a simulated device"

    async def start(self, order: StartOrder) -> Observation:
        """Let the start's latency pass, then claim that data flows, unless a fault is set.

        Raises:
            DriverError: the options say so, or the order asks for what the device has not.
        """
        self._starts += 1
        options = self._options
        if options.hang_start:
            await anyio.sleep_forever()
        await self._clock.sleep(self._latency_s(options.start_ms, order.token))
        self._check_start(order)
        session = _Session(order, self._clock, self._clock.now(), options.die_after_s)
        self._parts.began(order.token, session)
        return self._show(session)

    async def observe(self) -> tuple[Observation, ...]:
        """Give every session that was started and not stopped.

        Raises:
            DriverError: the options say that the device does not answer.
        """
        self._check_reachable()
        return tuple(map(self._show, self._parts.running))

    async def stop(self, token: str) -> Observation:
        """Let the stop's latency pass, then forget the session; a stopped one stays stopped."""
        session = self._parts.of(token)
        if session is None:
            return self._parts.outcome(token)
        if self._options.hang_stop:
            await anyio.sleep_forever()
        await self._clock.sleep(self._latency_s(self._options.stop_ms, token))
        return self._parts.ended(token, replace(self._show(session), state=SessionState.ENDED))

    @property
    def _gone_for(self) -> timedelta | None:
        """How long it has been gone; None while it is there."""
        options = self._options
        if options.gone_after_s is None:
            return None
        gone_s = self._clock.monotonic() - self._set_up_s - options.gone_after_s
        back = options.gone_for_s is not None and gone_s >= options.gone_for_s
        return None if gone_s < 0 or back else timedelta(seconds=gone_s)

    def _check_reachable(self) -> None:
        if self._options.unreachable or self._gone_for is not None:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, f"{self._target} does not answer")

    def _check_start(self, order: StartOrder) -> None:
        options = self._options
        if options.refuse:
            raise GiveUpError(Reason.DEVICE_REFUSED, f"{self._target} refuses to start")
        if options.blocked_by is not None:
            sentence = f"{self._target} is held by {options.blocked_by}"
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, sentence)
        self._check_reachable()
        if self._starts <= options.fail_starts:
            sentence = f"{self._target} failed to start ({self._starts}. time)"
            raise TryAgainError(Reason.DEVICE_SILENT, sentence)
        self._parts.check(order)
        if not options.overlap and self._parts.is_held(order.input):
            sentence = f"{self._target} still runs the session before"
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, sentence)

    def _latency_s(self, latency_ms: int, token: str) -> float:
        if self._options.jitter_ms == 0:
            return latency_ms / 1_000
        # The same part is always equally late: a simulation can be repeated.
        chance = random.Random(f"{self._target} {token}")  # noqa: S311 - no secret is made of it
        return (latency_ms + chance.uniform(0, self._options.jitter_ms)) / 1_000

    def _show(self, session: _Session) -> Observation:
        options, order = self._options, session.order
        now = self._clock.now()
        silent_at = _after(session.begun, options.go_silent_after_s)
        heard = now - (self._gone_for or timedelta(0))
        last = min(at for at in (heard, silent_at, session.died_at) if at is not None)
        silent = options.no_data or (silent_at is not None and now >= silent_at)
        shown = Observation(
            token=order.token,
            input=order.input,
            state=SessionState.SILENT if silent else SessionState.FLOWING,
            first_data_at=None if options.no_data else session.begun,
            last_data_at=None if options.no_data else last,
            bytes=round((last - session.begun).total_seconds() * options.bytes_per_s),
            reference=f"simulated {order.token}",
        )
        if not session.over:
            return shown
        detail = f"{self._target} ended by itself"
        return replace(shown, state=SessionState.ENDED, end=EndReason.DIED, detail=detail)


def _after(begun: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else begun + timedelta(seconds=seconds)
