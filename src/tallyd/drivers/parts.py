"""What drivers share: the parts they run by token, what ended ones came to, a file for the next."""

from collections import OrderedDict
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import anyio

from tallyd.domain.model import Reason
from tallyd.drivers.files import Reservation, discard, reserve
from tallyd.drivers.threads import Threads
from tallyd.ports.disk import DiskError
from tallyd.ports.drivers import (
    DriverContext,
    GiveUpError,
    Observation,
    SessionState,
    StartOrder,
    TryAgainError,
)

STOPPED_KEPT = 32
"""How many stopped parts are remembered, for those who ask twice."""

DISK_ANSWERS_WITHIN_S = 5.0


class Occupying(Protocol):
    """A session that may hold an input."""

    @property
    def input(self) -> int:
        """The input that it uses."""
        ...

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ...


S = TypeVar("S", bound=Occupying)


class Parts(Generic[S]):
    """The sessions of one device; those that were stopped are remembered for a while."""

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._running: dict[str, S] = {}
        self._stopped: OrderedDict[str, Observation] = OrderedDict()

    @property
    def running(self) -> tuple[S, ...]:
        """Give the sessions that were started and not stopped."""
        return tuple(self._running.values())

    def of(self, token: str) -> S | None:
        """Give the session of a part that was not stopped yet."""
        return self._running.get(token)

    def is_known(self, token: str) -> bool:
        """Tell whether a part was started here and not stopped yet."""
        return token in self._running

    def is_held(self, number: int) -> bool:
        """Tell whether a session still holds an input."""
        return any(s.input == number and not s.over for s in self._running.values())

    def check(self, order: StartOrder) -> None:
        """Make sure that an order can be meant for this device.

        Raises:
            GiveUpError: its part runs already, or its input does not exist.
        """
        if order.token in self._running:
            raise GiveUpError(Reason.DEVICE_REFUSED, f"part {order.token} runs already")
        if not 0 <= order.input < self._inputs:
            raise GiveUpError(Reason.DEVICE_REFUSED, f"there is no input {order.input}")

    def began(self, token: str, session: S) -> None:
        """Note a session."""
        self._running[token] = session

    def failed(self, token: str) -> None:
        """Forget a session that did not come to anything."""
        self._running.pop(token, None)

    def ended(self, token: str, shown: Observation) -> Observation:
        """Note what a stopped session came to, and give that."""
        self._running.pop(token, None)
        self._stopped[token] = shown
        while len(self._stopped) > STOPPED_KEPT:
            self._stopped.popitem(last=False)
        return shown

    def outcome(self, token: str) -> Observation:
        """Give what a part came to that runs no more; of an unknown one, that nothing runs."""
        return self._stopped.get(token) or Observation(
            token=token,
            input=0,
            state=SessionState.ENDED,
            first_data_at=None,
            last_data_at=None,
        )


async def reserve_file(
    base: Path, ending: str, context: DriverContext, threads: Threads
) -> Reservation:
    """Reserve the file of a part, on the disk that belongs there, in a thread: it may hang.

    Raises:
        TryAgainError: the disk does not take it, is full, is not there, or does not answer.
    """

    def work() -> Reservation:
        context.check_disk()
        return reserve(base, ending, context.root)

    async def undo(reservation: Reservation) -> None:
        with suppress(DiskError):
            await threads.run(partial(discard, reservation))

    try:
        with anyio.fail_after(DISK_ANSWERS_WITHIN_S):
            return await threads.run(work, undo)
    except DiskError as error:
        raise TryAgainError(error.reason, str(error)) from error
    except TimeoutError as error:
        sentence = f"the disk of {base.parent} does not answer within {DISK_ANSWERS_WITHIN_S:g} s"
        raise TryAgainError(Reason.DISK, sentence) from error
