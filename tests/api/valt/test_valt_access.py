"""Who may not, changes nothing and learns nothing: over every route that there is."""

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tallyd.api.valt import build
from tallyd.domain.model import TargetKind

NO_KEY = {"error": {"code": 401, "message": "No API key provided"}}


def routes(api, schedule_id: int) -> list[tuple[str, str]]:
    """Give every route but the login, with ids that there are."""
    (app,) = build(api.services).values()
    assert isinstance(app, FastAPI)
    return [
        (method, route.path.strip("/").format(schedule_id=schedule_id, room_id=7, user_id=1))
        for route in app.routes
        if isinstance(route, APIRoute) and route.path != "/login"
        for method in sorted(route.methods)
    ]


async def asked(client, method: str, path: str):
    """Ask for something, or do it with a body that would be good."""
    if method == "GET":
        return await client.get(path)
    return await client.post(path, client.wish())


async def state_of(valt) -> tuple[object, ...]:
    """Give all that a request could have changed."""
    async with valt.api.services.store.read() as reader:
        return await reader.revision(), await reader.runs(), await reader.targets()


async def test_every_route_is_looked_at(valt):
    """There are as many routes as the contract has calls; one more needs a word here."""
    assert len(routes(valt.api, 1)) == 24


async def test_nobody(valt, stranger):
    """Without a token, or with a bad one, no route says or does anything."""
    schedule_id, _ = await valt.begun()
    before = await state_of(valt)
    for method, path in routes(valt.api, schedule_id):
        stranger.token = None
        assert (await asked(stranger, method, path)).json() == NO_KEY
    stranger.token = "0" * 64
    for method, path in routes(valt.api, schedule_id)[:10]:
        answer = await asked(stranger, method, path)
        assert answer.status_code in {401, 429}
    assert await state_of(valt) == before


async def test_viewer(valt, viewer):
    """An account that may only look can change nothing."""
    schedule_id, _ = await valt.begun()
    before = await state_of(valt)
    for method, path in routes(valt.api, schedule_id):
        answer = await asked(viewer, method, path)
        if method == "POST":
            assert (answer.status_code, answer.reason_phrase) == (403, "Forbidden"), path
            assert answer.json()["error"]["code"] == 403
    assert await state_of(valt) == before


async def test_foreign_schedule_is_not_there(valt, other):
    """What belongs to somebody else is answered like what there is not."""
    schedule_id, _ = await valt.begun(daily=True)
    await valt.book(start_at=valt.soon(0.5))
    before = await state_of(valt)
    for method, path in routes(valt.api, schedule_id):
        if not path.startswith(f"schedule/{schedule_id}"):
            continue
        answer = await asked(other, method, path)
        unknown = await asked(other, method, path.replace(str(schedule_id), "99", 1))
        assert answer.status_code == 404
        assert answer.content == unknown.content
    assert await state_of(valt) == before
    listed = await other.every()
    assert (listed["schedules"], listed["blocked_schedules"]) == ([], [])
    assert (listed["conflict_schedules"], listed["total_count"]) == ([], 0)
    for path in ("blocked", "conflict"):
        ((_, found),) = (await other.get(f"schedule/{path}")).json()["data"].items()
        assert found == []


@pytest.mark.parametrize("act", ["stop", "pause", "resume"])
async def test_foreign_recording(valt, other, act):
    """What somebody else records cannot be ended from its room."""
    _, run_id = await valt.begun()
    before = await state_of(valt)
    answer = await other.post(f"rooms/7/record/{act}", {})
    assert (answer.status_code, answer.reason_phrase) == (403, "Forbidden")
    assert await state_of(valt) == before
    status = (await other.get("rooms/7/status")).json()["data"]
    assert (status["record_id"], status["record_access"]) == (run_id, False)


async def test_shared_schedule_is_seen_not_changed(valt, other):
    """With whom it is shared sees it, and still may not change it."""
    users = {user["name"]: user["id"] for user in (await valt.get("admin/users")).json()["data"]}
    schedule_id = await valt.book(share={"users": [users[other.name]]})
    assert (await other.details(schedule_id))["id"] == schedule_id
    for act in ("edit", "delete", "delete_next"):
        assert (await other.post(f"schedule/{schedule_id}/{act}", {})).status_code == 403
    assert (await valt.details(schedule_id))["id"] == schedule_id


async def test_channels_are_not_shown(valt):
    """What plays on a channel is no schedule of a room: it is not there for VALT's clients."""
    async with valt.api.services.store.read() as reader:
        assert any(t.kind is TargetKind.CHANNEL for t in await reader.targets())
    rooms = (await valt.get("admin/rooms")).json()["data"]
    assert "one" not in {room["name"] for room in rooms}
