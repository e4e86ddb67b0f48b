"""What clients see of rooms: cameras, whether they record, whether they can. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tallyd.domain.model import Target

Json = dict[str, object]

_INPUTS = 100
"""More than any room has, so that the ids of cameras tell the room."""


class RoomStatus(StrEnum):
    """What VALT calls a room; `prepared` is for devices that are set up ahead, as none is here."""

    AVAILABLE = "available"
    RECORDING = "recording"
    PAUSED = "paused"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Session:
    """What holds a room now: the run, and since when it records; None: not yet.

    `open_to_caller` tells whether whoever asks may see what is recorded.
    """

    run_id: int
    since: datetime | None
    paused: bool
    open_to_caller: bool

    def seconds(self, now: datetime) -> int:
        """Give how long it has been going, pauses included."""
        return 0 if self.since is None else max(0, (now - self.since) // timedelta(seconds=1))


@dataclass(frozen=True, slots=True)
class Room:
    """A target of the kind that records, and what it is doing."""

    target: Target
    session: Session | None = None

    @property
    def status(self) -> RoomStatus:
        """What goes on there: a recording goes before a lock, which ends none."""
        if self.session is not None:
            return RoomStatus.PAUSED if self.session.paused else RoomStatus.RECORDING
        return RoomStatus.AVAILABLE if self.target.locked_since is None else RoomStatus.LOCKED


def status_view(room: Room) -> Json:
    """Give what a room does now, and the recording if there is one."""
    session = room.session
    recording: Json = (
        {"record_id": session.run_id, "record_access": session.open_to_caller} if session else {}
    )
    return {"data": {"status": room.status.value, "record": session is not None, **recording}}


def info_view(room: Room, now: datetime) -> Json:
    """Give a room with its recording, which is left out where there is none."""
    session = room.session
    recording: Json = (
        {"recording": {"id": session.run_id, "time": session.seconds(now)}} if session else {}
    )
    return {
        "id": room.target.public_id,
        "name": room.target.name,
        "has_recording": session is not None,
        **recording,
    }


def cameras_view(target: Target) -> list[Json]:
    """Give the inputs of a room."""
    return [
        {
            "id": target.public_id * _INPUTS + number,
            "name": target.name if target.capacity == 1 else f"{target.name} {number + 1}",
            "type": "video",
        }
        for number in range(target.capacity)
    ]


def room_view(target: Target) -> Json:
    """Give a room as an administrator sees it; nothing here starts by a switch at its door."""
    return {
        "id": target.public_id,
        "name": target.name,
        "is_io": False,
        "cameras": cameras_view(target),
    }
