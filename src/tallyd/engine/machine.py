"""The disk and the clock that all recordings share: looked at, and told of when that changes."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import anyio

from tallyd.domain.health import (
    ClockHealth,
    ClockState,
    Demand,
    DiskHealth,
    DiskState,
    Room,
    judge_clock,
    judge_disk,
)
from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk, DiskError

if TYPE_CHECKING:
    from datetime import datetime

DISK_ANSWERS_WITHIN_S = 5.0

_DISK_TROUBLES = {DiskState.LOW, DiskState.UNKNOWN}
_CLOCK_TROUBLES = {ClockState.UNSYNCHRONISED, ClockState.IMPLAUSIBLE}


class Machine:
    """What is known of the disk of the recordings, and of the wall clock."""

    def __init__(self, disk: Disk, clock: Clock, announcer: Announcer) -> None:
        self.disk = DiskHealth()
        self.clock = ClockHealth()
        self._disk = disk
        self._clock = clock
        self._announcer = announcer
        self._checked_at: datetime | None = None

    async def look(self, demands: Iterable[Demand]) -> None:
        """Look at both; `demands` are what runs and what is planned."""
        found = await self._ask_disk()
        now = self._clock.now()
        if isinstance(found, Room):
            disk = judge_disk(found, demands, now)
        else:
            disk = DiskHealth(DiskState.UNKNOWN, sentence=found)
        clock = judge_clock(now, synchronised=self._clock.synchronised())
        self._checked_at = now
        self._take_disk(disk)
        self._take_clock(clock)

    def pictures(self) -> Mapping[str, Mapping[str, object]]:
        """Give both for people."""
        room = self.disk.room
        return {
            "disk": {
                "state": self.disk.state,
                "free_bytes": room.free if room else None,
                "total_bytes": room.total if room else None,
                "full_at": self.disk.full_at,
                "sentence": self.disk.sentence,
                "checked_at": self._checked_at,
            },
            "clock": {
                "state": self.clock.state,
                "sentence": self.clock.sentence,
                "checked_at": self._checked_at,
            },
        }

    async def _ask_disk(self) -> Room | str:
        """Give how much room there is, or what is wrong with the disk."""
        try:
            with anyio.fail_after(DISK_ANSWERS_WITHIN_S):
                return await self._disk.room()
        except DiskError as error:
            return str(error)
        except TimeoutError:
            return f"the disk does not answer within {DISK_ANSWERS_WITHIN_S:g} s"

    def _take_disk(self, found: DiskHealth) -> None:
        before, self.disk = self.disk, found
        was_troubled = before.state in _DISK_TROUBLES and before.sentence is not None
        if found.state in _DISK_TROUBLES:
            if not was_troubled or before.state is not found.state:
                self._announcer.say(
                    "disk.troubled",
                    state=found.state,
                    detail=found.sentence,
                    free_bytes=found.room.free if found.room else None,
                )
        elif was_troubled and found.room is not None:
            self._announcer.say("disk.recovered", free_bytes=found.room.free)

    def _take_clock(self, found: ClockHealth) -> None:
        before, self.clock = self.clock, found
        if found.state is before.state:
            return
        if found.state in _CLOCK_TROUBLES:
            self._announcer.say("clock.doubted", state=found.state, detail=found.sentence)
        elif before.state in _CLOCK_TROUBLES:
            self._announcer.say("clock.trusted")
