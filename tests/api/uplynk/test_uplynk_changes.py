"""Changing an entry over a real socket: what may be changed, what stays, what is refused."""

from datetime import timedelta

import pytest

from uplynk_rig import NOW, at

MINUTE = 60_000


async def test_start_moves_and_length_stays(uplynk):
    """The vendor's sample: another start, nothing else."""
    asset = await uplynk.asset(20)
    entry = await uplynk.book(content_type="asset", content_id=asset, dur=None, start=at("10:00"))
    uplynk.clock.shown = NOW + timedelta(minutes=3)
    answer = await uplynk.patch(entry["id"], start=at("11:00"))
    assert answer.status_code == 200
    assert answer.json() == entry | {
        "start": at("11:00"),
        "end": at("11:20"),
        "lastmod": at("09:03"),
    }
    assert (await uplynk.one(entry["id"])).json() == answer.json()
    assert [item["id"] for item in await uplynk.items("09:00", "12:00")] == [entry["id"]]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"desc": "Other"}, {"desc": "Other"}),
        ({"external_id": "x1"}, {"external_id": "x1"}),
        ({"dur": 5 * MINUTE}, {"dur": 5 * MINUTE, "end": at("10:05")}),
        ({}, {}),
        ({"content_type": "slicer", "content_id": "studio"}, {"content_type": "slicer"}),
        ({"conflict_resolution": "replace"}, {}),
    ],
)
async def test_every_field_is_optional(uplynk, fields, expected):
    """What is not sent stays as it is."""
    entry = await uplynk.book(start=at("10:00"), desc="Ad")
    changed = (await uplynk.patch(entry["id"], **fields)).json()
    assert {**entry, **expected, "content_id": ""} == {
        **changed,
        "content_id": "",
        "content_type": expected.get("content_type", "ad"),
    }


async def test_ad_breaks_change_the_length(uplynk):
    """Breaks that are filled later make an asset longer; another asset has its own length."""
    asset, other = await uplynk.asset(21, breaks=(300, 600)), await uplynk.asset(5)
    entry = await uplynk.book(content_type="asset", content_id=asset, dur=None, start=at("10:00"))
    longer = (await uplynk.patch(entry["id"], ad_breaks=[60, 60])).json()
    assert (longer["dur"], longer["ad_breaks"]) == (23 * MINUTE, [60, 60])
    named = (await uplynk.patch(entry["id"], desc="Film")).json()
    assert (named["dur"], named["ad_breaks"]) == (23 * MINUTE, [60, 60])
    short = (await uplynk.patch(entry["id"], content_id=other)).json()
    assert (short["dur"], short["ad_breaks"]) == (5 * MINUTE, [])


async def test_an_entry_does_not_conflict_with_itself(uplynk):
    """It may be moved to where it overlaps its own time."""
    entry = await uplynk.book(start=at("10:00"))
    assert (await uplynk.patch(entry["id"], start=at("10:10"))).status_code == 200


async def test_conflicts_are_settled_as_for_a_new_one(uplynk):
    """409 where the time is taken; or replaced; or trimmed."""
    entry = await uplynk.book(start=at("10:00"))
    there = await uplynk.book(start=at("11:00"))
    answer = await uplynk.patch(entry["id"], start=at("10:45"))
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert (await uplynk.one(entry["id"])).json()["start"] == at("10:00")
    trimmed = await uplynk.patch(entry["id"], start=at("10:45"), conflict_resolution="trim-end")
    assert (trimmed.json()["start"], trimmed.json()["end"]) == (at("10:45"), at("11:00"))
    taken = await uplynk.patch(
        entry["id"], start=at("11:00"), dur=MINUTE, conflict_resolution="replace"
    )
    assert taken.status_code == 200
    gone = (await uplynk.one(there["id"], include_deleted=1)).json()
    assert gone["replaced_by"] == entry["id"]


@pytest.mark.parametrize("now", [{"hour": 10}, {"hour": 10, "minute": 10}, {"hour": 12}])
async def test_what_has_begun_cannot_be_changed(uplynk, now):
    """An entry that is on air or over stays as it is."""
    entry = await uplynk.book(start=at("10:00"))
    uplynk.clock.shown = NOW.replace(**now)
    answer = await uplynk.patch(entry["id"], desc="Other")
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await uplynk.one(entry["id"])).json() == entry


async def test_what_there_is_not(uplynk):
    """What is unknown or deleted is 404; the client's own id is no name to change by."""
    entry = await uplynk.book(start=at("10:00"), external_id="x")
    await uplynk.delete(entry["id"])
    await uplynk.book(start=at("10:00"), external_id="x")
    for unknown in ("f" * 32, entry["id"], "x", "empty-1799184840000"):
        assert (await uplynk.patch(unknown, desc="Other")).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"start": "soon"},
        {"start": at("08:00")},
        {"dur": 0},
        {"dur": 43_200_001},
        {"content_type": "film"},
        {"content_type": "slicer"},
        {"conflict_resolution": "maybe"},
        {"ad_breaks": [30]},
        {"replay_source_start": at("08:00"), "content_type": "replay_source"},
    ],
)
async def test_senseless_changes(uplynk, fields):
    """What makes no sense is refused, and nothing changes."""
    entry = await uplynk.book(start=at("10:00"))
    answer = await uplynk.patch(entry["id"], **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await uplynk.one(entry["id"])).json() == entry


async def test_unknown_content(uplynk):
    """What is not in the library cannot be played."""
    entry = await uplynk.book(start=at("10:00"))
    for fields in (
        {"content_type": "asset", "content_id": "f" * 32},
        {"content_type": "slicer", "content_id": "nowhere"},
    ):
        assert (await uplynk.patch(entry["id"], **fields)).status_code == 404


async def test_moved_to_the_past_it_is_joined(uplynk):
    """An entry that is moved so that it has begun already is joined in progress."""
    entry = await uplynk.book(start=at("10:00"), dur=20 * MINUTE)
    changed = (await uplynk.patch(entry["id"], start=at("08:50"))).json()
    assert (changed["start"], changed["end"], changed["offset"]) == (
        at("09:00"),
        at("09:10"),
        600_000,
    )


async def test_replay_keeps_its_window(uplynk):
    """Of a replay, a field that is not sent stays."""
    entry = await uplynk.book(
        content_type="replay_source",
        content_id="c",
        desc="Again",
        dur=MINUTE,
        start=at("10:00"),
        replay_source_start=at("07:00"),
        replay_source_end=at("07:01"),
    )
    changed = (await uplynk.patch(entry["id"], dur=2 * MINUTE)).json()
    assert (changed["replay_source_start"], changed["dur"]) == (at("07:00"), 2 * MINUTE)
    later = (await uplynk.patch(entry["id"], replay_source_end=at("07:02"))).json()
    assert (later["replay_source_end"], later["dur"]) == (at("07:02"), 2 * MINUTE)


async def test_what_moves_has_one_run_only(uplynk):
    """An entry that is moved while it waits is due where it is now."""
    entry = await uplynk.book(start=at("09:05"))
    await uplynk.patch(entry["id"], start=at("09:10"))
    async with uplynk.api.services.store.read() as reader:
        starts = {run.planned.start for run in await reader.unfinished_runs()}
        (schedule,) = await reader.schedules("channels.one")
    assert NOW.replace(minute=10) in starts
    assert schedule.effective_from == NOW
