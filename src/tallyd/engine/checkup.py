"""The device of one target, asked how it is: one question at a time, and none while it records."""

from collections.abc import Callable, Collection
from datetime import datetime

import anyio
import anyio.abc

from tallyd.domain.health import DeviceHealth, answered, failed, next_check
from tallyd.engine.executor import Session
from tallyd.engine.fence import FencedDriver
from tallyd.engine.presence import is_recording
from tallyd.engine.staff import Installed
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import DriverError, Traits

ROUTINE_S = 300.0
"""So often a device is asked when nothing is planned."""

ASK_AGAIN_S = 30.0
"""So often one is asked that did not answer."""

QUIET_S = 6.0
"""Nothing but a start touches a device so shortly before one; no lead is longer than 5 s."""

LEAST_PATIENCE_S = 1.0
"""A question that would have to be broken off sooner is not asked."""

Heard = Callable[["Checkup", DeviceHealth], None]
"""Called after each look that told something, with what was known before."""


class Checkup:
    """What is known of one device, and when it is to be looked at again."""

    def __init__(
        self,
        target: str,
        installed: Installed,
        driver: FencedDriver | None,
        clock: Clock,
        heard: Heard,
    ) -> None:
        self.target = target
        self.installed = installed
        self.driver = driver
        self.traits = installed.driver.traits if installed.driver else Traits()
        self.health = DeviceHealth()
        if self.driver is None:
            self.health = DeviceHealth(sentence=installed.problem or "it has no driver")
        self._clock = clock
        self._heard = heard
        self._ask_at_s = 0.0
        self._checked: dict[datetime, datetime] = {}
        self._question: anyio.CancelScope | None = None
        self._records = False

    @property
    def is_asking(self) -> bool:
        """Whether a question is under way."""
        return self._question is not None

    def next_check(self, start: datetime) -> datetime | None:
        """Give when the next pre-flight of a piece is due; an instant gone by means at once."""
        return next_check(start, self._checked.get(start))

    def checked(self, start: datetime, now: datetime) -> None:
        """Note that a pre-flight of a piece is made."""
        self._checked = {each: at for each, at in self._checked.items() if each > now}
        self._checked[start] = now

    def mind(self, sessions: Collection[Session], now: datetime) -> None:
        """Take in what the device does for us: data are the best answer, and ask for no other.

        One that has just ended its work is asked soon: it may have ended because it is gone.
        """
        if sessions:
            if self._question is not None:
                self._question.cancel()
            if any(is_recording(session, now) for session in sessions):
                self._take(answered(self.health, None, now))
        elif self._records:
            self._ask_at_s = 0.0
        self._records = bool(sessions)

    @property
    def asked_in_s(self) -> float:
        """In how many seconds the device is to be asked, planned or not; 0 or less is now."""
        if not self.may_be_asked:
            return ROUTINE_S
        return self._ask_at_s - self._clock.monotonic()

    @property
    def may_be_asked(self) -> bool:
        """Whether there is a device that could answer, and that does nothing for us now."""
        return self.driver is not None and not self._records and not self.is_asking

    def put_off(self) -> None:
        """Ask later than was meant."""
        self._ask_at_s = self._clock.monotonic() + ASK_AGAIN_S

    def ask(
        self,
        tasks: anyio.abc.TaskGroup,
        turn: anyio.CapacityLimiter,
        first_start: datetime | None,
        then: Callable[[], None],
    ) -> None:
        """Have the device asked when its turn comes, and `then` called, whatever came of it.

        A question that a start leaves no time for is not asked.
        """
        question = self._question = anyio.CancelScope()
        self.put_off()

        async def asked() -> None:
            try:
                with question:
                    async with turn:
                        await self._ask(self._patience_s(first_start))
            finally:
                self._question = None
            then()

        tasks.start_soon(asked)

    async def _ask(self, patience_s: float) -> None:
        if self.driver is None or patience_s < LEAST_PATIENCE_S:
            return
        try:
            with anyio.fail_after(patience_s):
                words = await self.driver.probe()
        except DriverError as error:
            self._take(failed(self.health, error.sentence, self._clock.now()))
        except TimeoutError:
            if patience_s < self._timeout_s:
                return  # a start came first: it will tell
            sentence = f"it does not answer within {patience_s:g} s"
            self._take(failed(self.health, sentence, self._clock.now()))
        else:
            self._take(answered(self.health, words, self._clock.now()))
            self._ask_at_s = self._clock.monotonic() + ROUTINE_S

    @property
    def _timeout_s(self) -> float:
        return self.traits.call_timeout_ms / 1_000

    def _patience_s(self, first_start: datetime | None) -> float:
        if first_start is None:
            return self._timeout_s
        left_s = (first_start - self._clock.now()).total_seconds() - QUIET_S
        return min(self._timeout_s, left_s)

    def _take(self, health: DeviceHealth) -> None:
        before, self.health = self.health, health
        self._heard(self, before)
