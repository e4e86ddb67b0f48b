"""Linear playlists over a real socket: kept, changed, listed, booked in one go."""

from dataclasses import replace
from datetime import timedelta

import pytest

from uplynk_rig import NOW, at

MINUTE = 60_000


@pytest.mark.parametrize("path", ["/linear-playlist", "/linear-playlist/"])
async def test_create_and_list(uplynk, path):
    """With and without a slash at its end; every field of the object is there."""
    asset = await uplynk.asset()
    items = [{"beam": {"id": asset}}, {"ad": {"dur": 30}}]
    answer = await uplynk.ask("POST", path, {"playlist": items})
    made = answer.json()
    assert answer.status_code == 200
    assert made == {
        "@id": f"/linear-playlist/{made['id']}",
        "@type": "LinearPlaylist",
        "id": made["id"],
        "desc": "",
        "active": 1,
        "repeat": 0,
        "beam_break_duration": 0,
        "ad_slate_fill": 0,
        "skip_drm": 0,
        "studio_drm_required": 0,
        "profile": "",
        "playlist": items,
    }
    assert len(made["id"]) == 32
    listed = (await uplynk.ask("GET", path)).json()
    assert listed == {"@id": path, "@type": "Collection", "items": [made], "total_items": 1}
    assert (await uplynk.ask("GET", f"/linear-playlist/{made['id']}")).json() == made


async def test_as_the_vendors_command_line_sends_it(uplynk):
    """Numbers as text, an ad as the first item, a slash at the end."""
    asset = await uplynk.asset()
    body = {
        "desc": "Evening",
        "repeat": "-1",
        "beam_break_duration": "30",
        "active": 1,
        "ad_slate_fill": 1,
        "skip_drm": 0,
        "studio_drm_required": 1,
        "playlist": [{"ad": {"dur": 30}}, {"beam": {"id": asset}}],
    }
    made = (await uplynk.ask("POST", "/linear-playlist/", body)).json()
    expected = {**body, "repeat": -1, "beam_break_duration": 30}
    assert {name: made[name] for name in body} == expected
    changed = await uplynk.ask("PATCH", f"/linear-playlist/{made['id']}", {"repeat": "3"})
    assert changed.json() == made | {"repeat": 3}


async def test_filters(uplynk):
    """Lists can be cut down to one description, and to those that are active or not."""
    asset = await uplynk.asset()
    one = await uplynk.playlist(asset, desc="one")
    uplynk.clock.shown += timedelta(minutes=1)
    two = await uplynk.playlist(asset, desc="two", active=0)

    async def ids(**query: object) -> list[str]:
        listed = (await uplynk.ask("GET", "/linear-playlist/", **query)).json()
        return [item["id"] for item in listed["items"]]

    assert await ids() == [one, two]
    assert await ids(desc="two") == [two]
    assert await ids(desc="tw") == []
    assert (await ids(active=1), await ids(active=0)) == ([one], [two])
    assert await ids(active=1, desc="two") == []
    assert (await uplynk.ask("GET", "/linear-playlist", active="x")).status_code == 400


async def test_change(uplynk):
    """What is sent is changed, what is not stays."""
    asset, other = await uplynk.asset(), await uplynk.asset()
    playlist = await uplynk.playlist(asset, desc="one")
    answer = await uplynk.ask(
        "PATCH", f"/linear-playlist/{playlist}", {"playlist": [{"beam": {"id": other}}]}
    )
    assert (answer.status_code, answer.json()["desc"]) == (200, "one")
    assert answer.json()["playlist"] == [{"beam": {"id": other}}]


async def test_delete(uplynk):
    """It is gone; what was booked from it is not."""
    playlist = await uplynk.playlist(60)
    await uplynk.put_playlist(playlist, at("10:00"))
    answer = await uplynk.ask("DELETE", f"/linear-playlist/{playlist}")
    assert answer.status_code == 200
    assert answer.json() == {
        "@id": f"/linear-playlist/{playlist}",
        "@type": "LinearPlaylist",
        "message": "Deleted",
    }
    for method in ("GET", "PATCH", "DELETE"):
        gone = await uplynk.ask(method, f"/linear-playlist/{playlist}", {})
        assert gone.status_code == 404
    assert len(await uplynk.items("09:00", "11:00")) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"playlist": None},
        {"playlist": "a"},
        {"playlist": ["a"]},
        {"playlist": [{"ad": {"dur": 0}}]},
        {"playlist": [{"ad": {"dur": 43_201}}]},
        {"playlist": [{"ad": {}}]},
        {"playlist": [{"beam": {}}]},
        {"playlist": [{"beam": {"id": 7}}]},
        {"playlist": [{"beam": "x"}]},
        {"playlist": [{"clip": {"id": "x"}}]},
        {"playlist": [{"ad": {"dur": 3}, "beam": {"id": "x"}}]},
        {"playlist": [], "repeat": -2},
        {"playlist": [], "active": 2},
        {"playlist": [], "beam_break_duration": -1},
        {"playlist": [], "desc": 7},
        {"playlist": [{"ad": {"dur": 1}}] * 1001},
    ],
)
async def test_senseless_playlists(uplynk, body):
    """What makes no sense is refused, and not kept."""
    answer = await uplynk.ask("POST", "/linear-playlist/", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await uplynk.ask("GET", "/linear-playlist/")).json()["total_items"] == 0


async def test_at_most_100_assets(uplynk):
    """A hundred assets are a playlist, one more is none; ads do not count."""
    asset = {"beam": {"id": await uplynk.asset()}}
    ads = [{"ad": {"dur": 1}}] * 100
    most = await uplynk.ask("POST", "/linear-playlist/", {"playlist": [asset] * 100 + ads})
    assert most.status_code == 200
    more = await uplynk.ask("POST", "/linear-playlist/", {"playlist": [asset] * 101})
    assert more.status_code == 400


async def test_unknown_assets(uplynk):
    """A playlist names nothing that is not in the library."""
    body = {"playlist": [{"beam": {"id": "f" * 32}}]}
    assert (await uplynk.ask("POST", "/linear-playlist/", body)).status_code == 404


async def test_smart_start(uplynk):
    """A playlist of one asset that has the asset's own id."""
    asset = await uplynk.asset()
    made = (await uplynk.ask("POST", "/smart-start", {"asset_id": asset})).json()
    assert (made["id"], made["playlist"]) == (asset, [{"beam": {"id": asset}}])
    assert (await uplynk.ask("GET", f"/linear-playlist/{asset}")).json() == made
    assert (await uplynk.ask("POST", "/smart-start", {"id": asset})).status_code == 200
    assert (await uplynk.ask("POST", "/smart-start", {})).status_code == 400
    assert (await uplynk.ask("POST", "/smart-start", {"asset_id": "f" * 32})).status_code == 404


async def test_book_a_playlist(uplynk):
    """Its items become entries, one behind the other, that say where they come from."""
    film, clip = await uplynk.asset(20, (60, 120), "Film"), await uplynk.asset(5, name="Clip")
    playlist = await uplynk.playlist(film, 30, clip, beam_break_duration=15)
    answer = await uplynk.put_playlist(playlist, at("20:00"))
    body = answer.json()
    path = f"/channels/{uplynk.channel}/schedule-playlist"
    assert answer.status_code == 200
    assert (body["@id"], body["@type"], body["total_items"]) == (path, "Collection", 3)
    shown = [
        (i["content_type"], i.get("content_id"), i["desc"], i["start"], i["dur"], i["ad_breaks"])
        for i in body["items"]
    ]
    assert shown == [
        ("asset", film, "Film", at("20:00"), 20 * MINUTE + 30_000, [15, 15]),
        ("ad", None, "", at("20:20:30"), 30_000, []),
        ("asset", clip, "Clip", at("20:21"), 5 * MINUTE, []),
    ]
    source = {"id": playlist, "type": "playlist"}
    assert all(item["source"] == source for item in body["items"])
    assert await uplynk.items("19:00", "23:00") == body["items"]


async def test_breaks_are_ignored_unless_asked_for(uplynk):
    """With `beam_break_duration` 0 assets play through."""
    film = await uplynk.asset(20, (60, 120))
    answer = await uplynk.put_playlist(await uplynk.playlist(film), at("20:00"))
    (item,) = answer.json()["items"]
    assert (item["dur"], item["ad_breaks"]) == (20 * MINUTE, [])


async def test_entries_and_playlist_are_independent(uplynk):
    """What is done to either later does not touch the other."""
    film, clip = await uplynk.asset(20), await uplynk.asset(5)
    playlist = await uplynk.playlist(film)
    (entry,) = (await uplynk.put_playlist(playlist, at("20:00"))).json()["items"]
    body = {"playlist": [{"beam": {"id": clip}}]}
    await uplynk.ask("PATCH", f"/linear-playlist/{playlist}", body)
    assert (await uplynk.one(entry["id"])).json() == entry
    await uplynk.delete(entry["id"])
    kept = (await uplynk.ask("GET", f"/linear-playlist/{playlist}")).json()
    assert kept["playlist"] == body["playlist"]


async def test_a_taken_time_takes_all(uplynk):
    """Where one item would overlap, none is booked."""
    await uplynk.book(start=at("10:25"), dur=MINUTE)
    playlist = await uplynk.playlist(600, 600, 600)
    answer = await uplynk.put_playlist(playlist, at("10:00"))
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert len(await uplynk.items("09:00", "12:00")) == 1


async def test_replace_the_whole_span(uplynk):
    """All that overlaps any of the items goes."""
    there = [await uplynk.book(start=at(start), dur=MINUTE) for start in ("10:05", "10:25")]
    playlist = await uplynk.playlist(600, 600, 600)
    answer = await uplynk.put_playlist(playlist, at("10:00"), conflict_resolution="replace")
    items = answer.json()["items"]
    assert await uplynk.items("09:00", "12:00") == items
    for each in there:
        gone = (await uplynk.one(each["id"], include_deleted=1)).json()
        assert gone["replaced_by"] == items[0]["id"]
    again = await uplynk.put_playlist(playlist, at("10:00"), overwrite="1")
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("how", "start", "expected"),
    [
        ("trim-end", "10:30", [("10:30", "10:40", None), ("10:40", "10:45", None)]),
        ("trim-end", "10:25", [("10:30", "10:40", None), ("10:40", "10:45", None)]),
        ("trim-start", "10:30", [("10:30", "10:35", 300_000), ("10:35", "10:45", None)]),
        ("trim-start", "10:25", [("10:30", "10:35", 300_000), ("10:35", "10:45", None)]),
    ],
)
async def test_trim_the_whole_sequence(uplynk, how, start, expected):
    """Three clips of 10 minutes in a gap of 15: what falls outside is not booked."""
    await uplynk.book(start=at("10:00"))
    await uplynk.book(start=at("10:45"))
    clip = await uplynk.asset(10)
    playlist = await uplynk.playlist(clip, clip, clip)
    answer = await uplynk.put_playlist(playlist, at(start), conflict_resolution=how)
    shown = [(i["start"], i["end"], i.get("offset")) for i in answer.json()["items"]]
    assert shown == [(at(begin), at(end), offset) for begin, end, offset in expected]


async def test_a_sequence_that_has_begun(uplynk):
    """What is over is left out, what is under way is joined."""
    clip = await uplynk.asset(10)
    playlist = await uplynk.playlist(clip, 600, clip)
    answer = await uplynk.put_playlist(playlist, at("08:45"))
    shown = [(i["start"], i["end"], i.get("offset")) for i in answer.json()["items"]]
    assert shown == [(at("09:00"), at("09:05"), 300_000), (at("09:05"), at("09:15"), None)]
    over = await uplynk.put_playlist(playlist, at("08:00"))
    assert over.status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"playlist_id": "f" * 32}, 404),
        ({"playlist_id": None}, 400),
        ({"playlist_id": 7}, 400),
        ({"start": None}, 400),
        ({"start": "soon"}, 400),
        ({"conflict_resolution": "maybe"}, 400),
    ],
)
async def test_playlists_that_cannot_be_booked(uplynk, fields, status):
    """What is unknown or makes no sense books nothing."""
    playlist = await uplynk.playlist(600)
    body = {"playlist_id": playlist, "start": at("10:00"), **fields}
    answer = await uplynk.ask("POST", f"/channels/{uplynk.channel}/schedule-playlist", body)
    assert answer.status_code == status
    assert await uplynk.items("09:00", "12:00") == []


async def test_an_empty_playlist(uplynk):
    """It can be kept, not booked."""
    assert (await uplynk.put_playlist(await uplynk.playlist(), at("10:00"))).status_code == 400


async def test_an_inactive_playlist(uplynk):
    """That is about playing it back; it can be booked."""
    playlist = await uplynk.playlist(600, active=0, repeat=-1)
    answer = await uplynk.put_playlist(playlist, at("10:00"))
    assert (answer.status_code, answer.json()["total_items"]) == (200, 1)


async def test_an_asset_that_is_gone(uplynk):
    """A playlist whose asset was taken away by force of the database books nothing."""
    film, clip = await uplynk.asset(20), await uplynk.asset(5)
    playlist = await uplynk.playlist(clip, film)
    async with uplynk.api.services.contents.write() as tx:
        (asset,) = await tx.assets_of({film})
        await tx.put_asset(replace(asset, removed=NOW))
    assert (await uplynk.put_playlist(playlist, at("10:00"))).status_code == 404
    assert await uplynk.items("09:00", "12:00") == []


async def test_a_playlist_of_somebody_else(uplynk, other):
    """It is not there."""
    playlist = await uplynk.playlist(600, desc="mine")
    assert (await other.ask("GET", "/linear-playlist/")).json()["items"] == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = await other.ask(method, f"/linear-playlist/{playlist}", {})
        assert (answer.status_code, "mine" in answer.text) == (404, False)
    assert (await other.put_playlist(playlist, at("10:00"))).status_code == 404
