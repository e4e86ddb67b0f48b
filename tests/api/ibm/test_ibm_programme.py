"""A programme that is kept up is the one that would be made anew, whatever happens meanwhile."""

import json
import random
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from tallyd.api.ibm import programme as module
from tallyd.api.ibm.answers import Paging
from tallyd.api.ibm.events import anchor, event_view
from tallyd.api.ibm.programme import Programme, Programmes
from tallyd.bookings import Bookings, nothing_told
from tallyd.domain.accounts import Caller, Role
from tallyd.domain.drafts import Draft, to_schedule
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Target,
    WallStart,
)
from tallyd.ports.store import StoreBusyError
from tallyd.testing.memory_store import MemoryStore

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
WHOLE = Paging(1, 1000)
CHANNEL = Target("channels.one", "One", 77, "a" * 32, "Europe/Rome")
OTHER = Target("channels.two", "Two", 78, "b" * 32, "UTC")
VIEWERS = (
    None,
    Caller(1, "one", Role.OPERATOR),
    Caller(2, "two", Role.OPERATOR, frozenset({5})),
)


class Clock:
    """A clock that stands where it is put."""

    def __init__(self):
        self.shown = NOON

    def now(self):
        """Give what was set."""
        return self.shown


@pytest.fixture
async def desk():
    """Give a store of two channels, a clock, and what books there."""
    store, clock = MemoryStore(), Clock()
    async with store.write() as tx:
        for target in (CHANNEL, OTHER):
            await tx.add_target(target)
    return store, clock, Bookings(store, clock, lambda: None, nothing_told)


def _draft(chance):
    wall = datetime(2027, 3, 1) + timedelta(minutes=chance.randrange(-600, 6000))  # noqa: DTZ001 - a wall time
    rules = [None, None, Recurrence(Frequency.DAILY), Recurrence(Frequency.DAILY, every=2)]
    rules.append(Recurrence(Frequency.WEEKLY, weekdays=frozenset({1, 4})))
    rule = chance.choice(rules)
    start = WallStart(wall, chance.choice(["Europe/Budapest", "Asia/Tokyo"]))
    owner = chance.choice([None, "1", "2"])
    return Draft(
        target=chance.choice(["channels.one", "channels.one", "channels.two"]),
        name=f"{chance.random()}",
        start=start,
        duration=timedelta(minutes=30),
        recurrence=rule,
        effective_from=datetime(2027, 1, 1, tzinfo=UTC),
        metadata=Metadata(owner=owner, shared_groups=(5,) if chance.random() < 0.2 else ()),
    )


async def _act(chance, store, clock, bookings):
    """Let one thing happen, of all that may."""
    async with store.read() as reader:
        standing = [each.id for each in await reader.schedules() if each.ended is None]
    draft = _draft(chance)
    act = chance.randrange(10)
    if act < 4 or not standing:
        await bookings.add(lambda _now: draft)
    elif act == 4:
        await bookings.remove(chance.choice(standing))
    elif act == 5:
        await bookings.edit(chance.choice(standing), lambda _known: draft)
    elif act == 6:
        day = date(2027, 3, chance.randrange(1, 9))
        await bookings.add_exception_day(day, "Day", chance.choice([None, "channels.two"]))
    elif act == 7:
        async with store.read() as reader:
            known = await reader.schedule(chance.choice(standing))
        if known.recurrence is not None:
            await bookings.skip(known.id, "next")
    else:
        clock.shown += timedelta(minutes=chance.randrange(-30, 400))


async def _seen(programme):
    lists = [await programme.events(viewer, WHOLE) for viewer in VIEWERS]
    return lists, await programme.upcoming(WHOLE)


@pytest.mark.parametrize("seed", range(8))
async def test_kept_up_and_made_anew_are_the_same(desk, monkeypatch, seed):
    """However much happens, by whatever way, lists are as if somebody looked for the first time."""
    monkeypatch.setattr(module, "_LOADED_AT_ONCE", 3)
    monkeypatch.setattr(module, "_WRITTEN_KEPT", 5)
    monkeypatch.setattr(module, "_VIEWS_KEPT", 1 + seed % 2)
    chance = random.Random(seed)  # noqa: S311 - it guards nothing
    store, clock, bookings = desk
    kept = Programme(store, clock, CHANNEL)
    for _ in range(40):
        await _act(chance, store, clock, bookings)
        assert await _seen(kept) == await _seen(Programme(store, clock, CHANNEL))
    async with store.read() as reader:
        starts = {each.id: anchor(each) for each in await reader.schedules()}
    lists, upcoming = await _seen(kept)
    assert lists[0].total
    for page in lists:
        ids = [json.loads(text)["id"] for text in page.events]
        assert ids == sorted(ids, key=lambda id_: (starts[id_], id_))
    coming = [json.loads(text)["start"] for text in upcoming.events]
    assert coming == sorted(coming)
    assert all(start > clock.shown.timestamp() for start in coming)


@pytest.mark.parametrize("fails_at", range(1, 7))
async def test_load_that_fails_is_begun_anew(desk, monkeypatch, fails_at):
    """A database that is busy for a moment leaves no half of a list behind."""
    monkeypatch.setattr(module, "_LOADED_AT_ONCE", 3)
    store, clock, bookings = desk
    for number in range(8):
        start = InstantStart(NOON + timedelta(hours=number + 1))
        draft = Draft("channels.one", f"{number}", start, timedelta(minutes=30))
        await bookings.add(lambda _now, draft=draft: draft)
    kept, asked, really = Programme(store, clock, CHANNEL), 0, store.read

    def read():
        nonlocal asked
        asked += 1
        if asked == fails_at:
            raise StoreBusyError("busy")
        return really()

    monkeypatch.setattr(store, "read", read)
    while asked < fails_at:
        with suppress(StoreBusyError):
            await kept.events(None, WHOLE)
    assert (await kept.events(None, WHOLE)).total == 8
    assert (await kept.upcoming(WHOLE)).total == 8


async def test_channel_in_another_zone(desk):
    """A channel that moves to another time zone is shown in that."""
    store, clock, bookings = desk
    draft = Draft("channels.one", "x", InstantStart(NOON + timedelta(days=1)), timedelta(hours=1))
    await bookings.add(lambda _now: draft)
    programmes = Programmes(store, clock)
    first = programmes.of(CHANNEL)
    assert programmes.of(replace(CHANNEL, locked_since=NOON)) is first
    (text,) = (await first.events(None, WHOLE)).events
    assert json.loads(text)["time"] == "13:00"
    moved = programmes.of(replace(CHANNEL, zone="Asia/Tokyo"))
    (text,) = (await moved.events(None, WHOLE)).events
    assert json.loads(text)["time"] == "21:00"


def test_zone_that_is_gone():
    """What nobody can place in time any more is listed as though its zone were UTC."""
    wall = WallStart(datetime(2027, 3, 2, 9), "Mars/Olympus")  # noqa: DTZ001 - a wall time
    draft = Draft("channels.one", "x", wall, timedelta(hours=1))
    schedule = to_schedule(draft, NOON, uuid4().hex)
    shown = event_view(schedule, "UTC")
    assert (shown["time"], shown["timezone"]) == ("09:00", "Mars/Olympus")
    assert shown["start_ts"] == datetime(2027, 3, 2, 9, tzinfo=UTC).timestamp()
    instant = replace(schedule, start=InstantStart(NOON))
    shown = event_view(instant, "Mars/Olympus")
    assert (shown["time"], shown["timezone"]) == ("12:00", "UTC")
