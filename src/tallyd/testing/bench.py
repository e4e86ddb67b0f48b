"""Where drivers are put to the test: a driver at work, what it is ordered, and its successors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from tallyd.domain.window import Window
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import (
    BackgroundTask,
    Driver,
    DriverContext,
    Observation,
    StartOrder,
)

_DEADLINE_S = 30.0
EARLIEST = timedelta(seconds=1)
"""First data may come so much before its time, and what is known of it may be so vague."""


class NonConformity(AssertionError):  # noqa: N818 - what it is
    """A driver does not keep the contract: the sentence says which part."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is under test: `make` builds the driver, once for each check, from a fresh context.

    `run_s` is how long sessions run before they are looked at. `break_session` ends the session
    that an observation shows behind the driver's back; without it that check is left out.
    """

    make: Callable[[DriverContext], Driver]
    clock: Clock
    directory: Path
    capacity: int = 1
    run_s: float = 0.5
    break_session: Callable[[Observation], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """A driver at work, and the orders that the checks give it."""

    subject: Subject
    driver: Driver
    life: "Life"

    def succeed(self) -> "Bench":
        """End what the driver runs, as when its process dies, and give the one that comes next."""
        self.life.end()
        return self.life.again(self.subject)

    def order(self, token: str, *, on_input: int = 0, name: str | None = None) -> StartOrder:
        """Make the order for a part of a minute that begins now, in a file of its own."""
        now = self.subject.clock.now()
        return StartOrder(
            target="rooms.conformance",
            input=on_input,
            token=token,
            name="Conformance",
            piece=Window(now, now + timedelta(minutes=1)),
            output=self.subject.directory / (name or token),
        )

    async def run(self) -> None:
        """Let what runs run for a while."""
        await self.subject.clock.sleep(self.subject.run_s)

    async def shown(self, token: str) -> Observation | None:
        """Give what the driver shows of a session; None where it shows nothing."""
        return next((o for o in await self.driver.observe() if o.token == token), None)


class Life:
    """The time of one driver: the tasks that it runs beside itself, and their end."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._scopes: list[anyio.CancelScope] = []

    def again(self, subject: Subject) -> Bench:
        """Put a new driver to work, in a life of its own."""
        life = Life(self._tasks)
        context = DriverContext(
            target="rooms.conformance",
            capacity=subject.capacity,
            clock=subject.clock,
            spawn=life.spawn,
            root=subject.directory,
            locks=subject.directory / ".locks",
        )
        return Bench(subject, subject.make(context), life)

    def spawn(self, task: BackgroundTask) -> None:
        """Run a task until it or this life ends."""
        scope = anyio.CancelScope()
        self._scopes.append(scope)

        async def run() -> None:
            with scope:
                await task()

        self._tasks.start_soon(run)

    def end(self) -> None:
        """End all of them."""
        for scope in self._scopes:
            scope.cancel()


Check = Callable[[Bench], Awaitable[None]]


async def verify(check: Check, subject: Subject) -> None:
    """Build the driver and run one check on it, within half a minute.

    Raises:
        NonConformity: the driver does not keep the contract.
        DriverError: the driver could not do what it was asked.
        TimeoutError: the check took too long.
    """
    failures: list[Exception] = []
    async with anyio.create_task_group() as tasks:
        try:
            with anyio.fail_after(_DEADLINE_S):
                await check(Life(tasks).again(subject))
        except Exception as error:  # noqa: BLE001 - raised below: the group would wrap it
            failures.append(error)
        tasks.cancel_scope.cancel()
    for failure in failures:
        raise failure


def expect(held: object, sentence: str) -> None:
    """Raise `sentence` unless it held."""
    if not held:
        raise NonConformity(sentence)
