"""The native interface, over real sockets."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from api_rig import Api, api_at
from sample_config import CONFIG
from tallyd.domain.accounts import Role

LECTURE = {
    "target": "rooms.aula",
    "name": "Lecture",
    "start": "2036-12-01T09:00",
    "duration": "90m",
}


@pytest.fixture
async def admin(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Give the client of an admin."""
    async with api.client(await api.user("root", Role.ADMIN)) as client:
        yield client


@pytest.fixture
async def alice(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Give the client of an operator."""
    async with api.client(await api.user("alice")) as client:
        yield client


async def _book(client: httpx.AsyncClient, **more: Any) -> Any:
    answer = await client.post("/api/v1/schedules", json={**LECTURE, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_schedule_lives(alice: httpx.AsyncClient) -> None:
    """What is booked can be seen, changed and removed."""
    booked = await _book(alice, repeat="weekly", days=["mon", "wed"])
    path = f"/api/v1/schedules/{booked['id']}"
    assert booked["timezone"] == "Europe/Rome"
    assert (await alice.get(path)).json()["name"] == "Lecture"
    changed = await alice.patch(path, json={"duration": "1h"})
    assert (changed.status_code, changed.json()["duration_ms"]) == (200, 3_600_000)
    assert [each["id"] for each in (await alice.get("/api/v1/schedules")).json()] == [booked["id"]]
    assert (await alice.delete(path)).status_code == 200
    assert (await alice.get(path)).status_code == 404
    assert (await alice.get("/api/v1/schedules")).json() == []


async def test_a_channel_of_another_account(tmp_path: Path) -> None:
    """A channel that has an owner takes bookings from that account and from admins alone."""
    config = f"{CONFIG}\n[channels.hers]\ndriver = 'simulated'\nowner = 'Anna'\n"
    async with api_at(tmp_path, config) as served:
        codes = {}
        for name, role in (("anna", Role.OPERATOR), ("bob", Role.OPERATOR), ("root", Role.ADMIN)):
            async with served.client(await served.user(name, role)) as client:
                body = {**LECTURE, "target": "channels.hers"}
                booked = await client.post("/api/v1/schedules", json=body)
                moved = await _book(client, start="2036-12-02T09:00")
                path = f"/api/v1/schedules/{moved['id']}"
                there = await client.patch(path, json={"target": "channels.hers"})
                codes[name] = booked.status_code, there.status_code
    assert codes == {"anna": (201, 200), "bob": (403, 403), "root": (201, 200)}


async def test_ten_at_once_are_one(alice: httpx.AsyncClient) -> None:
    """Whoever sends a booking again, because no answer came, books it once."""
    answers: list[httpx.Response] = []

    async def send() -> None:
        headers = {"Idempotency-Key": "the-one"}
        answers.append(await alice.post("/api/v1/schedules", json=LECTURE, headers=headers))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(send)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len((await alice.get("/api/v1/schedules")).json()) == 1


async def test_a_key_stands_for_one_request(alice: httpx.AsyncClient) -> None:
    """A key that comes with something else is a mistake, and is told so."""
    headers = {"Idempotency-Key": "the-one"}
    await alice.post("/api/v1/schedules", json=LECTURE, headers=headers)
    other = {**LECTURE, "name": "Other"}
    answer = await alice.post("/api/v1/schedules", json=other, headers=headers)
    assert answer.status_code == 422
    assert len((await alice.get("/api/v1/schedules")).json()) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({**LECTURE, "duration": "90"}, 422, "duration"),
        ({**LECTURE, "target": "rooms.aulla"}, 409, "target"),
        ({**LECTURE, "start": "2006-12-01T09:00"}, 409, "start"),
        ({**LECTURE, "start": "2036-02-31T09:00"}, 409, "start"),
        ({**LECTURE, "timezone": "Europe/Rom"}, 409, "timezone"),
        ({**LECTURE, "colour": "red"}, 422, "colour"),
        ({"name": "Lecture"}, 422, "target"),
        ({**LECTURE, "every": 2}, 409, "every"),
    ],
)
async def test_a_mistake_is_named(
    alice: httpx.AsyncClient, body: dict[str, Any], status: int, field: str
) -> None:
    """Whoever books wrongly is told the field, the value, and what to write."""
    answer = await alice.post("/api/v1/schedules", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [each["field"] for each in answer.json()["problems"]]
    assert all(each["fix"] for each in answer.json()["problems"])


async def test_what_is_no_json_is_refused(alice: httpx.AsyncClient) -> None:
    """What cannot be read changes nothing."""
    headers = {"Content-Type": "application/json"}
    answer = await alice.post("/api/v1/schedules", content=b'{"name":', headers=headers)
    assert answer.status_code == 422
    form = await alice.post("/api/v1/schedules", data=LECTURE)
    assert form.status_code in {415, 422}


async def test_one_occurrence_is_left_out(alice: httpx.AsyncClient) -> None:
    """One occurrence can be left out, and taken back."""
    booked = await _book(alice, repeat="daily")
    path = f"/api/v1/schedules/{booked['id']}/overrides"
    left_out = await alice.put(f"{path}/2036-12-02", json={"excluded": True})
    assert (left_out.status_code, left_out.json()["slot"]) == (200, "2036-12-02T09:00:00")
    assert [each["excluded"] for each in (await alice.get(path)).json()] == [True]
    assert (await alice.put(f"{path}/2036-12-02", json={"excluded": False})).status_code == 200
    assert [each["excluded"] for each in (await alice.get(path)).json()] == [False]
    assert (await alice.put(f"{path}/1999-01-01", json={"excluded": True})).status_code == 404


async def test_the_plan_tells_who_is_in_the_way(alice: httpx.AsyncClient) -> None:
    """A plan, also of what is not booked yet, says who holds what."""
    await _book(alice)
    period = {"from": "2036-12-01", "to": "2036-12-02"}
    (entry,) = (await alice.get("/api/v1/plan", params=period)).json()
    assert (entry["verdict"], entry["start"]) == ("clear", "2036-12-01T08:00:00.000Z")
    more = {**LECTURE, "name": "More", "start": "2036-12-01T09:30", "duration": "30m"}
    planned = (await alice.post("/api/v1/plan", json={**period, "with": [more]})).json()
    assert [each["verdict"] for each in planned] == ["clear", "blocked"]
    assert len((await alice.get("/api/v1/schedules")).json()) == 1


async def test_exception_days(admin: httpx.AsyncClient, alice: httpx.AsyncClient) -> None:
    """A day on which nothing starts is kept by an admin, and suspends what is booked."""
    await _book(alice)
    day = {"date": "2036-12-01", "name": "Closed"}
    assert (await alice.post("/api/v1/exceptions", json=day)).status_code == 403
    added = await admin.post("/api/v1/exceptions", json=day)
    assert added.status_code == 201
    period = {"from": "2036-12-01", "to": "2036-12-02"}
    assert (await alice.get("/api/v1/plan", params=period)).json()[0]["verdict"] == "suspended"
    assert (await admin.delete(f"/api/v1/exceptions/{added.json()['id']}")).status_code == 204
    assert (await alice.get("/api/v1/exceptions")).json() == []


async def test_targets_and_their_ids(admin: httpx.AsyncClient) -> None:
    """Every client finds its id of a room."""
    found = {each["target"]: each for each in (await admin.get("/api/v1/targets")).json()}
    assert found["rooms.aula"]["valt_id"] == 7
    assert len(found["rooms.aula"]["uplynk_id"]) == 32
    one = (await admin.get("/api/v1/targets/rooms.lab")).json()
    assert one["name"] == "The Lab"
    assert (await admin.get("/api/v1/targets/rooms.none")).status_code == 404
    locked = await admin.put("/api/v1/targets/rooms.lab/lock")
    assert locked.json()["locked_since"] is not None
    assert (await admin.delete("/api/v1/targets/rooms.lab/lock")).json()["locked_since"] is None


async def test_status_without_a_daemon(alice: httpx.AsyncClient) -> None:
    """Where no daemon runs, that is said."""
    assert (await alice.get("/api/v1/status")).json()["running"] is False
    assert (await alice.get("/api/v1/runs")).json() == []
    assert (await alice.get("/api/v1/runs/1")).status_code == 404
    assert (await alice.get("/api/v1/me")).json()["name"] == "alice"


async def test_another_s_booking_is_not_there(api: Api, alice: httpx.AsyncClient) -> None:
    """What somebody else booked is neither seen nor changed, nor named as what is in the way."""
    soon = (api.services.clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%MZ")
    booked = await _book(alice, start=soon)
    path = f"/api/v1/schedules/{booked['id']}"
    async with api.client(await api.user("mallory")) as mallory:
        assert (await mallory.get(path)).status_code == 404
        assert (await mallory.patch(path, json={"name": "Mine"})).status_code == 404
        assert (await mallory.delete(path)).status_code == 404
        assert (await mallory.get("/api/v1/schedules")).json() == []
        own = await _book(mallory, start=soon)
    assert (own["verdict"], own["by"][0]["schedule_id"]) == ("blocked", None)
    assert "Lecture" not in str(own["affects"])
    assert (await alice.get(path)).json()["name"] == "Lecture"


async def test_a_viewer_changes_nothing(api: Api, alice: httpx.AsyncClient) -> None:
    """An account that looks cannot book."""
    async with api.client(await api.user("eve", Role.VIEWER)) as eve:
        assert (await eve.post("/api/v1/schedules", json=LECTURE)).status_code == 403
    assert (await alice.get("/api/v1/schedules")).json() == []


async def test_nobody_pushes_others_aside(alice: httpx.AsyncClient) -> None:
    """To go before others, or to cut what records, is for admins."""
    answer = await alice.post("/api/v1/schedules", json={**LECTURE, "priority": 5})
    assert answer.status_code == 403
    forced = await alice.post("/api/v1/schedules?on_conflict=force", json=LECTURE)
    assert forced.status_code == 403


async def test_it_is_described(alice: httpx.AsyncClient) -> None:
    """Programs can read what there is."""
    described = (await alice.get("/api/v1/openapi.json")).json()
    assert "/schedules/{schedule_id}" in described["paths"]
