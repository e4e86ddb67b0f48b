"""The inputs of one device: which is free, and what runs on the others. Nothing is decided here."""

from collections.abc import Collection
from math import inf

import anyio

from tallyd.domain.window import Window
from tallyd.engine.executor import Assignment, Listener, Session
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import Driver


class Executor:
    """Drives one input for good: a task that waits for sessions, one at a time."""

    def __init__(self, number: int, listener: Listener) -> None:
        self.number = number
        self.session: Session | None = None
        self._listener = listener
        self._within: anyio.CancelScope | None = None
        self._data_by_s = inf
        self._assigned = anyio.Event()

    def expect(self, session: Session, in_s: float) -> None:
        """Set the deadline of a start that will be commanded in so long.

        Entering its scope and setting it at the instant itself would cost a herd milliseconds.
        """
        self._data_by_s = anyio.current_time() + in_s + session.start_timeout_s
        if self._within is not None:
            self._within.deadline = self._data_by_s

    def expect_nothing(self) -> None:
        """Take back what was expected: that start was called off."""
        self._data_by_s = inf
        if self._within is not None:
            self._within.deadline = inf

    def assign(self, session: Session) -> None:
        """Make a part now, as was expected; only an executor without a session may be given one."""
        self.session = session
        self._assigned.set()

    async def run(self) -> None:
        """Work off sessions until cancelled."""
        while True:
            try:
                await self._work()
            finally:
                self._release()

    async def _work(self) -> None:
        try:
            with anyio.CancelScope(deadline=self._data_by_s) as self._within:
                await self._assigned.wait()
                if self.session is not None:
                    await self.session.begin(self._within)
            if self.session is not None:
                await self.session.carry_on()
        except anyio.get_cancelled_exc_class():
            if self.session is not None:
                await self.session.abandon()
            raise

    def _release(self) -> None:
        self._assigned = anyio.Event()
        self._within, self._data_by_s = None, inf
        session, self.session = self.session, None
        if session is not None:
            session.over.set()
            self._listener.input_free()


class Inputs:
    """All inputs of a target, each with executors of its own; none where there is no driver.

    Where sessions may overlap an input has two: the next opens while the last one still closes.
    """

    def __init__(
        self, driver: Driver | None, capacity: int, clock: Clock, listener: Listener
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._listener = listener
        self.overlap = driver is not None and driver.traits.overlap
        each = 2 if self.overlap else 1
        self.executors = tuple(
            Executor(number, listener)
            for number in range(capacity if driver else 0)
            for _ in range(each)
        )

    @property
    def sessions(self) -> tuple[Session, ...]:
        """What the device is doing for us now."""
        return tuple(e.session for e in self.executors if e.session is not None)

    def free_for(self, piece: Window, taken: Collection[int]) -> Executor | None:
        """Give the lowest input on which nothing runs into `piece`, and that is not `taken`."""
        for executor in self.executors:
            if executor.session is not None or executor.number in taken:
                continue
            busy = [
                other.session
                for other in self.executors
                if other.number == executor.number and other.session is not None
            ]
            if not busy or (self.overlap and all(s.part.piece.stop <= piece.start for s in busy)):
                return executor
        return None

    def beside(self, session: Session) -> Executor | None:
        """Give the other place of the input that a session uses, if there is one and it is free."""
        for executor in self.executors:
            if executor.number == session.part.input and executor.session is None:
                return executor
        return None

    def session(self, assignment: Assignment) -> Session:
        """Give the session that makes a part, once an executor is assigned it.

        Raises:
            LookupError: there is no driver, so there is no input to make it on.
        """
        if self._driver is None:
            raise LookupError(f"no driver to make {assignment.part.token}")
        return Session(assignment, self._driver, self._clock, self._listener)

    def adopt(self, assignment: Assignment) -> bool:
        """Take over a part that is under way; False where its input is not one of these."""
        session = self.session(assignment)
        executor = self.beside(session)
        if executor is not None:
            executor.assign(session)
        return executor is not None

    async def settled(self) -> None:
        """Wait until no session is left whose end has been asked for."""
        for executor in self.executors:
            while executor.session is not None and executor.session.ending:
                await executor.session.over.wait()

    async def idle(self) -> None:
        """Wait until no session is left."""
        for executor in self.executors:
            while executor.session is not None:
                await executor.session.over.wait()
