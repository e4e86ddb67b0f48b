"""How devices, the disk and the clock are, and what of that is worth a warning. No I/O, no clock.

Health stands beside the verdicts and is never part of them: it starts, stops and blocks nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tallyd.domain.model import Part
from tallyd.domain.window import MILLISECOND, Window

CHECKS_AHEAD = (timedelta(minutes=15), timedelta(minutes=5), timedelta(minutes=1))
"""So long before a planned piece starts its pre-flight is made, the longest first."""

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows less: this release is not older."""

LARGE_STEP = timedelta(minutes=5)
"""A clock that is off by no more, or was set by no more, is nothing to wait for."""

SYNCHRONISED_WITHIN = timedelta(minutes=10)
"""So long a time server is waited for, where one is wanted: then any clock is better than none."""

MOST_RESERVED = 10**9
"""Bytes that are to stay free on a large disk; a small one reserves a twentieth."""

LEAST_ROOM = 64 * 10**6
"""With so few bytes free a large disk is full; a small one with a hundredth of it."""

SMALLEST_SAMPLE = timedelta(seconds=10)
"""What recorded less tells nothing of how fast files grow."""

_MS_PER_S = 1_000


class DeviceState(StrEnum):
    """Whether a device answers; unknown while nobody has asked, or nobody can."""

    OK = "ok"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """What the last look at a device showed; `since` when it is in that state, as far as known."""

    state: DeviceState = DeviceState.UNKNOWN
    since: datetime | None = None
    sentence: str | None = None
    checked_at: datetime | None = None


class DeviceChange(StrEnum):
    """What an operator is told of a device, once each time."""

    GONE = "gone"
    BACK = "back"


class DiskState(StrEnum):
    """Whether the disk is there and has room: for what is planned, and at all."""

    OK = "ok"
    SHORT = "short"
    LOW = "low"
    FULL = "full"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Room:
    """What a disk holds, in bytes."""

    free: int
    total: int

    @property
    def reserved(self) -> int:
        """What is to stay free."""
        return min(MOST_RESERVED, self.total // 20)

    @property
    def is_full(self) -> bool:
        """Whether nothing can be recorded any more that would be worth having."""
        return self.free < min(LEAST_ROOM, self.total // 100)


@dataclass(frozen=True, slots=True)
class Demand:
    """What will be written: so many bytes in each second of a window."""

    bytes_per_s: int
    window: Window


@dataclass(frozen=True, slots=True)
class DiskHealth:
    """What the last look at the disk showed; of one that did not answer nothing but that.

    `full_at` is when what runs and what is planned will have filled it up to its reserve.
    """

    state: DiskState = DiskState.UNKNOWN
    room: Room | None = None
    full_at: datetime | None = None
    sentence: str | None = None


class ClockState(StrEnum):
    """Whether the wall clock is kept right; unknown where the system does not say."""

    OK = "ok"
    UNSYNCHRONISED = "unsynchronised"
    IMPLAUSIBLE = "implausible"
    UNKNOWN = "unknown"


class ClockTrust(StrEnum):
    """What a wall clock must show before anything starts by it."""

    PLAUSIBLE = "plausible"
    SYNCHRONISED = "synchronised"


@dataclass(frozen=True, slots=True)
class ClockHealth:
    """What is known of the wall clock; `next` is what happens while that is wrong.

    Nothing starts and nothing is judged by a clock that is not `trusted`.
    """

    state: ClockState = ClockState.UNKNOWN
    sentence: str | None = None
    next: str | None = None
    trusted: bool = True


class Cause(StrEnum):
    """What endangers a recording."""

    DEVICE = "device"
    DISK = "disk"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong before a start: what will happen if nobody does anything, and what helps."""

    cause: Cause
    detail: str
    next: str
    fix: str


def next_check(start: datetime, last: datetime | None) -> datetime | None:
    """Give when the next pre-flight of a piece is due, `last` being the last one made.

    An instant that has passed means at once. None: all of them have been made.
    """
    due = (start - ahead for ahead in CHECKS_AHEAD)
    return next((at for at in due if last is None or at > last), None)


def answered(before: DeviceHealth, words: str | None, now: datetime) -> DeviceHealth:
    """Take in that a device answered: it said what it is, or its data show that it is there."""
    words = words or (before.sentence if before.state is DeviceState.OK else None)
    return _seen(before, DeviceState.OK, words, now)


def failed(before: DeviceHealth, sentence: str, now: datetime) -> DeviceHealth:
    """Take in that a device did not answer, or said that it could not start."""
    return _seen(before, DeviceState.GONE, sentence, now)


def _seen(
    before: DeviceHealth, state: DeviceState, sentence: str | None, now: datetime
) -> DeviceHealth:
    since = before.since if before.state is state else now
    return DeviceHealth(state, since, sentence, now)


def device_change(before: DeviceHealth, after: DeviceHealth) -> DeviceChange | None:
    """Give what is to be told of two looks at a device; what stands is not told again."""
    if before.state is after.state:
        return None
    if after.state is DeviceState.GONE:
        return DeviceChange.GONE
    return DeviceChange.BACK if before.state is DeviceState.GONE else None


def rate_of(parts: Iterable[Part]) -> int | None:
    """Give how many bytes a second parts wrote into their files; None where they do not tell."""
    size, length = 0, timedelta()
    for part in parts:
        if part.files and part.first_data_at is not None and part.last_data_at is not None:
            size += part.bytes
            length += part.last_data_at - part.first_data_at
    return round(size / length.total_seconds()) if length >= SMALLEST_SAMPLE else None


def full_at(free: int, demands: Iterable[Demand], now: datetime) -> datetime | None:
    """Give when `free` bytes are used up by all that is written from `now` on; None: never."""
    edges = sorted(
        edge
        for demand in demands
        for edge in (
            (max(demand.window.start, now), demand.bytes_per_s),
            (max(demand.window.stop, now), -demand.bytes_per_s),
        )
    )
    left, rate, at = max(free, 0) * _MS_PER_S, 0, now
    for instant, step in edges:
        used = rate * ((instant - at) // MILLISECOND)
        if used > left:
            return at + left // rate * MILLISECOND
        left, rate, at = left - used, rate + step, instant
    return None


def judge_disk(room: Room, demands: Iterable[Demand], now: datetime) -> DiskHealth:
    """Judge whether a disk has room for what is written from `now` on, and some to spare."""
    if room.is_full:
        sentence = f"the disk is full: {_size(room.free)} of {_size(room.total)} are free"
        return DiskHealth(DiskState.FULL, room, now, sentence)
    full = full_at(room.free - room.reserved, demands, now)
    if room.free < room.reserved:
        sentence = f"only {_size(room.free)} of {_size(room.total)} are free on the disk"
        return DiskHealth(DiskState.LOW, room, full, sentence)
    if full is None:
        return DiskHealth(DiskState.OK, room)
    sentence = (
        f"{_size(room.free)} are free on the disk, and what is planned fills it by "
        f"{full.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )
    return DiskHealth(DiskState.SHORT, room, full, sentence)


def judge_clock(
    now: datetime,
    *,
    synchronised: bool | None,
    trust: ClockTrust = ClockTrust.PLAUSIBLE,
    latest: datetime | None = None,
    waited: timedelta = timedelta(0),
) -> ClockHealth:
    """Judge the wall clock by what it shows and by whether the kernel says it is kept right.

    `latest` is an instant that was over already when this machine ran last, and `waited` how long a
    time server has been waited for, where one is wanted.
    """
    if now < RELEASED:
        return _untrusted(f"the clock shows {_minute(now)}, which is long past")
    if trust is ClockTrust.PLAUSIBLE:
        if latest is not None and now < latest - LARGE_STEP and not synchronised:
            worked = f"and this appliance has worked until {_minute(latest)} already"
            return _untrusted(f"the clock shows {_minute(now)}, {worked}")
        return _kept_right(synchronised)
    found = _kept_right(synchronised)
    if synchronised or waited >= SYNCHRONISED_WITHIN:
        return found
    minutes = SYNCHRONISED_WITHIN // timedelta(minutes=1)
    return ClockHealth(
        found.state,
        found.sentence or "the system does not let it be asked whether the clock is synchronised",
        f"nothing starts until a time server has set it, for {minutes} minutes at most; "
        "what records goes on",
        trusted=False,
    )


def _untrusted(sentence: str) -> ClockHealth:
    following = "nothing starts and nothing is judged until it is right; what records goes on"
    return ClockHealth(ClockState.IMPLAUSIBLE, sentence, following, trusted=False)


def _kept_right(synchronised: bool | None) -> ClockHealth:  # noqa: FBT001 - the kernel's answer
    if synchronised is None:
        return ClockHealth(ClockState.UNKNOWN)
    if not synchronised:
        return ClockHealth(
            ClockState.UNSYNCHRONISED,
            "the clock is not synchronised: no time server keeps it right",
            "everything starts by it all the same",
        )
    return ClockHealth(ClockState.OK)


def _minute(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def device_trouble(health: DeviceHealth) -> Trouble | None:
    """Give what the device means for a piece that is to start."""
    match health:
        case DeviceHealth(state=DeviceState.GONE, sentence=str(detail)):
            return Trouble(
                Cause.DEVICE,
                detail,
                "it is told to start on time all the same, and again until it does",
                "see to the device, its power and its network",
            )
        case DeviceHealth(state=DeviceState.UNKNOWN, sentence=str(detail)):
            return Trouble(
                Cause.DEVICE,
                detail,
                "nothing can start there, and it is reported as missed",
                "mend the configuration of the target, then run tallyd reload",
            )
        case _:
            return None


_WHAT_NEXT = {
    DiskState.FULL: "it is tried again and again, and starts as soon as there is room",
    DiskState.MISSING: "it is tried again and again, and starts as soon as the disk is back",
}
_WHAT_HELPS = {
    DiskState.UNKNOWN: "see to the disk of the recordings",
    DiskState.MISSING: "mount the disk of the recordings",
}


def disk_trouble(health: DiskHealth, piece: Window) -> Trouble | None:
    """Give what the disk means for a piece that is to start."""
    fits = health.full_at is None or piece.stop <= health.full_at
    if health.sentence is None or (health.state is DiskState.SHORT and fits):
        return None
    return Trouble(
        Cause.DISK,
        health.sentence,
        _WHAT_NEXT.get(health.state, "it is recorded for as long as the disk takes it"),
        _WHAT_HELPS.get(health.state, "remove or move away recordings that are no longer needed"),
    )


def clock_trouble(health: ClockHealth) -> Trouble | None:
    """Give what the clock means for a piece that is to start.

    One that is merely not synchronised is told of once, not before each start.
    """
    if health.trusted or health.sentence is None:
        return None
    return Trouble(
        Cause.CLOCK,
        health.sentence,
        "it starts as soon as the clock can be trusted, if it is not over by then",
        "set the clock, or have a time server keep it right",
    )


def _size(size: int) -> str:
    """Write a number of bytes for people."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 10**3:.1f} kB"
