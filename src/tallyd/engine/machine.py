"""The disk that all recordings share: looked at, and told of when that changes; and the clock."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import anyio

from tallyd.domain.health import (
    Demand,
    DiskHealth,
    DiskState,
    Room,
    judge_disk,
)
from tallyd.domain.model import Reason
from tallyd.engine.announcer import Announcer
from tallyd.engine.trust import Trust
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk, DiskError

if TYPE_CHECKING:
    from datetime import datetime

DISK_ANSWERS_WITHIN_S = 5.0

_DISK_TROUBLES = {DiskState.LOW, DiskState.UNKNOWN, DiskState.FULL, DiskState.MISSING}
_NOT_RECORDED_TO = {DiskState.UNKNOWN, DiskState.FULL, DiskState.MISSING}


class Machine:
    """What is known of the disk of the recordings, and of the wall clock."""

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        announcer: Announcer,
        trust: Trust,
        disk_back: Callable[[], None],
    ) -> None:
        self.disk = DiskHealth()
        self._trust = trust
        self._disk = disk
        self._clock = clock
        self._announcer = announcer
        self._disk_back = disk_back
        self._checked_at: datetime | None = None

    async def look(self, demands: Iterable[Demand]) -> None:
        """Look at the disk; `demands` are what runs and what is planned."""
        found = await self._ask_disk()
        now = self._clock.now()
        disk = judge_disk(found, demands, now) if isinstance(found, Room) else found
        self._checked_at = now
        self._take_disk(disk)

    def pictures(self) -> Mapping[str, Mapping[str, object]]:
        """Give both for people."""
        room, clock = self.disk.room, self._trust.health
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
                "state": clock.state,
                "sentence": clock.sentence,
                "trusted": clock.trusted,
                "next": clock.next,
                "checked_at": self._clock.now(),
            },
        }

    @property
    def waits_for_the_disk(self) -> bool:
        """Whether nothing can be recorded to the disk for now, as far as is known."""
        return self.disk.state in _NOT_RECORDED_TO and self.disk.sentence is not None

    async def _ask_disk(self) -> Room | DiskHealth:
        """Give how much room there is, or what is wrong with the disk."""
        try:
            with anyio.fail_after(DISK_ANSWERS_WITHIN_S):
                return await self._disk.room()
        except DiskError as error:
            missing = error.reason is Reason.DISK_MISSING
            state = DiskState.MISSING if missing else DiskState.UNKNOWN
            return DiskHealth(state, sentence=str(error))
        except TimeoutError:
            sentence = f"the disk does not answer within {DISK_ANSWERS_WITHIN_S:g} s"
            return DiskHealth(DiskState.UNKNOWN, sentence=sentence)

    def _take_disk(self, found: DiskHealth) -> None:
        waited = self.waits_for_the_disk
        before, self.disk = self.disk, found
        if waited and not self.waits_for_the_disk:
            self._disk_back()
        was_troubled = before.state in _DISK_TROUBLES and before.sentence is not None
        if found.state in _DISK_TROUBLES:
            if not was_troubled or before.state is not found.state:
                self._announcer.say_at(
                    "error" if found.state in _NOT_RECORDED_TO else "warning",
                    "disk.troubled",
                    state=found.state,
                    detail=found.sentence,
                    free_bytes=found.room.free if found.room else None,
                )
        elif was_troubled and found.room is not None:
            self._announcer.say("disk.recovered", free_bytes=found.room.free)
