"""Every route that there is, asked by those who may not: nothing changes, and nothing is told."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_rig import Api
from tallyd.api.application import DIALECTS
from tallyd.api.services import Services
from tallyd.domain.accounts import Role

SECRET = "A talk that nobody knows of"  # noqa: S105 - the name of a booking
OPEN = {("POST", "/api/v3/login")}
"""Where one proves who one is."""

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
BODY = {
    "target": "rooms.aula",
    "name": "Mine",
    "start": "2036-12-01T09:00",
    "duration": "1h",
}
BODIES: dict[str, Any] = {
    "/schedules/{schedule_id}": {"name": "Mine"},
    "/schedules/{schedule_id}/overrides/{occurrence}": {"excluded": True},
    "/plan": {"with": [BODY]},
    "/runs/{run_id}/extend": {"by": "1h"},
    "/exceptions": {"date": "2036-12-01", "name": "Mine"},
}
VALUES = {"target": "rooms.aula", "occurrence": "next"}


def _routes(services: Services) -> Iterator[tuple[str, str, str]]:
    """Give method, whole path, and path within its application, of every route of every dialect."""
    yield "GET", "/metrics", "/metrics"
    for dialect in DIALECTS:
        for prefix, app in dialect.build(services).items():
            assert isinstance(app, FastAPI)
            for path, methods in app.openapi()["paths"].items():
                for method in methods:
                    yield method.upper(), prefix + path, path


def _filled(path: str, number: int) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: VALUES.get(found[1], str(number)), path)


async def _everything(api: Api) -> Any:
    """Give all that is stored but for accounts, as it can be compared."""
    async with api.services.store.read() as reader:
        return (
            await reader.targets(),
            await reader.schedules(),
            await reader.overrides(),
            await reader.exception_days(),
            await reader.runs(),
        )


@pytest.fixture
async def booked(api: Api) -> int:
    """Give the id of what alice has booked, in the room that everything is about."""
    soon = (api.services.clock.now()).strftime("2036-%m-%dT%H:%MZ")
    async with api.client(await api.user("alice")) as alice:
        answer = await alice.post("/api/v1/schedules", json={**BODY, "name": SECRET, "start": soon})
    number: int = answer.json()["id"]
    return number


async def _ask(client: httpx.AsyncClient, method: str, path: str, inner: str) -> httpx.Response:
    body = BODIES.get(inner, BODY) if method in CHANGING - {"DELETE"} else None
    return await client.request(method, path, json=body)


@pytest.mark.parametrize("token", [None, "wrong", "expired"])
async def test_nobody_changes_nothing_and_learns_nothing(
    api: Api, booked: int, token: str | None
) -> None:
    """Without a valid key every route says the same of what is there and of what is not."""
    before = await _everything(api)
    routes = [each for each in _routes(api.services) if each[:2] not in OPEN]
    assert len(routes) > 20
    for method, path, inner in routes:
        said = set()
        for number in (booked, 4711):
            async with api.client(token) as client:
                answer = await _ask(client, method, _filled(path, number), inner)
            if answer.status_code == 429:
                continue
            assert answer.status_code == 401, (method, path)
            said.add(answer.content)
        assert len(said) <= 1, (method, path)
    assert await _everything(api) == before


async def test_who_looks_changes_nothing(api: Api, booked: int) -> None:
    """A viewer changes nothing by any route."""
    before = await _everything(api)
    async with api.client(await api.user("eve", Role.VIEWER)) as client:
        for method, path, inner in _routes(api.services):
            if (method, path) in OPEN or method not in CHANGING:
                continue
            answer = await _ask(client, method, _filled(path, booked), inner)
            assert answer.status_code in {400, 401, 403, 404}, (method, path)
    assert await _everything(api) == before


async def test_a_stranger_changes_nothing_of_another_s(api: Api, booked: int) -> None:
    """Another operator neither changes what alice booked, nor reads of it anywhere."""
    before = await _everything(api)
    async with api.client(await api.user("mallory")) as client:
        for method, path, inner in _routes(api.services):
            if (method, path) in OPEN or (
                method == "POST" and inner in {"/schedules", "/schedule"}
            ):
                continue
            answer = await _ask(client, method, _filled(path, booked), inner)
            assert SECRET not in answer.text, (method, path)
            assert answer.status_code < 500, (method, path)
            if method in CHANGING and inner != "/plan":
                assert answer.status_code in {400, 401, 403, 404}, (method, path)
    assert await _everything(api) == before


async def test_secrets_are_stored_nowhere(api: Api) -> None:
    """Who gets the database, or a backup of it, has no key and no password."""
    token = await api.user("alice")
    found = b"".join(
        path.read_bytes() for path in sorted(api.settings.appliance.state_dir.glob("tallyd.db*"))
    )
    assert b"alice" in found
    assert token.encode() not in found
    assert b"correct horse" not in found
