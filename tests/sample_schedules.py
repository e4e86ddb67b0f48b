"""Schedules for tests, in force since long ago, in UTC unless said otherwise."""

from datetime import UTC, datetime, timedelta

from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import (
    occurrences,
)
from tallyd.domain.window import Window

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

daily, weekly, monthly = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY


def utc(text: str) -> datetime:
    """Read an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str, zone: str = "UTC") -> WallStart:
    """Read a wall time."""
    return WallStart(datetime.fromisoformat(text), zone)


def schedule(start: WallStart | InstantStart, rule: Recurrence | None = None, **fields) -> Schedule:
    """Give a schedule of an hour, in force since long ago."""
    fields = {"duration": HOUR, "effective_from": LONG_AGO} | fields
    return Schedule(7, "u", "rooms.a", "n", start, created=LONG_AGO, recurrence=rule, **fields)


def slots(booked: Schedule, period: Window, *overrides: Override) -> list[str]:
    """Give the slots that intersect a period."""
    return [each.slot for each in occurrences(booked, overrides, period)]


DAY_2 = Window(utc("2026-01-06"), utc("2026-01-07"))
