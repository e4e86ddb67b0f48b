"""Booking an entry over a real socket: every kind, every field, every refusal of the contract."""

import re

import pytest

from uplynk_rig import NOW, at

MINUTE = 60_000
HEX32 = re.compile(r"[0-9a-f]{32}")
REPLAY = {
    "content_type": "replay_source",
    "content_id": "whatever",
    "desc": "Again",
    "dur": MINUTE,
    "replay_source_start": at("08:00"),
    "replay_source_end": at("08:01"),
}


async def test_asset_as_the_vendors_sample_books_it(uplynk):
    """Content, type and start are enough: the length is that of the asset, the name too."""
    asset = await uplynk.asset(20, name="Sports Segment")
    answer = await uplynk.post(content_id=asset, content_type="asset", start=at("20:00"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    entry = answer.json()
    assert HEX32.fullmatch(entry["id"])
    assert entry == {
        "@id": f"{uplynk.path}/{entry['id']}",
        "@type": "Schedule",
        "id": entry["id"],
        "owner": uplynk.owner,
        "content_type": "asset",
        "content_id": asset,
        "desc": "Sports Segment",
        "external_id": "",
        "start": at("20:00"),
        "end": at("20:20"),
        "dur": 20 * MINUTE,
        "ad_breaks": [],
        "type": "Time",
        "created": at("09:00"),
        "lastmod": at("09:00"),
    }
    assert (await uplynk.one(entry["id"])).json() == entry


async def test_everything_that_can_be_said(uplynk):
    """What is sent comes back."""
    asset = await uplynk.asset(60, breaks=(600, 1200))
    entry = await uplynk.book(
        content_type="asset",
        content_id=asset,
        desc="Evening film",
        external_id="film 7/b",
        start=at("20:00"),
        dur=3_600_000 + 240_000,
        ad_breaks=[120, 120],
    )
    assert (entry["desc"], entry["external_id"]) == ("Evening film", "film 7/b")
    assert (entry["ad_breaks"], entry["dur"]) == ([120, 120], 3_840_000)
    assert entry["end"] == at("21:04")


@pytest.mark.parametrize(
    "desc", ["", "Zwölf Stühle", "a\nb\tc", "\u202eevil", "x" * 4000, "\u0085"]
)
async def test_descriptions_come_back_as_they_were_sent(uplynk, desc):
    """Whatever text a client describes an entry by, it gets it back."""
    entry = await uplynk.book(start=at("20:00"), desc=desc)
    assert entry["desc"] == desc
    assert (await uplynk.items("19:00", "21:00"))[0]["desc"] == desc


@pytest.mark.parametrize(
    ("said", "dur", "breaks"),
    [
        ({}, 1_260_000, []),
        ({"ad_breaks": [90, 0, 90]}, 1_440_000, [90, 0, 90]),
        ({"ad_breaks": []}, 1_260_000, []),
        ({"dur": 1_800_000}, 1_800_000, [180, 180, 180]),
        ({"dur": 1_800_000, "ad_breaks": []}, 1_800_000, [180, 180, 180]),
        ({"dur": 1_262_000}, 1_262_000, [1, 1, 0]),
        ({"dur": 1_261_500}, 1_261_500, [1, 1, 0]),
        ({"dur": 600_000}, 600_000, []),
        ({"dur": 1_300_000, "ad_breaks": [90, 0, 90]}, 1_300_000, [90, 0, 90]),
    ],
)
async def test_ad_break_vectors(uplynk, said, dur, breaks):
    """An asset of 21 minutes with 3 breaks: every vector of the contract that is granted."""
    asset = await uplynk.asset(21, breaks=(300, 600, 900))
    answer = await uplynk.post(content_type="asset", content_id=asset, start=at("20:00"), **said)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["dur"], answer.json()["ad_breaks"]) == (dur, breaks)


@pytest.mark.parametrize(
    "said",
    [
        {"ad_breaks": [90, 90]},
        {"ad_breaks": [90, 90, 90, 90]},
        {"ad_breaks": [90, 0, 90], "dur": 1_440_001},
        {"ad_breaks": [90, -1, 90]},
        {"ad_breaks": "90"},
        {"ad_breaks": [43_201, 0, 0]},
        {"ad_breaks": [20_000, 20_000, 20_000]},
        {"dur": 43_200_001},
        {"dur": 0},
    ],
)
async def test_ad_breaks_refused(uplynk, said):
    """The wrong number of breaks, or more time than there is, is refused; nothing is stored."""
    asset = await uplynk.asset(21, breaks=(300, 600, 900))
    answer = await uplynk.post(content_type="asset", content_id=asset, start=at("20:00"), **said)
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error")
    assert await uplynk.items("19:00", "23:00") == []


async def test_an_asset_without_breaks_is_not_stretched(uplynk):
    """Where there is no break to fill, an asset is as long as it is."""
    asset = await uplynk.asset(20)
    body = {"content_type": "asset", "content_id": asset, "start": at("20:00")}
    assert (await uplynk.post(**body, dur=20 * MINUTE + 1)).status_code == 400


async def test_ad(uplynk):
    """An ad break needs a start and a length, no content."""
    entry = await uplynk.book(start=at("20:00"), dur=120_000, desc="Break")
    assert (entry["content_type"], entry["dur"], entry["desc"]) == ("ad", 120_000, "Break")
    assert "content_id" not in entry


@pytest.mark.parametrize("slicer", ["studio", "Field_2"])
async def test_slicer(uplynk, slicer):
    """A live input is named by its SlicerID."""
    entry = await uplynk.book(content_type="slicer", content_id=slicer, start=at("20:00"))
    assert (entry["content_type"], entry["content_id"]) == ("slicer", slicer)
    assert "content_owner" not in entry


async def test_content_owner(uplynk):
    """It is shown only of a live input that belongs to somebody else."""
    common = {"content_type": "slicer", "content_id": "studio"}
    own = await uplynk.book(**common, start=at("20:00"), content_owner=uplynk.owner)
    assert "content_owner" not in own
    shared = await uplynk.book(**common, start=at("21:00"), content_owner="f" * 32)
    assert shared["content_owner"] == "f" * 32


async def test_replay(uplynk):
    """What the channel put out in a window of the past can be put out again."""
    entry = await uplynk.book(**REPLAY, start=at("20:00"))
    assert (entry["content_type"], entry["content_id"]) == ("replay_source", "whatever")
    assert entry["replay_source_start"] == at("08:00")
    assert entry["replay_source_end"] == at("08:01")


@pytest.mark.parametrize("missing", sorted(REPLAY))
async def test_replay_needs_all_of_it(uplynk, missing):
    """A replay without any of its six fields is refused."""
    body = {field: value for field, value in REPLAY.items() if field != missing}
    assert (await uplynk.post(**body, start=at("20:00"))).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"content_type": None},
        {"content_type": "film"},
        {"content_type": 7},
        {"start": None},
        {"start": ""},
        {"start": "soon"},
        {"start": "now"},
        {"start": 1_800_000_000},
        {"start": "2027-13-05T20:00:00.000Z"},
        {"start": "9999-12-31T23:59:59.999Z"},
        {"start": "0001-01-01T00:00:00.000Z"},
        {"dur": None},
        {"dur": 0},
        {"dur": -1},
        {"dur": 43_200_001},
        {"dur": 1.5},
        {"dur": "long"},
        {"dur": True},
        {"dur": 10**30},
        {"dur": [1]},
        {"ad_breaks": [30]},
        {"desc": 7},
        {"desc": "x" * 5000},
        {"desc": "a\0b"},
        {"desc": "\ud800"},
        {"external_id": {}},
        {"content_type": "slicer"},
        {"content_type": "asset"},
        {**REPLAY, "replay_source_end": at("08:00")},
        {**REPLAY, "replay_source_end": "later"},
    ],
)
async def test_senseless_entries(uplynk, fields):
    """What makes no sense is refused, with the field's name, and nothing is stored."""
    body = {"content_type": "ad", "dur": MINUTE, "start": at("20:00"), **fields}
    answer = await uplynk.post(**body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_request"
    assert any(name in answer.json()["message"] for name in (*fields, "dur", "content_id"))
    assert await uplynk.items("19:00", "23:00") == []


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff", b"NaN"]
)
async def test_bodies_that_are_no_object(uplynk, raw):
    """What is no JSON object is refused as JSON."""
    answer = await uplynk.http.post(f"/api/v4{uplynk.path}", params=uplynk.signed(), content=raw)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "start",
    [
        "2027-01-05T20:00:00.000Z",
        "2027-01-05T20:00:00.0Z",
        "2027-01-05T20:00:00.000999Z",
        "2027-01-05T20:00:00Z",
        "2027-01-05T20:00Z",
        "2027-01-05T21:00:00.000+01:00",
        "2027-01-05T20:00:00.000",
    ],
)
async def test_forms_of_an_instant(uplynk, start):
    """Fewer digits are as good; what goes out has three."""
    assert (await uplynk.book(start=start))["start"] == "2027-01-05T20:00:00.000Z"


async def test_milliseconds_are_kept(uplynk):
    """Starts and lengths are exact to the millisecond."""
    entry = await uplynk.book(start=at("20:00:00.457"), dur=1_234)
    assert (entry["start"], entry["end"]) == (at("20:00:00.457"), at("20:00:01.691"))


async def test_numbers_may_be_text(uplynk):
    """Clients that send numbers as text are understood."""
    assert (await uplynk.book(start=at("20:00"), dur="60000"))["dur"] == MINUTE


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"content_type": "asset", "content_id": "f" * 32}, "asset"),
        ({"content_type": "slicer", "content_id": "nowhere"}, "slicer"),
    ],
)
async def test_unknown_content(uplynk, fields, kind):
    """What is not in the library cannot be played."""
    answer = await uplynk.post(start=at("20:00"), dur=MINUTE, **fields)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert kind in answer.json()["message"]


async def test_an_asset_that_was_removed(uplynk):
    """What was taken out of the library cannot be booked any more."""
    asset = await uplynk.asset()
    await uplynk.api.services.library.remove(asset)
    answer = await uplynk.post(content_type="asset", content_id=asset, start=at("20:00"))
    assert answer.status_code == 404


async def test_offset_of_an_asset_that_has_begun(uplynk):
    """Now 11:01, an asset of 20 minutes for 11:00: joined at 60 seconds, it ends at 11:20."""
    asset = await uplynk.asset(20)
    uplynk.clock.shown = NOW.replace(hour=11, minute=1)
    answer = await uplynk.post(content_type="asset", content_id=asset, start=at("11:00"))
    entry = answer.json()
    assert (entry["offset"], entry["start"], entry["end"]) == (60_000, at("11:01"), at("11:20"))
    assert entry["dur"] == 19 * MINUTE
    assert (await uplynk.one(entry["id"])).json()["offset"] == 60_000


async def test_offset_of_an_ad_that_has_begun(uplynk):
    """An ad is joined in progress, too."""
    uplynk.clock.shown = NOW.replace(hour=11, minute=1)
    entry = await uplynk.book(start=at("11:00"), dur=5 * MINUTE)
    assert (entry["offset"], entry["dur"]) == (60_000, 4 * MINUTE)


@pytest.mark.parametrize("live", [{"content_type": "slicer", "content_id": "studio"}, REPLAY])
async def test_what_is_live_has_no_offset(uplynk, live):
    """A live input that should have begun begins now, and nothing of it is skipped."""
    uplynk.clock.shown = NOW.replace(hour=11, minute=1)
    entry = await uplynk.book(**{**live, "dur": 5 * MINUTE}, start=at("11:00"))
    assert (entry["start"], entry["end"]) == (at("11:01"), at("11:05"))
    assert "offset" not in entry


@pytest.mark.parametrize("start", ["08:00", "08:30"])
async def test_what_is_over_is_refused(uplynk, start):
    """An entry that would be over already is refused."""
    answer = await uplynk.post(content_type="ad", dur=30 * MINUTE, start=at(start))
    assert (answer.status_code, "start" in answer.json()["message"]) == (400, True)


async def test_twelve_hours_are_allowed(uplynk):
    """The longest entry has twelve hours."""
    entry = await uplynk.book(start=at("10:00"), dur=43_200_000)
    assert entry["end"] == at("22:00")


async def test_what_is_booked_for_now_is_due_at_once(uplynk):
    """The daemon finds the run of what begins now, whenever it looks."""
    entry = await uplynk.book(start=at("09:00"), desc="Now")
    async with uplynk.api.services.store.read() as reader:
        (run,) = await reader.unfinished_runs()
        schedule = await reader.schedule(run.schedule_id)
    assert (run.name, schedule.uid) == ("Now", entry["id"])


async def test_what_a_feed_needs_is_stored(uplynk):
    """What, from where in it, with which breaks: it is all in the schedule."""
    asset = await uplynk.asset(21, breaks=(300,))
    uplynk.clock.shown = NOW.replace(minute=1)
    await uplynk.post(content_type="asset", content_id=asset, start=at("09:00"), ad_breaks=[90])
    async with uplynk.api.services.store.read() as reader:
        (schedule,) = await reader.schedules("channels.one")
    content = schedule.content
    assert (content.kind, content.id, content.ad_breaks_s) == ("asset", asset, (90,))
    assert content.offset.total_seconds() == 60
