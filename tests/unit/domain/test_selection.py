"""Which occurrence people mean when they name one."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.errors import NotFound
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.selection import select

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Schedule(
    id=7,
    uid="u",
    target="rooms.aula",
    name="Lecture",
    start=WallStart(datetime(2026, 11, 1, 9), "Europe/Vienna"),  # noqa: DTZ001 - a wall time
    duration=HOUR,
    effective_from=datetime(2026, 10, 1, tzinfo=UTC),
    created=datetime(2026, 10, 1, tzinfo=UTC),
    recurrence=Recurrence(Frequency.DAILY),
)
ONCE = Schedule(
    id=8,
    uid="v",
    target="rooms.aula",
    name="Talk",
    start=InstantStart(datetime(2026, 12, 3, 23, tzinfo=UTC)),
    duration=HOUR,
    effective_from=datetime(2026, 10, 1, tzinfo=UTC),
    created=datetime(2026, 10, 1, tzinfo=UTC),
)
ONCE_SLOT = "@1796338800000"


@pytest.mark.parametrize(
    ("schedule", "wanted", "slot"),
    [
        (DAILY, "2026-12-05T09:00:00", "2026-12-05T09:00:00"),
        (DAILY, "2026-12-05T09:00", "2026-12-05T09:00:00"),
        (DAILY, "2026-12-05", "2026-12-05T09:00:00"),
        (DAILY, "2026-12-05T08:00:00.000Z", "2026-12-05T09:00:00"),
        (DAILY, "2026-12-05T09:00:00+01:00", "2026-12-05T09:00:00"),
        (DAILY, "2026-11-05", "2026-11-05T09:00:00"),
        (DAILY, "next", "2026-12-02T09:00:00"),
        (ONCE, "next", ONCE_SLOT),
        (ONCE, ONCE_SLOT, ONCE_SLOT),
        (ONCE, "2026-12-03T23:00:00Z", ONCE_SLOT),
        (ONCE, "2026-12-03", ONCE_SLOT),
    ],
)
def test_an_occurrence_is_named_by_slot_start_date_or_next(schedule, wanted, slot):
    """Whatever plans and lists print names the occurrence, and so does its date."""
    assert select(schedule, (), wanted, NOW).slot == slot


def test_next_passes_over_what_is_excluded():
    """Skipping the next one twice skips two."""
    excluded = Override(7, "2026-12-02T09:00:00", excluded=True)
    shortened = Override(7, "2026-12-03T09:00:00", stop=NOW + 3 * 24 * HOUR)
    assert select(DAILY, (excluded, shortened), "next", NOW).slot == "2026-12-03T09:00:00"


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (DAILY, "2026-12-05T10:00:00"),
        (DAILY, "2026-12-05T09:00:00Z"),
        (DAILY, "2026-12-05 nine"),
        (DAILY, "2026-10-31"),
        (DAILY, "2026-13-45"),
        (DAILY, "0001-01-01"),
        (DAILY, "9999-12-31"),
        (DAILY, "2026-W49-2"),
        (DAILY, ""),
        (DAILY, "yesterday"),
        (DAILY, ONCE_SLOT),
        (DAILY, "@"),
        (ONCE, "@1"),
        (ONCE, "2026-12-04"),
    ],
)
def test_what_names_no_occurrence_is_not_found(schedule, wanted):
    """A name that fits nothing is an error that says where to look, whatever its shape."""
    with pytest.raises(NotFound, match=r"schedule show") as missing:
        select(schedule, (), wanted, NOW)
    assert missing.value.kind == "occurrence"


def test_nothing_is_next_once_all_is_over():
    """A one-shot that is over has no next occurrence."""
    with pytest.raises(NotFound):
        select(ONCE, (), "next", NOW + 30 * 24 * HOUR)
