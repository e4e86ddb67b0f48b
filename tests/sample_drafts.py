"""Drafts for tests: one without a mistake, and ways to see what is wrong with another."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tallyd.domain.drafts import Draft, validate
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    WallStart,
)

NOW = datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
TARGETS = ["rooms.aula", "rooms.lab", "channels.one"]
BERLIN = "Europe/Berlin"

daily, weekly, monthly = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY


def wall(text: str, zone: str = BERLIN) -> WallStart:
    """Read a wall time."""
    return WallStart(datetime.fromisoformat(text), zone)


def at(text: str) -> InstantStart:
    """Read an instant."""
    return InstantStart(datetime.fromisoformat(text).replace(tzinfo=UTC))


def draft(**fields) -> Draft:
    """Give a draft without a mistake, except for the fields given."""
    good = Draft("rooms.aula", "Physics I", wall("2026-12-01T09:00"), timedelta(minutes=90))
    return replace(good, **fields)


def problems(wish: Draft, known=TARGETS) -> list[tuple[str, str, str]]:
    """Give everything that is wrong with a draft."""
    try:
        validate(wish, NOW, known)
    except InvalidBooking as refused:
        return [(each.field, each.value, each.fix) for each in refused.problems]
    return []
