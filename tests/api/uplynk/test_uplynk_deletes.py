"""Deleting over a real socket: one entry, all of a playlist, a period; whole or not at all."""

from datetime import timedelta

import pytest

from uplynk_rig import NOW, at

MINUTE = 60_000


def told(answer) -> tuple[int, str]:
    """Give the status, and what is said."""
    return answer.status_code, answer.json()["message"]


async def test_delete_one(uplynk):
    """It is gone at once, and so it is said; a second time there is nothing."""
    entry = await uplynk.book(start=at("10:00"))
    answer = await uplynk.delete(entry["id"])
    assert answer.status_code == 200
    assert answer.json() == {
        "@id": f"{uplynk.path}/{entry['id']}",
        "@type": "Schedule",
        "message": "Deleted",
    }
    assert (await uplynk.delete(entry["id"])).status_code == 404
    assert await uplynk.items("09:00", "12:00") == []


@pytest.mark.parametrize("unknown", ["f" * 32, "x", "empty-1799184840000"])
async def test_delete_what_there_is_not(uplynk, unknown):
    """What there is not is 404; the client's own id is no name to delete by."""
    await uplynk.book(start=at("10:00"), external_id="x")
    assert (await uplynk.delete(unknown)).status_code == 404


async def test_delete_what_is_on_air(uplynk):
    """It ends now, and is still there."""
    entry = await uplynk.book(start=at("10:00"), dur=60 * MINUTE)
    uplynk.clock.shown = NOW.replace(hour=10, minute=15)
    assert told(await uplynk.delete(entry["id"])) == (200, "Deleted")
    cut = (await uplynk.one(entry["id"])).json()
    assert (cut["start"], cut["end"], cut["dur"]) == (at("10:00"), at("10:15"), 15 * MINUTE)
    assert (cut["lastmod"], "deleted" in cut) == (at("10:15"), False)


async def test_delete_what_begins_just_now(uplynk):
    """At the instant of its start nothing was on air yet."""
    entry = await uplynk.book(start=at("10:00"))
    uplynk.clock.shown = NOW.replace(hour=10)
    assert told(await uplynk.delete(entry["id"])) == (200, "Deleted")
    assert (await uplynk.one(entry["id"])).status_code == 404


async def test_delete_what_is_over(uplynk):
    """The past cannot be deleted."""
    entry = await uplynk.book(start=at("10:00"), dur=MINUTE)
    uplynk.clock.shown = NOW.replace(hour=11)
    answer = await uplynk.delete(entry["id"])
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await uplynk.one(entry["id"])).status_code == 200


async def playlist_booked(uplynk) -> list[dict]:
    """Book three ads of ten minutes, from ten o'clock on, by one playlist request."""
    playlist = await uplynk.playlist(600, 600, 600)
    return (await uplynk.put_playlist(playlist, at("10:00"))).json()["items"]


async def test_delete_linked(uplynk):
    """All that came by the same request goes with it, and nothing else does."""
    entries = await playlist_booked(uplynk)
    again = await uplynk.put_playlist(entries[0]["source"]["id"], at("12:00"))
    alone = await uplynk.book(start=at("11:00"))
    answer = await uplynk.delete(entries[1]["id"], include_linked="true")
    assert told(answer) == (200, "Deleted")
    kept = [item["id"] for item in await uplynk.items("09:00", "15:00")]
    assert kept == [alone["id"], *(item["id"] for item in again.json()["items"])]


async def test_delete_one_of_a_playlist(uplynk):
    """Without being asked for, the others stay."""
    entries = await playlist_booked(uplynk)
    await uplynk.delete(entries[1]["id"])
    kept = [item["id"] for item in await uplynk.items("09:00", "12:00")]
    assert kept == [entries[0]["id"], entries[2]["id"]]


async def test_delete_linked_while_on_air(uplynk):
    """What is over stays, what is on air ends, what is to come goes."""
    entries = await playlist_booked(uplynk)
    uplynk.clock.shown = NOW.replace(hour=10, minute=15)
    assert told(await uplynk.delete(entries[0]["id"], include_linked=1)) == (200, "Deleted")
    first, second = await uplynk.items("09:00", "12:00")
    assert (first["end"], second["end"]) == (at("10:10"), at("10:15"))
    uplynk.clock.shown = NOW.replace(hour=11)
    assert (await uplynk.delete(entries[0]["id"], include_linked=1)).status_code == 403


async def test_linked_of_what_is_not_linked(uplynk):
    """What came by itself goes by itself."""
    entry = await uplynk.book(start=at("10:00"))
    assert told(await uplynk.delete(entry["id"], include_linked="true")) == (200, "Deleted")


async def test_appendix_a_2(uplynk):
    """The range delete of the contract's appendix, with how many went."""
    await uplynk.book(start=at("20:00"))
    await uplynk.book(start=at("22:30"), dur=60 * MINUTE)
    kept = await uplynk.book(start=at("23:30"))
    answer = await uplynk.delete_range(start=at("20:00"), end=at("23:00"))
    assert answer.status_code == 200
    assert answer.json() == {
        "@id": f"{uplynk.path}?start={at('20:00')}&end={at('23:00')}",
        "@type": "Schedule",
        "message": "Deleted entries: 2",
    }
    assert [i["id"] for i in await uplynk.items("12:00", "23:59")] == [kept["id"]]


async def test_range_takes_what_starts_in_it(uplynk):
    """What began before it stays whole, unless it is on air now and the range begins by now."""
    early = await uplynk.book(start=at("19:30"), dur=60 * MINUTE)
    late = await uplynk.book(start=at("21:00"))
    answer = await uplynk.delete_range(start=at("20:00"), end=at("21:00"))
    assert told(answer) == (200, "Deleted entries: 0")
    kept = [item["id"] for item in await uplynk.items("19:00", "23:00")]
    assert kept == [early["id"], late["id"]]


@pytest.mark.parametrize("start", ["now", at("10:15"), at("08:00")])
async def test_range_that_begins_now(uplynk, start):
    """What is on air ends now and is counted; the past of the range is left out."""
    over = await uplynk.book(start=at("09:00"), dur=MINUTE)
    live = await uplynk.book(start=at("10:00"), dur=60 * MINUTE)
    await uplynk.book(start=at("11:00"))
    uplynk.clock.shown = NOW.replace(hour=10, minute=15)
    answer = await uplynk.delete_range(start=start, end=at("12:00"))
    assert told(answer) == (200, "Deleted entries: 2")
    first, second = await uplynk.items("08:00", "12:00")
    assert (first["id"], second["id"], second["end"]) == (over["id"], live["id"], at("10:15"))


async def test_keep_live(uplynk):
    """What is on air can be kept."""
    live = await uplynk.book(start=at("10:00"), dur=60 * MINUTE)
    await uplynk.book(start=at("11:00"))
    uplynk.clock.shown = NOW.replace(hour=10, minute=15)
    answer = await uplynk.delete_range(start="now", end=at("12:00"), keep_live=1)
    assert told(answer) == (200, "Deleted entries: 1")
    assert [item["end"] for item in await uplynk.items("09:00", "12:00")] == [live["end"]]


@pytest.mark.parametrize(
    ("query", "gone"),
    [
        ({}, {"09:05"}),
        ({"start": at("12:00")}, {"12:05"}),
        ({"end": at("12:20")}, {"12:05"}),
        ({"start": at("12:05"), "end": at("12:21")}, {"12:05", "12:20"}),
    ],
)
async def test_range_defaults(uplynk, query, gone):
    """A quarter of an hour, from now or from the one end that is said."""
    starts = {"09:05", "09:15", "12:05", "12:20"}
    for start in starts:
        await uplynk.book(start=at(start), dur=MINUTE)
    assert told(await uplynk.delete_range(**query)) == (200, f"Deleted entries: {len(gone)}")
    kept = {item["start"] for item in await uplynk.items("09:00", "13:00")}
    assert kept == {at(start) for start in starts - gone}


async def test_range_of_the_past(uplynk):
    """A range that is over has nothing that could be deleted."""
    await uplynk.book(start=at("09:00"), dur=MINUTE)
    uplynk.clock.shown = NOW.replace(hour=12)
    answer = await uplynk.delete_range(start=at("08:00"), end=at("10:00"))
    assert told(answer) == (200, "Deleted entries: 0")


@pytest.mark.parametrize(
    "query",
    [
        {"start": at("10:00", day=6), "end": "2027-01-11T10:00:00.001Z"},
        {"start": at("10:00"), "end": at("10:00")},
        {"start": at("11:00"), "end": at("10:00")},
        {"start": "soon", "end": at("10:00")},
    ],
)
async def test_range_refused(uplynk, query):
    """More than five days, or what is no range, is refused; nothing goes."""
    await uplynk.book(start=at("10:00", day=7))
    answer = await uplynk.delete_range(**query)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert len(await uplynk.items("09:00", "23:59")) == 0
    assert len((await uplynk.listed(start=at("09:00", 7), end=at("12:00", 7)))["items"]) == 1


async def test_five_days_are_allowed(uplynk):
    """Just five days can be deleted at once."""
    answer = await uplynk.delete_range(start=at("10:00", day=6), end=at("10:00", day=11))
    assert answer.status_code == 200


async def test_all_or_nothing(uplynk, other):
    """Where one entry of a range is somebody else's, none is deleted."""
    mine = await uplynk.book(start=at("10:00"))
    await other.book(start=at("11:00"))
    answer = await uplynk.delete_range(start=at("09:30"), end=at("12:00"))
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await uplynk.one(mine["id"])).status_code == 200


async def test_many_are_deleted_in_one_go(uplynk):
    """A day of short entries goes in one request, and at once."""
    playlist = await uplynk.playlist(*[60] * 500)
    for start in ("10:00", "18:20"):
        assert (await uplynk.put_playlist(playlist, at(start))).status_code == 200
    answer = await uplynk.delete_range(start=at("10:00"), end=at("10:00", day=6))
    assert told(answer) == (200, "Deleted entries: 1000")
    assert answer.elapsed < timedelta(seconds=5)
