"""Lists over a real socket: by period and by change, gaps, pages, what was deleted, one entry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.domain.entries import ORIGIN
from tallyd.domain.model import (
    Content,
    ContentKind,
    InstantStart,
    Metadata,
    Schedule,
)
from uplynk_rig import NOW, at

MINUTE = 60_000
DAY = timedelta(days=1)


async def test_appendix_a_1(uplynk):
    """The list of the contract's appendix: an entry, one that it replaced, and the gap behind."""
    asset = await uplynk.asset(90, breaks=(600, 1200), name="Evening film")
    film = {"content_type": "asset", "content_id": asset, "ad_breaks": [120, 120], "dur": None}
    broken = await uplynk.book(start=at("21:00"), dur=120_000, desc="Break")
    uplynk.clock.shown = NOW.replace(hour=10)
    entry = await uplynk.book(**film, start=at("20:00"), conflict_resolution="replace")
    query = {
        "start": at("20:00"),
        "end": at("23:00"),
        "include_empty": 1,
        "include_deleted": 1,
    }
    listed = await uplynk.listed(**query)
    head = {"owner": uplynk.owner, "external_id": "", "type": "Time", "@type": "Schedule"}
    assert listed == {
        "@id": f"{uplynk.path}?" + "&".join(f"{name}={value}" for name, value in query.items()),
        "@type": "TimeSeries",
        "start": at("20:00"),
        "end": at("23:00"),
        "items": [
            {
                **head,
                "@id": f"{uplynk.path}/{entry['id']}",
                "id": entry["id"],
                "content_type": "asset",
                "content_id": asset,
                "desc": "Evening film",
                "ad_breaks": [120, 120],
                "start": at("20:00"),
                "end": at("21:34"),
                "dur": 5_640_000,
                "created": at("10:00"),
                "lastmod": at("10:00"),
            },
            {
                **head,
                "@id": f"{uplynk.path}/{broken['id']}",
                "id": broken["id"],
                "content_type": "ad",
                "desc": "Break",
                "ad_breaks": [],
                "start": at("21:00"),
                "end": at("21:02"),
                "dur": 120_000,
                "created": at("09:00"),
                "lastmod": at("10:00"),
                "deleted": at("10:00"),
                "replaced_by": entry["id"],
            },
            {
                "@id": f"{uplynk.path}/empty-1799184840000",
                "@type": "Schedule",
                "id": "empty-1799184840000",
                "desc": "",
                "start": at("21:34"),
                "end": at("23:00"),
                "dur": 5_160_000,
                "type": "Empty",
            },
        ],
    }


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ({}, "09:00", "13:00"),
        ({"start": at("15:00")}, "15:00", "19:00"),
        ({"end": at("15:00")}, "11:00", "15:00"),
        ({"start": "now", "end": "now+240m"}, "09:00", "13:00"),
        ({"start": "now-30m", "end": "now"}, "08:30", "09:00"),
        ({"start": "2027-01-05T15:00Z", "end": "2027-01-05T16:00:00.5Z"}, "15:00", "16:00:00.500"),
    ],
)
async def test_period(uplynk, query, start, end):
    """Four hours from now where nothing is said; times also as `now` and minutes from it."""
    listed = await uplynk.listed(**query)
    assert (listed["start"], listed["end"]) == (at(start), at(end))
    said = "&".join(f"{name}={value}" for name, value in query.items())
    assert listed["@id"] == uplynk.path + (f"?{said}" if said else "")


@pytest.mark.parametrize(
    "query",
    [
        {"start": "soon"},
        {"start": at("15:00"), "end": at("15:00")},
        {"start": at("15:00"), "end": at("14:00")},
        {"start": "now+99999999m"},
        {"end": "0001-01-01T00:00:00Z"},
        {"start": "9999-12-31T23:00:00Z"},
        {"after": "yesterday"},
    ],
)
async def test_senseless_periods(uplynk, query):
    """A period that is none is refused."""
    answer = await uplynk.ask("GET", uplynk.path, **query)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_selection_and_order(uplynk):
    """Whatever overlaps the period is listed, the earliest first; what only touches it is not."""
    for start in ("15:00", "10:00", "12:00", "13:30"):
        await uplynk.book(start=at(start), dur=60 * MINUTE)
    listed = await uplynk.items("11:00", "15:00")
    assert [item["start"] for item in listed] == [at("12:00"), at("13:30")]
    listed = await uplynk.items("10:59", "15:01")
    assert [item["start"] for item in listed] == [
        at(t) for t in ("10:00", "12:00", "13:30", "15:00")
    ]


async def test_gaps_of_any_length(uplynk):
    """Twelve hours, seven of them filled but for half an hour: two gaps, as the vendor says."""
    await uplynk.book(start=at("10:00"), dur=180 * MINUTE)
    await uplynk.book(start=at("13:30"), dur=210 * MINUTE)
    listed = await uplynk.items("10:00", "22:00", include_empty=1)
    gaps = [item for item in listed if item["type"] == "Empty"]
    assert [gap["dur"] for gap in gaps] == [30 * MINUTE, 300 * MINUTE]
    assert set(gaps[0]) == {"@id", "@type", "id", "desc", "dur", "end", "start", "type"}
    assert [item["start"] for item in listed] == sorted(item["start"] for item in listed)
    tiny = await uplynk.items("09:59:59.999", "10:01", include_empty=1)
    assert [item["dur"] for item in tiny] == [1, 180 * MINUTE]


async def test_gaps_are_not_shown_unasked(uplynk):
    """Without `include_empty=1` there are only entries."""
    assert await uplynk.items("10:00", "22:00") == []
    assert await uplynk.items("10:00", "22:00", include_empty=0) == []


async def test_what_was_deleted(uplynk):
    """It is shown only where it is asked for; it fills no gap and stands in nobody's way."""
    gone = await uplynk.book(start=at("10:00"))
    await uplynk.delete(gone["id"])
    assert await uplynk.items("10:00", "11:00") == []
    shown, gap = await uplynk.items("10:00", "11:00", include_deleted=1, include_empty=1)
    assert (shown["id"], shown["deleted"], "replaced_by" in shown) == (
        gone["id"],
        at("09:00"),
        False,
    )
    assert (gap["type"], gap["dur"]) == ("Empty", 60 * MINUTE)
    await uplynk.book(start=at("10:00"))


async def fill(uplynk, count: int, *, every_s: int = 60, start=NOW, name: str = "Clip") -> None:
    """Have many entries, one behind the other."""
    async with uplynk.api.services.store.read() as reader:
        users = {user.name: str(user.id) for user in await reader.users()}
    length = timedelta(seconds=every_s)
    metadata = Metadata(name, ORIGIN, users[uplynk.name], users[uplynk.name])
    async with uplynk.api.services.store.write() as tx:
        for number in range(count):
            begins = start + number * length
            await tx.add_schedule(
                Schedule(
                    id=0,
                    uid=f"{number:032x}",
                    target="channels.one",
                    name=f"{name} {number}",
                    start=InstantStart(begins),
                    duration=length,
                    effective_from=NOW - 60 * DAY,
                    created=NOW,
                    content=Content(ContentKind.AD),
                    metadata=metadata,
                    modified=NOW,
                )
            )


async def test_pages_of_500(uplynk):
    """Whoever asks on from `end` until it is what was asked for gets all, once, in order."""
    await fill(uplynk, 1203)
    start, end, seen = at("09:00"), at("09:00", day=7), []
    pages = 0
    while start != end:
        page = await uplynk.listed(start=start, end=end, include_deleted=1)
        assert len(page["items"]) <= 500
        seen += [item["id"] for item in page["items"]]
        assert page["start"] == start
        assert page["end"] == end or page["end"] == page["items"][-1]["end"]
        start, pages = page["end"], pages + 1
    assert (pages, seen) == (3, [f"{number:032x}" for number in range(1203)])


async def test_exactly_500(uplynk):
    """A period that has no more than a page is answered whole."""
    await fill(uplynk, 500)
    page = await uplynk.listed(start=at("09:00"), end=at("09:00", day=6))
    assert (len(page["items"]), page["end"]) == (500, at("09:00", day=6))


async def test_gaps_of_a_page(uplynk):
    """Gaps beyond the page are those of the next one."""
    await fill(uplynk, 501, every_s=60)
    page = await uplynk.listed(start=at("08:00"), end=at("09:00", day=7), include_empty=1)
    assert [item["type"] for item in page["items"]].count("Empty") == 1
    assert page["items"][-1]["end"] == page["end"]


async def test_pages_of_what_was_deleted_lose_nothing(uplynk):
    """Entries that were deleted may overlap: each is on some page all the same."""
    await fill(uplynk, 700, every_s=30)
    await uplynk.delete_range(start=at("09:00"), end=at("20:00"))
    async with uplynk.api.services.store.write() as tx:
        schedules = await tx.schedules("channels.one")
        for long in (schedules[0], schedules[499]):
            await tx.change_schedule(replace(long, duration=DAY / 3))
    start, end, seen = at("09:00"), at("20:00"), set()
    while start != end:
        page = await uplynk.listed(start=start, end=end, include_deleted=1)
        seen |= {item["id"] for item in page["items"]}
        assert page["end"] > start
        start = page["end"]
    assert len(seen) == 700


async def test_changes(uplynk):
    """Whoever asks for what changed after an instant gets just that."""
    first = await uplynk.book(start=at("10:00"), desc="first")
    uplynk.clock.shown = NOW + timedelta(minutes=4)
    second = await uplynk.book(start=at("11:00"), desc="second")
    listed = await uplynk.listed(after=at("09:00"))
    assert listed == {
        "@id": f"{uplynk.path}?after={at('09:00')}",
        "@type": "Collection",
        "items": [second],
        "total_items": 1,
    }
    both = await uplynk.listed(after=at("08:59"))
    assert [item["id"] for item in both["items"]] == [first["id"], second["id"]]
    await uplynk.patch(first["id"], desc="First")
    changed, _ = (await uplynk.listed(after=at("09:03:59")))["items"]
    assert (changed["desc"], changed["lastmod"]) == ("First", at("09:04"))


async def test_changes_go_back_ten_minutes(uplynk):
    """Older instants, and none at all, mean ten minutes; the period counts for nothing."""
    await uplynk.book(start=at("20:00"), desc="old")
    uplynk.clock.shown = NOW + timedelta(minutes=10)
    new = await uplynk.book(start=at("21:00"), desc="new")
    for after in ("", at("08:00")):
        listed = await uplynk.listed(after=after, start=at("10:00"), end=at("11:00"))
        assert [item["id"] for item in listed["items"]] == [new["id"]]
    uplynk.clock.shown = NOW + timedelta(minutes=21)
    assert (await uplynk.listed(after=""))["total_items"] == 0


async def test_changes_of_what_was_deleted(uplynk):
    """A deletion is a change that is told where it is asked for."""
    entry = await uplynk.book(start=at("10:00"))
    uplynk.clock.shown = NOW + timedelta(minutes=5)
    await uplynk.delete(entry["id"])
    assert (await uplynk.listed(after=at("09:01")))["items"] == []
    (gone,) = (await uplynk.listed(after=at("09:01"), include_deleted=1))["items"]
    assert (gone["id"], gone["deleted"], gone["lastmod"]) == (entry["id"], at("09:05"), at("09:05"))


async def test_one_entry(uplynk):
    """By its id, by the client's own id; what there is not is 404."""
    entry = await uplynk.book(start=at("10:00"), external_id="film 7")
    assert (await uplynk.one(entry["id"])).json() == entry
    assert (await uplynk.one("film%207")).json() == entry
    for unknown in ("f" * 32, "film", "empty-1799184840000", "busy-1799184840000", "%00"):
        answer = await uplynk.one(unknown)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_one_entry_of_several_with_the_same_external_id(uplynk):
    """The one that starts last is meant."""
    await uplynk.book(start=at("10:00"), external_id="x")
    last = await uplynk.book(start=at("12:00"), external_id="x")
    await uplynk.book(start=at("11:00"), external_id="x")
    assert (await uplynk.one("x")).json()["id"] == last["id"]


async def test_one_entry_that_was_deleted(uplynk):
    """It is gone, unless it is asked for."""
    entry = await uplynk.book(start=at("10:00"), external_id="x")
    await uplynk.delete(entry["id"])
    for name in (entry["id"], "x"):
        assert (await uplynk.one(name)).status_code == 404
        assert (await uplynk.one(name, include_deleted=1)).json()["deleted"] == at("09:00")


async def test_retention(uplynk):
    """What an entry was is kept for 30 days after its end."""
    entry = await uplynk.book(start=at("10:00"), dur=60 * MINUTE, external_id="x")
    uplynk.clock.shown = NOW.replace(hour=10, minute=59) + 30 * DAY
    assert (await uplynk.one(entry["id"])).status_code == 200
    assert len(await uplynk.items("09:00", "12:00")) == 1
    uplynk.clock.shown = NOW.replace(hour=11, minute=1) + 30 * DAY
    for name in (entry["id"], "x"):
        assert (await uplynk.one(name, include_deleted=1)).status_code == 404
    assert await uplynk.items("09:00", "12:00") == []
