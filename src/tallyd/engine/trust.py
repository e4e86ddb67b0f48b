"""Whether the wall clock may be acted upon: looked at again and again, told of when that changes.

It starts nothing and judges nothing: others ask it whether they may.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import anyio

from tallyd.domain.health import LARGE_STEP, ClockHealth, ClockState, ClockTrust, judge_clock
from tallyd.domain.window import MILLISECOND
from tallyd.engine.announcer import Announcer
from tallyd.engine.past import Past
from tallyd.ports.clock import Clock

LOOK_AGAIN_S = 5.0
LOOK_AGAIN_IN_DOUBT_S = 1.0

SETTLES_WITHIN_S = 60.0
"""So long after a large step nothing is judged missed: whoever set the clock may set it back."""

ROWS_WITHIN_S = 1.0
"""So long after a large step the ledger is waited for before anything starts: what lies around that
time may have been recorded before. A disk that takes longer holds up nothing."""

_TROUBLES = {ClockState.UNSYNCHRONISED, ClockState.IMPLAUSIBLE}


class Trust:
    """The wall clock, as far as it can be trusted; `health` is what is known of it.

    `changed` is called when more or less may be done than before.
    """

    def __init__(
        self, clock: Clock, announcer: Announcer, past: Past, changed: Callable[[], None]
    ) -> None:
        self.rule = ClockTrust.PLAUSIBLE
        self.health = ClockHealth()
        self._clock = clock
        self._announcer = announcer
        self._past = past
        self._changed = changed
        self._latest: datetime | None = None
        self._begun = self._believed = False
        self._doubted_s = clock.monotonic()
        self._rows_by_s = self._settled_s = self._doubted_s
        self._woken = anyio.Event()

    @property
    def is_given(self) -> bool:
        """Whether the clock is believed: something may start by it, and be judged."""
        return self.health.trusted

    @property
    def is_settled(self) -> bool:
        """Whether it is believed, and was not set by much for a while."""
        return self.is_given and self._clock.monotonic() >= self._settled_s

    @property
    def lets_start(self) -> bool:
        """Whether it is believed, and the ledger around its time is known."""
        return self.is_given and self._clock.monotonic() >= self._rows_by_s

    def begin(self, rule: ClockTrust, latest: datetime | None) -> None:
        """Look for the first time; `latest` is when this appliance is known to have worked."""
        self.rule, self._latest, self._begun = rule, latest, True
        self._look()

    def clock_was_set(self) -> None:
        """Take in that the clock was set, and say so."""
        by = self._past.clock_was_set()
        self._announcer.say("alarm.clock_stepped", now=self._clock.now(), by_ms=by // MILLISECOND)
        if abs(by) > LARGE_STEP:
            self._settled_s = self._clock.monotonic() + SETTLES_WITHIN_S
            self._rows_by_s = self._clock.monotonic() + ROWS_WITHIN_S
        if self._begun:
            self._look()
        self._woken.set()

    def rows_are_known(self) -> None:
        """Take in that the ledger around the time of the clock was read."""
        self._rows_by_s = self._clock.monotonic()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self._woken = anyio.Event()
            before = self._what_may_be_done()
            with anyio.move_on_after(self._pause_s()):
                await self._woken.wait()
            self._past.beat()
            self._look()
            if self._what_may_be_done() != before:
                self._changed()

    def _what_may_be_done(self) -> tuple[bool, bool, bool]:
        return self.is_given, self.lets_start, self.is_settled

    def _pause_s(self) -> float:
        now_s = self._clock.monotonic()
        ahead = [at_s - now_s for at_s in (self._rows_by_s, self._settled_s) if at_s > now_s]
        return min([LOOK_AGAIN_S if self.is_given else LOOK_AGAIN_IN_DOUBT_S, *ahead])

    def _look(self) -> None:
        before, self.health = self.health, self._judge()
        now_s = self._clock.monotonic()
        doubted_s = 0.0
        if self.is_given:
            if not before.trusted:
                doubted_s = now_s - self._doubted_s
                self._rows_by_s = now_s + ROWS_WITHIN_S
            self._past.trust()
        elif before.trusted:
            self._doubted_s = now_s
            doubted_at = self._past.doubt()
            if self._believed:
                self._latest = doubted_at
        self._believed = self.is_given
        self._tell(before, timedelta(seconds=doubted_s))

    def _judge(self) -> ClockHealth:
        now, synchronised = self._clock.now(), self._clock.synchronised()
        if self._believed:
            return judge_clock(now, synchronised=synchronised)
        waited = timedelta(seconds=self._clock.monotonic() - self._doubted_s)
        return judge_clock(
            now, synchronised=synchronised, trust=self.rule, latest=self._latest, waited=waited
        )

    def _tell(self, before: ClockHealth, doubted_for: timedelta) -> None:
        """Say once what changed."""
        found = self.health
        if (found.state, found.trusted) == (before.state, before.trusted):
            return
        now, doubted_ms = self._clock.now(), doubted_for // MILLISECOND
        gained = found.trusted and not before.trusted
        if gained and self.rule is ClockTrust.SYNCHRONISED and found.state is not ClockState.OK:
            self._announcer.say("clock.wait_ended", now=now, waited_ms=doubted_ms)
        elif gained:
            self._announcer.say("clock.trusted", now=now, doubted_ms=doubted_ms)
        elif not found.trusted or found.state is ClockState.UNSYNCHRONISED:
            self._announcer.say(
                "clock.doubted",
                state=found.state,
                trusted=found.trusted,
                detail=found.sentence,
                next=found.next,
            )
        elif before.state in _TROUBLES:
            self._announcer.say("clock.trusted", now=now, doubted_ms=doubted_ms)
