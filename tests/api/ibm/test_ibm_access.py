"""Whose channel, whose event: who may not, changes nothing, over a real socket."""

import re
from dataclasses import replace

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from tallyd.api.ibm import build
from tallyd.domain.model import Metadata

EVENTS = "v2/channels/77/events.json"
HERS = "v2/channels/78/events.json"
SECRET = "A talk that nobody knows of"  # noqa: S105 - the title of an event
EVENT = {
    "title": "Mine",
    "description": "",
    "date": "2027-03-02",
    "time": "09:00",
    "timezone": "Europe/Rome",
    "duration": "15",
}


def _routes(api):
    (app,) = build(api.services).values()
    assert isinstance(app, FastAPI)
    return [
        (method, route.path.strip("/"))
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


def _filled(path, channel, event):
    return re.sub(r"\{(\w+)\}", lambda name: channel if name[1] == "channel_id" else event, path)


async def _state(client):
    async with client.api.services.store.read() as reader:
        return await reader.schedules(), await reader.runs(), await reader.targets()


async def _asked(client, method, path):
    body = {"data": EVENT} if method in {"POST", "PUT"} else {}
    return await client.ask(method, path, **body)


def _number(path):
    return path.rpartition("/")[2].removesuffix(".json")


async def test_every_route_is_looked_at(served):
    """There are as many routes as the contract has calls; one more needs a word here."""
    assert len(_routes(served)) == 10


async def test_nobody(ibm, stranger):
    """Without a token no event is told of, nor is anything changed; what is there looks alike."""
    number = _number(await ibm.book(title=SECRET))
    before = await _state(ibm)
    for token in (None, "0" * 40):
        stranger.headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        for method, path in _routes(ibm.api):
            if "channels" not in path:
                continue
            answers = [
                await _asked(stranger, method, _filled(path, channel, event))
                for channel, event in (("77", number), ("4711", "4711"))
            ]
            assert {answer.status_code for answer in answers} == {401}
            assert answers[0].content == answers[1].content
    assert await _state(ibm) == before


async def test_channel_of_another_account(ibm, anna, admin, viewer):
    """A channel that has an owner is 403 for others, whether they would look or change."""
    number = _number(await anna.book(78, title=SECRET))
    before = await _state(ibm)
    for client in (ibm, viewer):
        for method, path in _routes(ibm.api):
            if not path.startswith("v2"):
                continue
            answer = await _asked(client, method, _filled(path, "78", number))
            assert (answer.status_code, answer.reason_phrase) == (403, "Forbidden"), (method, path)
            assert answer.json()["error"] == "lack_of_ownership"
    assert await _state(ibm) == before
    for client in (anna, admin):
        listed = (await client.get(HERS)).json()["events"]
        assert [event["title"] for event in listed] == [SECRET]
    path = f"v2/channels/78/events/{number}.json"
    assert (await admin.put(path, EVENT)).status_code == 200
    assert (await admin.delete(path)).status_code == 200


async def test_owner_sees_and_changes_all_on_a_channel(anna, admin):
    """Whose channel it is has a say in all that is on it, whoever booked it."""
    path = await admin.book(78)
    assert len((await anna.get(HERS)).json()["events"]) == 1
    assert (await anna.put(path, EVENT)).status_code == 200
    assert (await anna.delete(path)).status_code == 200


async def test_channel_comes_before_its_owner(ibm):
    """What there is not is 404, before anybody asks whose it is."""
    assert (await ibm.get("v2/channels/4711/events.json")).status_code == 404
    assert (await ibm.get("v2/channels/78/events/4711.json")).status_code == 403
    assert (await ibm.put("v2/channels/77/events/4711.json", {})).status_code == 404


async def test_event_of_another_account(ibm, other, admin):
    """On a channel of the house what another account booked is not there; an admin sees all."""
    path = await ibm.book(title=SECRET)
    before = await _state(ibm)
    for method in ("GET", "PUT", "DELETE"):
        answer = await _asked(other, method, path)
        unknown = await _asked(other, method, "v2/channels/77/events/4711.json")
        assert answer.status_code == unknown.status_code == 404
        assert SECRET not in answer.text
    listed = (await other.get(EVENTS)).json()
    assert listed == {"events": [], "paging": {"page_count": 0, "item_count": 0}}
    assert await _state(ibm) == before
    assert len((await admin.get(EVENTS)).json()["events"]) == 1
    assert (await ibm.get(path)).status_code == 200


async def test_everybody_lists_their_own(ibm, other):
    """Lists of two accounts stay apart while both go on booking."""
    for number in range(3):
        await ibm.book(title=f"ibm {number}", time=f"18:0{number}")
        await other.book(title=f"other {number}", time=f"18:0{number}")
        for client, word in ((ibm, "ibm"), (other, "other")):
            listed = (await client.get(EVENTS)).json()
            assert [e["title"] for e in listed["events"]] == [
                f"{word} {each}" for each in range(number + 1)
            ]
    await ibm.delete(await ibm.book(title="gone"))
    assert (await ibm.get(EVENTS)).json()["paging"]["item_count"] == 3


async def test_shared_event_is_seen_not_changed(ibm, other):
    """With whom an event is shared sees it, and still may not change it."""
    number = int(_number(await ibm.book()))
    async with ibm.api.services.store.write() as tx:
        schedule = await tx.schedule(number)
        user = await tx.user_named(other.name)
        owner = schedule.metadata.owner
        shared = Metadata(owner=owner, shared_users=(user.id,))
        await tx.change_schedule(replace(schedule, metadata=shared))
    path = f"v2/channels/77/events/{number}.json"
    assert (await other.get(path)).status_code == 200
    assert len((await other.get(EVENTS)).json()["events"]) == 1
    for answer in (await other.put(path, EVENT), await other.delete(path)):
        assert (answer.status_code, answer.json()["error"]) == (403, "lack_of_ownership")


async def test_viewer(ibm, viewer):
    """An account that may only look changes nothing, whatever it sends."""
    path = await ibm.book()
    before = await _state(ibm)
    for answer in (
        await viewer.post(EVENTS, EVENT),
        await viewer.post(EVENTS, {}),
        await viewer.put(path, EVENT),
        await viewer.delete(path),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "lack_of_ownership")
    assert (await viewer.get(EVENTS)).status_code == 200
    assert await _state(ibm) == before


@pytest.mark.parametrize(
    "path", ["v2/channels/77/events", "v2/channels", "v2", "oauth2", "nothing"]
)
async def test_what_is_not_served(ibm, path):
    """An address that the interface does not have is 404 in its shape."""
    answer = await ibm.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    wrong = await ibm.ask("PATCH", EVENTS)
    assert wrong.status_code == 405
