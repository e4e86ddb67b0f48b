"""Threads for calls that a disk may hang: a bounded number, and whoever waits may give up.

What a call does is not known here.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from tallyd.ports.drivers import BackgroundTask

T = TypeVar("T")
Spawn = Callable[[BackgroundTask], None]
Undo = Callable[[T], Awaitable[object]]

GRACE_S = 1.0
"""So long a call that is wanted no longer is waited for: most end at once."""


class Call(Generic[T]):
    """One call in a thread: made once, however often who waits for it gives up and comes again."""

    def __init__(self, work: Callable[[], T], limiter: anyio.CapacityLimiter) -> None:
        self._work = work
        self._limiter = limiter
        self._waits_for_a_thread = anyio.CancelScope()
        self._begun = False
        self._withdrawn = False
        self._undo: Undo[T] | None = None
        self._over = anyio.Event()
        self._results: list[T] = []
        self._error: Exception | None = None

    async def result(self) -> T:
        """Wait for what it gives, or raises."""
        await self._over.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]

    async def withdraw(self, undo: Undo[T] | None = None) -> None:
        """Want it no longer: what has not begun never does; of what has the result is undone.

        Returns once that is done; cancelled, it is done all the same, when the call returns.
        """
        # In this order: the thread says that it has begun, and only then looks whether it may.
        self._withdrawn = True
        if not self._begun:
            self._waits_for_a_thread.cancel()
        try:
            await self._over.wait()
        except anyio.get_cancelled_exc_class():
            self._undo = undo
            raise
        if undo is not None and self._results:
            await undo(self._results[0])

    async def carry_out(self) -> None:
        """Make the call, in its turn; to be run beside who waits for it."""
        try:
            with self._waits_for_a_thread:
                # Given up only where the loop itself ends: nothing must keep a daemon from that.
                await anyio.to_thread.run_sync(
                    self._make, limiter=self._limiter, abandon_on_cancel=True
                )
        except Exception as error:  # noqa: BLE001 - whatever it raises is for who waits
            self._error = error
        self._over.set()
        if self._undo is not None and self._results:
            await self._undo(self._results[0])

    def _make(self) -> None:
        self._begun = True
        if not self._withdrawn:
            self._results.append(self._work())


class Threads:
    """So many threads and no more, also where some of them hang for ever."""

    def __init__(self, most: int, spawn: Spawn) -> None:
        self._limiter = anyio.CapacityLimiter(most)
        self._spawn = spawn

    def begin(self, work: Callable[[], T]) -> Call[T]:
        """Have a call made, whoever waits for it."""
        call = Call(work, self._limiter)
        self._spawn(call.carry_out)
        return call

    async def run(self, work: Callable[[], T], undo: Undo[T] | None = None) -> T:
        """Make a call and give its result; cancelled, have its result undone, now or whenever.

        A call that a disk hangs takes one of the threads for as long as it hangs.
        """
        call = self.begin(work)
        try:
            return await call.result()
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(GRACE_S, shield=True):
                await call.withdraw(undo)
            raise
