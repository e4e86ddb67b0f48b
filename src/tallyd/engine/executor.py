"""One part on a device: started, watched, ended. Every driver call has a deadline.

Nothing is decided here: the reconciler says what to start and until when, and is told the facts.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from zlib import crc32

import anyio

from tallyd.domain.lifecycle import Event
from tallyd.domain.model import EndReason, Part
from tallyd.domain.outcomes import end_of
from tallyd.engine.agenda import RunKey
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import (
    Driver,
    DriverError,
    Observation,
    SessionState,
    StartOrder,
)

OBSERVE_EVERY_S = 0.5
STOP_AGAIN_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """A part to be made: of which run, from which facts, and what the driver is told.

    Without an order it is under way already, by an earlier process; until `ends_by` it goes on.
    """

    key: RunKey
    part: Part
    order: StartOrder | None
    ends_by: datetime | None = None


class Listener(Protocol):
    """Whom a session tells what happened; every call must return at once."""

    def part_changed(self, key: RunKey, part: Part, event: Event | None) -> None:
        """Take in new facts of a part; its run takes `event` if there is one."""
        ...

    def attempt_failed(self, key: RunKey, part: Part, error: DriverError | None) -> None:
        """Take in that a start brought no data: why, or None where no answer came in time."""
        ...

    def stop_failed(self, key: RunKey, part: Part) -> None:
        """Take in that the device does not confirm its stop; it will be asked again."""
        ...

    def input_free(self) -> None:
        """Take in that a session is over and its input may be used again."""
        ...


class Session:
    """One part from its start to its confirmed end; `part` holds the facts so far."""

    def __init__(
        self, assignment: Assignment, driver: Driver, clock: Clock, listener: Listener
    ) -> None:
        self.key = assignment.key
        self.part = assignment.part
        self._ends_by = assignment.ends_by
        self._order = assignment.order
        self._driver = driver
        self._clock = clock
        self._listener = listener
        self._ending = anyio.Event()
        self._why = (Event.PIECE_OVER, EndReason.PLANNED)
        self._start_scope: anyio.CancelScope | None = None
        self._answered = False
        self.flows = assignment.order is None
        self._refusal: DriverError | None = None
        self.over = anyio.Event()
        self._moved_at = clock.monotonic()

    @property
    def ending(self) -> bool:
        """Whether the end has been asked for."""
        return self._ending.is_set()

    @property
    def falls_short(self) -> bool:
        """Whether it would end by itself before its piece does."""
        return self._ends_by is not None and self._ends_by < self.part.piece.stop

    def plan_until(self, stop: datetime) -> None:
        """Note that the piece ends at another instant."""
        piece = replace(self.part.piece, stop=max(self.part.piece.start, stop))
        self.part = replace(self.part, piece=piece)

    def end(self, event: Event, reason: EndReason) -> None:
        """End the part now; the first reason given stands."""
        if self._ending.is_set():
            return
        self._why = (event, reason)
        self._ending.set()
        if self._start_scope is not None:
            self._start_scope.cancel()

    @property
    def start_timeout_s(self) -> float:
        """How long after its command a start may take to bring data."""
        return self._driver.traits.first_data_timeout_ms / 1000

    async def begin(self, within: anyio.CancelScope) -> None:
        """Tell the device to start and wait for its data, at most until the scope's deadline."""
        if self._order is None:
            return
        self._start_scope = within
        try:
            seen = await self._command(self._order)
            self._answered = True
            self._take(await self._first_data(seen), Event.DATA)
            self.flows = True
        except DriverError as refusal:
            self._refusal = refusal
        finally:
            self._start_scope = None

    async def carry_on(self) -> None:
        """Make the part, or say why there is none; returns when nothing of it is running."""
        if self.flows:
            await self._watch()
            await self._stop()
        else:
            await self._settle()

    async def abandon(self) -> None:
        """Have the device stop once, whatever ends the task that drives it.

        A session that survives is left as it is: whoever comes next takes it over.
        """
        if self._driver.traits.survives:
            return
        timeout_s = self._driver.traits.stop_timeout_ms / 1000
        with anyio.move_on_after(timeout_s, shield=True), suppress(DriverError):
            await self._driver.stop(self.part.token)

    async def _command(self, order: StartOrder) -> Observation:
        commanded_at = self._clock.now()
        try:
            return await self._driver.start(order)
        finally:
            self.part = replace(self.part, commanded_at=commanded_at)

    async def _settle(self) -> None:
        """Tell what became of a start that brought no data, and leave nothing behind it."""
        if self._answered:
            await self._stop_for_sure()
        error = self._refusal
        if error is None and self._ending.is_set():
            event, reason = self._why
            self._tell(
                Event.OVER if event is Event.PIECE_OVER else event,
                end=reason,
                stopped_at=self._clock.now(),
            )
            return
        self.part = replace(
            self.part,
            end=end_of(error.reason, EndReason.REFUSED) if error else EndReason.TIMEOUT,
            detail=error.sentence if error else f"no data within {self.start_timeout_s:g} s",
            stopped_at=self._clock.now(),
        )
        self._listener.attempt_failed(self.key, self.part, error)

    async def _first_data(self, seen: Observation) -> Observation:
        """Wait for data where the answer to a start shows none: an answer alone is no start."""
        while seen.first_data_at is None:
            await self._clock.sleep(OBSERVE_EVERY_S)
            seen = await self._observe() or seen
        return seen

    async def _watch(self) -> None:
        """Wait until the part is to end, or until it ends or falls silent by itself."""
        stall_s = self._driver.traits.stall_timeout_ms / 1000
        self._moved_at = self._clock.monotonic()
        # What began together is not looked at together: that might be when a herd is to start.
        wait_s = OBSERVE_EVERY_S * crc32(repr(self.key).encode()) / 2**32
        while not self._ending.is_set():
            with anyio.move_on_after(wait_s):
                await self._ending.wait()
                return
            wait_s = OBSERVE_EVERY_S
            seen = await self._observe()
            if seen is not None:
                self._take(seen, None)
                if seen.state is SessionState.ENDED:
                    self.end(Event.DIED, seen.end or EndReason.DIED)
            if self._clock.monotonic() - self._moved_at > stall_s:
                self.end(Event.STALLED, EndReason.STALLED)

    async def _observe(self) -> Observation | None:
        """Ask the device; None where it does not say, or knows no such session."""
        with anyio.move_on_after(self._driver.traits.call_timeout_ms / 1000), suppress(DriverError):
            for seen in await self._driver.observe():
                if seen.token == self.part.token:
                    return seen
        return None

    async def _stop(self) -> None:
        """End the session, as it was asked for, and tell how it ended."""
        event, reason = self._why
        self._tell(event)
        self._take(await self._stop_for_sure(), None)
        self._tell(None, end=reason, stopped_at=self._clock.now())

    async def _stop_for_sure(self) -> Observation:
        """Have the device confirm its stop; where it does not, ask again."""
        while (seen := await self._ask_to_stop()) is None:
            self._listener.stop_failed(self.key, self.part)
            await self._clock.sleep(STOP_AGAIN_AFTER_S)
        return seen

    async def _ask_to_stop(self) -> Observation | None:
        timeout_s = self._driver.traits.stop_timeout_ms / 1000
        try:
            with anyio.move_on_after(timeout_s):
                return await self._driver.stop(self.part.token)
        except DriverError as error:
            self.part = replace(self.part, detail=error.sentence)
        else:
            self.part = replace(self.part, detail=f"no answer to stop within {timeout_s:g} s")
        return None

    def _take(self, seen: Observation, event: Event | None) -> None:
        if seen.last_data_at != self.part.last_data_at or seen.bytes != self.part.bytes:
            self._moved_at = self._clock.monotonic()
        self._ends_by = seen.ends_by
        self.part = replace(
            self.part,
            first_data_at=self._first_data_at(seen),
            last_data_at=seen.last_data_at or self.part.last_data_at,
            bytes=seen.bytes,
            files=tuple(str(path) for path in seen.files),
            reference=seen.reference,
            detail=seen.detail,
        )
        self._listener.part_changed(self.key, self.part, event)

    def _first_data_at(self, seen: Observation) -> datetime | None:
        """Give when data first flowed; who has taken a session over knows it from the ledger."""
        if self._order is None and self.part.first_data_at is not None:
            return self.part.first_data_at
        return seen.first_data_at or self.part.first_data_at

    def _tell(
        self,
        event: Event | None,
        *,
        end: EndReason | None = None,
        stopped_at: datetime | None = None,
    ) -> None:
        self.part = replace(self.part, end=end, stopped_at=stopped_at)
        self._listener.part_changed(self.key, self.part, event)
