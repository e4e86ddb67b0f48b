"""Whose turn it is: woken targets are looked at in order, a few at a time. It decides nothing.

A herd of targets that are woken at once so leaves the loop to devices and clocks in between.
"""

import traceback
from collections import deque
from typing import Protocol

import anyio

from tallyd.engine.announcer import Announcer
from tallyd.engine.gap import Gap
from tallyd.ports.clock import Clock

SLICE_S = 0.002
"""After so long the loop is given back: nothing else waits longer for a herd."""


class Member(Protocol):
    """What waits for its turn."""

    @property
    def target(self) -> str:
        """The key of the target that it keeps."""
        ...

    def take_turn(self) -> None:
        """Do, in memory and at once, what there is to do."""
        ...


class Rounds:
    """One task for all targets; what fails costs its own turn, and is reported."""

    def __init__(self, clock: Clock, announcer: Announcer, gap: Gap) -> None:
        self._clock = clock
        self._announcer = announcer
        self._gap = gap
        self._waiting: deque[Member] = deque()
        self._more = anyio.Event()

    def join(self, member: Member) -> None:
        """Give a member a turn, soon; one that waits already must not join again."""
        self._waiting.append(member)
        if len(self._waiting) == 1:
            self._more.set()

    async def run(self) -> None:
        """Give turns until cancelled."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            while self._waiting:
                # Devices that are told to start at this instant are called first.
                await self._gap.wait()
                self._slice()

    def _slice(self) -> None:
        until_s = self._clock.monotonic() + SLICE_S
        while self._waiting:
            self._give_turn(self._waiting.popleft())
            if self._clock.monotonic() > until_s:
                return

    def _give_turn(self, member: Member) -> None:
        try:
            member.take_turn()
        except Exception as error:  # noqa: BLE001 - the fence: one target must not end the others
            self._announcer.say(
                "task.failed",
                task=member.target,
                error=repr(error),
                exception="".join(traceback.format_exception(error)),
            )
