"""Where lists, the library and running entries come to their edges."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.domain.entries import ORIGIN
from tallyd.domain.errors import NotFound, Refused
from tallyd.domain.model import (
    Content,
    ContentKind,
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Schedule,
    WallStart,
)
from uplynk_rig import NOW, at

MINUTE = 60_000
HOUR = timedelta(hours=1)


def entry(number: int, **fields: object) -> Schedule:
    """Give an entry of the house, an hour long, at ten."""
    known = {
        "id": 0,
        "uid": f"{number:032x}",
        "target": "channels.one",
        "name": f"Entry {number}",
        "start": InstantStart(NOW + HOUR),
        "duration": HOUR,
        "effective_from": NOW - HOUR,
        "created": NOW - HOUR,
        "content": Content(ContentKind.AD),
        "metadata": Metadata("Entry", ORIGIN),
    }
    return Schedule(**{**known, **fields})


async def test_more_than_a_page_that_begins_at_once(uplynk):
    """Six hundred deleted entries of one time are on one page: the next would begin as it did."""
    await uplynk.stored(*(entry(number, ended=NOW) for number in range(600)), entry(600))
    page = await uplynk.listed(start=at("10:00"), end=at("20:00"), include_deleted=1)
    assert {int(item["id"], 16) for item in page["items"]} == {*range(601)}
    assert page["end"] == at("20:00")


async def test_pages_with_a_series_among_entries(uplynk):
    """What a series holds between entries is on the pages, too, once and in order."""
    every = timedelta(minutes=2)
    entries = [
        entry(number, start=InstantStart(NOW + number * every), duration=every / 2)
        for number in range(700)
    ]
    wall = WallStart(NOW.replace(tzinfo=None) + every / 2, "UTC")
    daily = entry(
        999,
        start=wall,
        duration=every / 2,
        recurrence=Recurrence(Frequency.DAILY),
        metadata=Metadata(),
    )
    await uplynk.stored(*entries, daily)
    start, end, seen = at("09:00"), at("12:00", day=6), []
    while start != end:
        page = await uplynk.listed(start=start, end=end)
        assert len(page["items"]) <= 500
        seen += [item["start"] for item in page["items"]]
        assert page["end"] > start
        start = page["end"]
    assert len(seen) == len(set(seen)) == 702
    assert seen == sorted(seen)


async def test_a_series_that_never_ends(uplynk):
    """A list of years is answered as far as three months go; the client asks on from there."""
    series = entry(
        1,
        start=WallStart(NOW.replace(tzinfo=None), "UTC"),
        recurrence=Recurrence(Frequency.DAILY),
        metadata=Metadata(),
        content=Content(ContentKind.LIVE),
    )
    await uplynk.stored(series)
    page = await uplynk.listed(start=at("09:00"), end="2047-01-05T09:00:00.000Z")
    assert (len(page["items"]), page["end"]) == (92, "2027-04-07T09:00:00.000Z")
    assert {item["content_id"] for item in page["items"]} == {"studio"}


async def test_what_was_listed_is_forgotten_when_something_changes(uplynk):
    """However many periods are asked for, each is answered as it is now."""
    for hours in range(20):
        await uplynk.listed(start=at("09:00"), end=f"2027-01-06T{hours:02}:00:00.000Z")
    entry_id = (await uplynk.book(start=at("10:00")))["id"]
    for _ in range(2):
        assert [item["id"] for item in await uplynk.items("09:00", "12:00")] == [entry_id]
    await uplynk.delete(entry_id)
    assert await uplynk.items("09:00", "12:00") == []


async def test_a_period_of_long_ago(uplynk):
    """What was more than 30 days ago is an empty list, not a mistake."""
    listed = await uplynk.listed(start="2026-01-05T09:00:00.000Z", end="2026-01-05T10:00:00.000Z")
    assert listed["items"] == []


async def test_what_was_extended_is_cut_all_the_same(uplynk):
    """An entry that an operator has extended ends when it is deleted or replaced."""
    first = await uplynk.book(start=at("09:00"), dur=30 * MINUTE)
    async with uplynk.api.services.store.read() as reader:
        (run,) = await reader.unfinished_runs()
    await uplynk.api.services.bookings.extend_run(run.id, HOUR)
    uplynk.clock.shown = NOW + HOUR
    await uplynk.book(start=at("10:10"), dur=MINUTE, conflict_resolution="replace")
    assert (await uplynk.one(first["id"])).json()["end"] == at("10:10")
    await uplynk.delete(first["id"])
    assert (await uplynk.one(first["id"])).json()["end"] == at("10:00")


async def test_an_asset_that_is_needed_stays(uplynk):
    """What is booked, or named by a playlist, cannot be taken out of the library."""
    library = uplynk.api.services.library
    booked, listed, free = [await uplynk.asset(name=name) for name in ("a", "b", "c")]
    entry_id = (
        await uplynk.book(content_type="asset", content_id=booked, dur=None, start=at("10:00"))
    )["id"]
    playlist = await uplynk.playlist(listed)
    with pytest.raises(Refused, match="schedule"):
        await library.remove(booked)
    with pytest.raises(Refused, match=playlist):
        await library.remove(listed)
    await library.remove(free)
    with pytest.raises(NotFound):
        await library.remove(free)
    uplynk.clock.shown = NOW + 2 * HOUR
    await library.remove(booked)
    shown = (await uplynk.one(entry_id)).json()
    assert (shown["content_id"], shown["desc"]) == (booked, "a")


async def test_a_playlist_of_the_house_may_be_booked_not_owned(uplynk, other):
    """What belongs to the house is there for whoever books; what is somebody's own is not."""
    asset = await uplynk.asset()
    await uplynk.ask("POST", "/smart-start", {"asset_id": asset})
    assert (await other.put_playlist(asset, at("10:00"))).status_code == 200
    answer = await other.ask("PATCH", f"/linear-playlist/{asset}", {"desc": "mine"})
    assert answer.json()["desc"] == "mine"


async def test_a_playlist_of_somebody_else_is_seen_by_an_administrator(uplynk, admin):
    """Whoever administers may change it."""
    playlist = await uplynk.playlist(60)
    answer = await admin.ask("PATCH", f"/linear-playlist/{playlist}", {"desc": "seen"})
    assert answer.status_code == 200


async def test_a_zone_that_is_gone(uplynk):
    """A series in a zone that nobody knows any more takes no time, and breaks nothing."""
    series = entry(
        1,
        start=WallStart(NOW.replace(tzinfo=None), "Nowhere/At_All"),
        recurrence=Recurrence(Frequency.DAILY),
        metadata=Metadata(),
    )
    (stored,) = await uplynk.stored(series)
    assert await uplynk.items("08:00", "12:00") == []
    assert (await uplynk.one(stored.uid)).status_code == 404
    assert (await uplynk.one("f" * 32)).status_code == 404
    one_shot = replace(series, uid="e" * 32, recurrence=None)
    await uplynk.stored(one_shot)
    assert (await uplynk.one("e" * 32)).status_code == 404
