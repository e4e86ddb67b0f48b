"""The feed `ffmpeg`: what is ordered goes to the channel's playout, and what that shows comes back.

The playout is a process of its own, which stays on air whether anything is ordered or not.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

import anyio

from tallyd.domain.model import EndReason, Reason
from tallyd.domain.window import MILLISECOND, from_ms
from tallyd.drivers.ffmpeg.binary import find_ffmpeg
from tallyd.drivers.parts import STOPPED_KEPT
from tallyd.drivers.playout.director import PREPARED_AHEAD
from tallyd.drivers.playout.options import OutputKind, PlayoutOptions
from tallyd.drivers.playout.resolving import entry_of, require_input
from tallyd.drivers.playout.station import ON_WITHIN_S, Station
from tallyd.drivers.playout.wire import Ask, Drop, EntryState, Play, State
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    DriverError,
    GiveUpError,
    Observation,
    Salvaged,
    SessionState,
    StartOrder,
    Traits,
    TryAgainError,
)

LEAD_MS = PREPARED_AHEAD // MILLISECOND
"""So long before its time a source is started: it is taken at its time, not when it is ready."""

SILENT_AFTER = timedelta(seconds=2)
_A_DAY_MS = 86_400_000
_SHOWN_WITHIN_S = 3.0
_ASK_EVERY_S = 0.04


class FfmpegFeed:
    """A channel that is put together and published by ffmpeg."""

    Options: ClassVar[type[PlayoutOptions]] = PlayoutOptions

    def __init__(self, context: DriverContext, options: PlayoutOptions) -> None:
        directory = context.state or context.locks
        if directory is None:
            raise GiveUpError(Reason.DRIVER_UNAVAILABLE, "a channel needs a directory of its own")
        if context.live is not None:
            require_input(context.live)
        self._context = context
        self._clock = context.clock
        self._options = options
        self._binary = find_ffmpeg(options.binary)
        self._station = Station(context, directory, options)
        self._keeping: anyio.CancelScope | None = None
        self._running: dict[str, Observation] = {}
        self._stopped: dict[str, Observation] = {}

    @property
    def traits(self) -> Traits:
        """What a playout allows: the next entry is ready before the last one has ended.

        It does its own retrying, behind a slate: a source that is gone is no end of an entry.
        """
        return Traits(
            lead_ms=LEAD_MS,
            waits=True,
            overlap=True,
            survives=True,
            first_data_timeout_ms=_A_DAY_MS,
            stall_timeout_ms=_A_DAY_MS,
            stop_timeout_ms=10_000,
            bytes_per_s=0,
        )

    async def probe(self) -> str:
        """See whether what it needs of the disk is there; the playout is not disturbed.

        Raises:
            DriverError: something is not.
        """
        for output in self._options.publications:
            folder = anyio.Path(output.address).parent
            if output.kind is OutputKind.HLS and not await folder.is_dir():
                raise TryAgainError(Reason.DISK_MISSING, f"there is no directory {folder}")
        stands_in = {"slate": self._options.slate, "ad slate": self._context.ad_slate}
        for what, picture in stands_in.items():
            if picture is not None and not await anyio.Path(picture).is_file():
                raise TryAgainError(Reason.DEVICE_REFUSED, f"there is no {what} {picture}")
        shown = ", ".join(output.shown for output in self._options.publications)
        return f"{shown} by {self._binary}"

    async def switch_on(self) -> None:
        """Have the channel on air from now on, and again whenever its playout ends."""
        if self._keeping is None:
            self._keeping = anyio.CancelScope()
            self._context.spawn(partial(self._keep_on, self._keeping))

    async def switch_off(self) -> None:
        """Take the channel off the air.

        Raises:
            DriverError: its playout does not end.
        """
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
        await self._station.off()

    async def recover(self) -> tuple[Observation, ...]:
        """Take over the playout that an earlier process left on air, with its entries.

        Raises:
            DriverError: it does not say what it plays.
        """
        state = await self._station.find()
        if state is not None:
            for entry in state.entries:
                self._running[entry.token] = self._shown(entry, state)
        return tuple(self._running.values())

    async def salvage(self, files: tuple[Path, ...]) -> Salvaged:
        """Do nothing: what goes on air leaves no files."""
        return Salvaged(files)

    async def start(self, order: StartOrder) -> Observation:
        """Have an entry played at its time, and return once it is on air.

        Where it should be on air and its source does not come, that is what is returned.

        Raises:
            DriverError: the playout does not take it.
        """
        if order.input != 0 or order.token in self._running:
            raise GiveUpError(Reason.DEVICE_REFUSED, f"part {order.token} cannot be started here")
        entry = entry_of(order, self._context.live)
        state = await self._on()
        self._running[order.token] = _unseen(order.token)
        try:
            state = await self._station.ask(Play(entry=entry))
            return await self._first_shown(order, state)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._forget(order.token)
            raise

    async def observe(self) -> tuple[Observation, ...]:
        """Give how every entry stands that was started and not stopped."""
        if not self._running:
            return ()
        try:
            self._take(await self._station.ask(Ask()))
        except TryAgainError as error:
            if not await self._station.has_gone():
                raise
            self._died(error.sentence)
        return tuple(self._running.values())

    async def stop(self, token: str) -> Observation:
        """Take an entry off the air; what plays next is up to the rundown.

        Raises:
            DriverError: the playout does not answer.
        """
        if token not in self._running:
            unknown = Observation(token, 0, SessionState.ENDED, None, None)
            return self._stopped.get(token, unknown)
        if self._running[token].state is not SessionState.ENDED:
            try:
                self._take(await self._station.ask(Drop(token=token)))
            except TryAgainError as error:
                if not await self._station.has_gone():
                    raise
                self._died(error.sentence)
        ended = _ended(self._running.pop(token))
        self._stopped[token] = ended
        while len(self._stopped) > STOPPED_KEPT:
            self._stopped.pop(next(iter(self._stopped)))
        return ended

    async def _keep_on(self, scope: anyio.CancelScope) -> None:
        with scope:
            await self._station.keep_on()

    async def _on(self) -> State:
        knew = self._station.is_up
        with anyio.fail_after(ON_WITHIN_S):
            state = await self._station.on()
        await self.switch_on()
        strangers = [entry for entry in state.entries if entry.token not in self._running]
        if strangers and not knew:
            for entry in strangers:
                self._running[entry.token] = self._shown(entry, state)
            raise DeviceBlockedError(
                Reason.DEVICE_REFUSED, "the playout of an earlier process plays something else"
            )
        return state

    async def _first_shown(self, order: StartOrder, state: State) -> Observation:
        """Wait until an entry is on air, or should have been for a while."""
        patience = timedelta(seconds=_SHOWN_WITHIN_S)
        until = max(order.piece.start, self._clock.now()) + patience
        while True:
            self._take(state)
            shown = self._running[order.token]
            if shown.state is SessionState.ENDED:
                raise TryAgainError(Reason.DEVICE_ENDED, shown.detail or "it ended at once")
            if shown.first_data_at is not None or self._clock.now() >= until:
                return shown
            await self._clock.sleep(_ASK_EVERY_S)
            try:
                state = await self._station.ask(Ask())
            except TryAgainError:
                if await self._station.has_gone():
                    raise
                continue  # it has the entry, and is held up: nothing is to be taken off the air

    async def _forget(self, token: str) -> None:
        self._running.pop(token, None)
        with anyio.move_on_after(_SHOWN_WITHIN_S):
            try:
                await self._station.ask(Drop(token=token))
            except DriverError:
                return  # it plays nothing any more

    def _take(self, state: State) -> None:
        """Take in how the entries stand; those that the playout does not know died with another."""
        known = {entry.token: entry for entry in state.entries}
        for token, before in self._running.items():
            if token in known:
                self._running[token] = self._shown(known[token], state)
            elif before.state is not SessionState.ENDED:
                self._running[token] = _dead(before, "the playout was started anew")

    def _died(self, why: str) -> None:
        for token, before in self._running.items():
            if before.state is not SessionState.ENDED:
                self._running[token] = _dead(before, why)

    def _shown(self, entry: EntryState, state: State) -> Observation:
        now = self._clock.now()
        last = from_ms(entry.last_ms) if entry.last_ms is not None else None
        # Past its end nothing more is to come: it is over when it is stopped.
        flows = last is not None and (now - last < SILENT_AFTER or now >= from_ms(entry.stop_ms))
        return Observation(
            token=entry.token,
            input=0,
            state=SessionState.FLOWING if flows else SessionState.SILENT,
            first_data_at=from_ms(entry.first_ms) if entry.first_ms is not None else None,
            last_data_at=last,
            bytes=entry.bytes,
            reference=f"{state.pid}",
            detail=entry.trouble,
            ends_by=from_ms(entry.stop_ms),
        )


def _unseen(token: str) -> Observation:
    return Observation(token, 0, SessionState.SILENT, None, None)


def _dead(before: Observation, why: str) -> Observation:
    return replace(before, state=SessionState.ENDED, end=EndReason.DIED, detail=why)


def _ended(shown: Observation) -> Observation:
    return replace(shown, state=SessionState.ENDED)
