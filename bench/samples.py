"""Wishes as a house of many rooms has them: half recurring, in five zones, fifty to a room."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from tallyd.domain.drafts import Draft
from tallyd.domain.model import Frequency, InstantStart, Recurrence, WallStart

PER_ROOM = 50
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "UTC")
RULES = (
    Recurrence(Frequency.WEEKLY),
    Recurrence(Frequency.WEEKLY, weekdays=frozenset({1, 3, 5})),
    Recurrence(Frequency.WEEKLY, every=2),
    Recurrence(Frequency.DAILY),
    Recurrence(Frequency.MONTHLY),
)
LENGTH = timedelta(minutes=45)
APART = timedelta(hours=7, minutes=20)
"""Fifty of them fill a fortnight: some of a room's wishes meet, most do not."""


def rooms(count: int) -> Mapping[str, str]:
    """Give the rooms that so many wishes need, with simulated devices."""
    return {f"r{room}": 'driver = "simulated"' for room in range(-(-count // PER_ROOM))}


def drafts(count: int, now: datetime) -> Iterator[Draft]:
    """Give so many wishes, none of which starts within the next day."""
    opening = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    for number in range(count):
        room, place = divmod(number, PER_ROOM)
        at = opening + place * APART
        zone = ZONES[room % len(ZONES)]
        recurs = number % 2 == 0
        yield Draft(
            target=f"rooms.r{room}",
            name=f"wish {number}",
            start=WallStart(at.replace(tzinfo=None), zone) if recurs else InstantStart(at),
            duration=LENGTH,
            recurrence=RULES[number // 2 % len(RULES)] if recurs else None,
            priority=number % 3,
        )


def opening(now: datetime) -> datetime:
    """Give the midnight from which a sample's reports look ahead."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
