"""Wishes as a house of many rooms has them: half recurring, in five zones, fifty to a room."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from tallyd.domain.drafts import Draft
from tallyd.domain.model import Frequency, InstantStart, Recurrence, Schedule, Target, WallStart
from tallyd.domain.planner import Wishes
from tallyd.domain.drafts import to_schedule

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


def rooms(count: int) -> Mapping[str, str]:
    """Give the rooms that so many wishes need, with simulated devices."""
    return {f"r{room}": 'driver = "simulated"' for room in range(-(-count // PER_ROOM))}


def drafts(count: int, now: datetime) -> Iterator[Draft]:
    """Give so many wishes, none of which starts within the next day."""
    opening = (now + timedelta(days=2)).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    for number in range(count):
        room, place = number // PER_ROOM, number % PER_ROOM
        # Over a fortnight, so that some of a room's wishes meet and most do not.
        local = opening + timedelta(hours=7 * place, minutes=number % 60)
        zone = ZONES[room % len(ZONES)]
        recurs = number % 2 == 0
        yield Draft(
            target=f"rooms.r{room}",
            name=f"wish {number}",
            start=WallStart(local, zone) if recurs else InstantStart(local.replace(tzinfo=now.tzinfo)),
            duration=LENGTH,
            recurrence=RULES[number // 2 % len(RULES)] if recurs else None,
            priority=number % 3,
        )


def wishes(count: int, now: datetime) -> tuple[Wishes, ...]:
    """Give the same wishes as the planner takes them, room by room."""
    grouped: dict[str, list[Schedule]] = {}
    for number, draft in enumerate(drafts(count, now), start=1):
        schedule = to_schedule(draft, now, f"uid {number}", id=number) if False else to_schedule(draft, now, f"uid {number}")
        grouped.setdefault(draft.target, []).append(schedule)
    return ()
