"""Who may not, changes nothing and learns nothing: over every route that there is."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from tallyd.api.uplynk import build
from uplynk_rig import at

SECRET = "A film that nobody knows of"  # noqa: S105 - the name of an entry


def routes(uplynk, entry: str, playlist: str) -> list[tuple[str, str]]:
    """Give every route, with ids that there are."""
    (app,) = build(uplynk.api.services).values()
    assert isinstance(app, FastAPI)
    ids = {"channel": uplynk.channel, "entry": entry, "playlist": playlist}
    return [
        (method, route.path.format(**ids))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


async def asked(client, method: str, path: str, playlist: str):
    """Ask for something, or do it with a body that would be good."""
    if method in {"GET", "DELETE"}:
        return await client.ask(method, path)
    body = {
        "content_type": "ad",
        "dur": 60_000,
        "start": at("09:05"),
        "desc": "Mine",
        "playlist": [{"ad": {"dur": 30}}],
        "playlist_id": playlist,
        "asset_id": playlist,
        "conflict_resolution": "replace",
    }
    return await client.ask(method, path, body)


async def state_of(uplynk) -> tuple[object, ...]:
    """Give all that a request could have changed."""
    async with uplynk.api.services.contents.read() as reader:
        return (
            await reader.schedules(),
            await reader.runs(),
            await reader.targets(),
            await reader.playlists(),
            await reader.assets(),
        )


async def booked(uplynk) -> tuple[str, str]:
    """Have an entry and a playlist; gives their ids."""
    entry = await uplynk.book(start=at("09:01"), desc=SECRET)
    return entry["id"], await uplynk.playlist(30, desc=SECRET)


async def test_every_route_is_looked_at(uplynk):
    """There are as many routes as the contract has calls; one more needs a word here."""
    assert len(routes(uplynk, "e", "p")) == 20


async def test_nobody(uplynk):
    """Without a signature, or with a bad one, no route says or does anything."""
    ids = await booked(uplynk)
    before = await state_of(uplynk)
    for method, path in routes(uplynk, *ids):
        answer = await uplynk.http.request(method, f"/api/v4{path}")
        assert answer.status_code == 401, path
        assert {**answer.json(), "@id": ""} == {
            "@id": "",
            "@type": "Error",
            "error": "unauthorized",
            "message": "msg and sig say nothing of who asks",
            "status": 401,
        }
    guessing = uplynk.seen_as(key="guessed")
    for method, path in routes(uplynk, *ids)[:10]:
        assert (await asked(guessing, method, path, ids[1])).status_code in {401, 429}
    assert await state_of(uplynk) == before


async def test_viewer(uplynk, viewer):
    """An account that may only look can change nothing."""
    ids = await booked(uplynk)
    before = await state_of(uplynk)
    for method, path in routes(uplynk, *ids):
        answer = await asked(viewer, method, path, ids[1])
        assert SECRET not in answer.text
        if method != "GET":
            assert answer.status_code == 403, path
            assert answer.json()["error"] == "forbidden"
    assert await state_of(uplynk) == before


async def test_a_stranger(uplynk, other):
    """Another account neither changes what is somebody else's, nor reads of it anywhere."""
    ids = await booked(uplynk)
    before = await state_of(uplynk)
    for method, path in routes(uplynk, *ids):
        if method == "POST" and path.startswith("/linear-playlist"):
            continue
        answer = await asked(other, method, path, ids[1])
        assert SECRET not in answer.text
        assert ids[0] in path or ids[0] not in answer.text
        if method != "GET":
            assert answer.status_code in {403, 404, 409}, (method, path)
    assert await state_of(uplynk) == before


async def test_what_is_somebody_elses_is_busy(uplynk, other):
    """Its time is shown, for it is taken; what it is, and by what name, is not."""
    entry = await uplynk.book(start=at("10:00"), desc=SECRET, external_id="x")
    (seen,) = await other.items("09:00", "12:00")
    assert (seen["start"], seen["end"], seen["type"]) == (entry["start"], entry["end"], "Time")
    assert (seen["id"], seen["desc"], seen["content_type"]) == ("busy-1799143200000", "", "ad")
    for name in (entry["id"], seen["id"], "x"):
        assert (await other.one(name)).status_code == 404
        assert (await other.patch(name, desc="Mine")).status_code == 404
        assert (await other.delete(name)).status_code == 404
    answer = await other.post(content_type="ad", dur=1000, start=at("10:00"))
    assert (answer.status_code, SECRET in answer.text) == (409, False)
    assert "another account" in answer.json()["message"]
    replacing = await other.post(
        content_type="ad", dur=1000, start=at("10:00"), conflict_resolution="replace"
    )
    assert replacing.status_code == 409
    assert (await other.listed(after=""))["items"] == []
    gaps = await other.items("09:00", "12:00", include_empty=1)
    assert [item["type"] for item in gaps] == ["Empty", "Time", "Empty"]


async def test_an_administrator(uplynk, admin):
    """It sees and changes all; but what it replaces has to be its own."""
    entry = await uplynk.book(start=at("10:00"), desc=SECRET)
    assert (await admin.one(entry["id"])).json()["desc"] == SECRET
    assert (await admin.patch(entry["id"], desc="Seen")).status_code == 200
    answer = await admin.post(
        content_type="ad", dur=1000, start=at("10:00"), conflict_resolution="replace"
    )
    assert (answer.status_code, entry["id"] in answer.text) == (409, True)
    assert (await admin.delete(entry["id"])).status_code == 200
