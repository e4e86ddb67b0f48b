"""The one line that people read first: what records, what comes next, where and when (UTC)."""

from datetime import timedelta

import pytest


@pytest.fixture
def said(rig):
    """Give the status that stands."""
    return lambda: rig.service.sentence


async def test_it_says_what_records_and_what_comes_next(rig, said):
    """Through a day the line is true, and said once for each change."""
    await rig.book("Lecture", 60, 60)
    await rig.book("Colloquium", 90, 60, target="rooms.b")
    async with rig.running():
        await rig.until(900)
        assert said() == "recording 0; nothing starts within 24 h"
        colloquium = 'next rooms.b "Colloquium" at 2026-12-01 08:01:30 UTC'
        assert rig.service.told == [
            "ready",
            'status recording 0; next rooms.a "Lecture" at 2026-12-01 08:01:00 UTC',
            f"status recording 0; {colloquium}",
            f"status recording 1; {colloquium}",
            "status recording 2; nothing starts within 24 h",
            "status recording 1; nothing starts within 24 h",
            "status recording 0; nothing starts within 24 h",
        ]


async def test_a_booking_is_in_it_at_once(rig, said):
    """Who books sees it in the status a moment later, and gone when it is removed."""
    async with rig.running():
        await rig.until(10)
        schedule = await rig.book("Lecture", 3600, 60)
        await rig.until(11)
        assert said().startswith('recording 0; next rooms.a "Lecture"')
        await rig.bookings.remove(schedule.id)
        await rig.until(12)
        assert said() == "recording 0; nothing starts within 24 h"


async def test_of_many_targets_the_first_start_is_shown(rig, said, make_room):
    """Leads, names and other edges of other rooms do not hide what really comes first."""
    rooms = [f"rooms.r{number}" for number in range(9)]
    await rig.configure(*(make_room(key) for key in rooms))
    for number, key in enumerate(rooms):
        rig.device(key, start_ms=500 * number)
        await rig.book(f"of {key}", 3600 - number, 60, target=key)
        await rig.book("long", 10, 600 + number, target=key)
    async with rig.running():
        for seconds, first in ((5, "rooms.r0"), (300, "rooms.r8")):
            await rig.until(seconds)
            assert f"; next {first} " in said()


async def test_what_was_stopped_or_blocked_is_not_announced(rig, said):
    """Only what will really start is next."""
    await rig.book("winner", 100, 600)
    await rig.book("blocked", 200, 60)
    async with rig.running():
        await rig.until(150)
        assert said() == "recording 1; nothing starts within 24 h"


async def test_while_it_ends_it_says_what_it_still_finishes(rig):
    """Who waits for a stop sees for what."""
    rig.device("rooms.a", stop_ms=4_000)
    await rig.book("Lecture", 10, 600)
    async with rig.running():
        await rig.until(60)
    stopping = rig.service.told.index("stopping within 30 s")
    assert rig.service.told[stopping:][:2] == ["stopping within 30 s", "status finishing 1"]
    assert rig.clock.monotonic() >= timedelta(seconds=64).total_seconds()
