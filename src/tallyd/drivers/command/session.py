"""One session, from its start to a finished file; which input it is on is decided elsewhere."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from tallyd.domain.model import EndReason, Reason
from tallyd.drivers.command.acts import Act
from tallyd.drivers.command.calls import Caller
from tallyd.drivers.command.proofs import Growth, Proof
from tallyd.drivers.files import FileError, Reservation, discard, finish
from tallyd.ports.drivers import (
    Observation,
    SessionState,
    StartOrder,
    TryAgainError,
)

if TYPE_CHECKING:
    from tallyd.drivers.threads import Call

DISK_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Plot:
    """What happens in a session: what acts, what proves it, and the file that comes of it.

    `growth` is looked at for its size; where it is the proof as well, it is one and the same.
    """

    order: StartOrder
    act: Act
    proof: Proof
    growth: Growth | None
    file: Reservation | None
    start_within_s: float


class Session:
    """Makes one part: `open` it once, then `close` it."""

    def __init__(self, plot: Plot, caller: Caller) -> None:
        self._plot = plot
        self._caller = caller
        self._opening = anyio.CancelScope()
        self._opened = anyio.Event()
        self._watching = anyio.CancelScope()
        self._closing = anyio.Lock()
        self._asked_to_end = False
        self._died: Observation | None = None
        self._closed: Observation | None = None
        self._keeping: Call[tuple[Path, int] | None] | None = None

    @property
    def input(self) -> int:
        """The input that it occupies."""
        return self._plot.order.input

    @property
    def over(self) -> bool:
        """Whether nothing of it is running any more, as far as can be seen."""
        return self._closed is not None or self._fault is not None

    async def open(self) -> Observation:
        """Begin, and wait for the proof that data flows.

        Raises:
            DriverError: there is none, and why; nothing is left running then.
        """
        try:
            await self._begin()
        except BaseException:
            await self._abandon()
            raise
        finally:
            self._opened.set()
        self._caller.spawn(self._watch)
        return self.observation()

    def observation(self) -> Observation:
        """Give what was last seen; asks nobody, so it never waits."""
        if self._closed is not None:
            return self._closed
        proof, growth, order = self._plot.proof, self._plot.growth, self._plot.order
        shown = Observation(
            token=order.token,
            input=order.input,
            state=self._state(),
            first_data_at=proof.first_at,
            last_data_at=proof.last_at,
            bytes=growth.bytes if growth is not None else 0,
            files=(self._plot.file.part,) if self._plot.file is not None else (),
            reference=self._plot.act.reference,
        )
        if self._asked_to_end:
            return shown
        if self._fault is not None:
            return replace(shown, end=EndReason.DIED, detail=self._fault)
        return replace(shown, detail=proof.trouble if shown.state is SessionState.SILENT else None)

    async def close(self) -> Observation:
        """End it for sure, finish its file, and give what it came to; a second call too.

        Raises:
            DriverError: its end cannot be confirmed.
        """
        self._opening.cancel()
        await self._opened.wait()
        async with self._closing:
            if self._closed is None:
                if self.over and not self._asked_to_end:
                    self._died = self.observation()
                self._asked_to_end = True
                self._watching.cancel()
                roughness = await self._plot.act.end()
                self._closed = await self._conclude(roughness)
            return self._closed

    @property
    def _fault(self) -> str | None:
        return self._plot.act.fault or self._plot.proof.gone

    def _state(self) -> SessionState:
        if self._fault is not None:
            return SessionState.ENDED
        last, proof = self._plot.proof.last_at, self._plot.proof
        if last is not None and self._caller.clock.now() - last < proof.patience:
            return SessionState.FLOWING
        return SessionState.SILENT

    async def _begin(self) -> None:
        with self._opening:
            await self._plot.proof.begin()
            await self._plot.act.begin()
            await self._first_data()
        if self._opening.cancelled_caught:
            raise TryAgainError(Reason.DEVICE_ENDED, "it was stopped while it started")

    async def _first_data(self) -> None:
        """Look until the proof is there, the time is up, or the end came first."""
        proof, within_s = self._plot.proof, self._plot.start_within_s
        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as race:

                async def until_ended() -> None:
                    await self._plot.act.ended()
                    race.cancel_scope.cancel()

                race.start_soon(until_ended)
                await proof.look()
                while proof.first_at is None:
                    await self._caller.clock.sleep(proof.at_first_every_s)
                    await proof.look()
                race.cancel_scope.cancel()
        if self._fault is not None:
            raise TryAgainError(Reason.DEVICE_ENDED, self._fault)
        if proof.first_at is None:
            why = f": {proof.trouble}" if proof.trouble is not None else ""
            raise TryAgainError(Reason.DEVICE_SILENT, f"no data within {within_s:g} s{why}")

    async def _watch(self) -> None:
        """Go on looking until the session is over or to be closed."""
        proof, growth = self._plot.proof, self._plot.growth
        with self._watching:
            while not self.over:
                await self._caller.clock.sleep(proof.every_s)
                await proof.look()
                if growth is not None and growth is not proof:
                    await growth.look()

    async def _abandon(self) -> None:
        """Leave nothing behind a start that failed or was cancelled."""
        with anyio.CancelScope(shield=True):
            self._asked_to_end = True
            try:
                await self._plot.act.end()
            finally:
                shown = replace(self.observation(), state=SessionState.ENDED, files=(), bytes=0)
                self._closed = replace(shown, end=EndReason.NO_DATA, detail=await self._discard())

    async def _discard(self) -> str | None:
        """Remove the file; gives why it could not be, if so."""
        if self._plot.file is None:
            return None
        try:
            with anyio.fail_after(DISK_WITHIN_S):
                await self._caller.files.begin(partial(discard, self._plot.file)).result()
        except FileError as error:
            return str(error)
        except TimeoutError:  # it goes when the disk answers
            return f"{self._plot.file.part} is still to be removed"
        return None

    async def _conclude(self, roughness: str | None) -> Observation:
        if self._plot.growth is not None:
            with anyio.move_on_after(DISK_WITHIN_S):
                await self._plot.growth.look()
        shown = self._died or replace(self.observation(), detail=roughness)
        shown = replace(shown, state=SessionState.ENDED)
        if self._plot.file is None:
            return shown
        if self._keeping is None:
            self._keeping = self._caller.files.begin(partial(_keep, self._plot.file))
        try:
            kept = await self._keeping.result()
        except FileError as error:
            return replace(shown, detail=str(error))
        if kept is None:
            said = f": {shown.detail}" if shown.detail else ""
            return replace(shown, files=(), bytes=0, detail=f"its file stayed empty{said}")
        path, size = kept
        return replace(shown, files=(path,), bytes=size)


def _keep(file: Reservation) -> tuple[Path, int] | None:
    """Finish a file, or remove one in which nothing was written."""
    if file.part.is_file() and file.part.stat().st_size == 0:
        discard(file)
        return None
    return finish(file)
