"""Every route that there is, asked by those who may not: nothing changes, and nothing is told."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount, Route

from api_rig import CONFIG, Api, api_at
from route_rig import TABLE, V1, V3, Kind, unclassified, walked
from tallyd.api.application import routed
from tallyd.api.native import asking
from tallyd.domain.accounts import Purpose, Role
from tallyd.domain.model import (
    Frequency,
    Metadata,
    Override,
    Part,
    Recurrence,
    Run,
    Schedule,
    Status,
    WallStart,
)
from tallyd.domain.recurrence import slots_from, wall_time
from tallyd.domain.window import floor_ms
from tallyd.nudge import Listener
from tallyd.state_dir import DATABASE, write_snapshot

SECRET = "A talk that nobody knows of"  # noqa: S105 - the name of a booking
MISSING = 4711
UNLIMITED = "\n[http]\nrequests_per_second = 10_000\n"


THERE = {
    "schedule_id": "1",
    "run_id": "1",
    "day_id": "1",
    "user_id": "1",
    "room_id": "7",
    "target": "rooms.aula",
    "occurrence": "next",
}
HIDDEN = frozenset({"schedule_id", "run_id"})
"""What of these is another's is answered like what is not there."""


def _filled(path: str, missing: frozenset[str] = frozenset()) -> str:
    return re.sub(r"\{(\w+)\}", lambda f: str(MISSING) if f[1] in missing else THERE[f[1]], path)


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, with a key or without, as each interface wants it shown."""

    api: Api
    http: httpx.AsyncClient
    token: str | None

    async def ask(
        self, route: tuple[str, str], missing: frozenset[str] = frozenset()
    ) -> httpx.Response:
        """Ask one route for what is there, or, of some things, for what is not."""
        method, path = route
        body = TABLE[route][1]
        shown: dict[str, Any] = {}
        if self.token is not None and path.startswith(V3):
            shown = {"params": {"access_token": self.token}}
        elif self.token is not None:
            shown = {"headers": {"Authorization": f"Bearer {self.token}"}}
        return await self.http.request(method, _filled(path, missing), json=body, **shown)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Api]:
    """Give a server where alice records in secret, with a daemon that tells of it."""
    async with api_at(tmp_path, CONFIG + UNLIMITED) as api:
        await api.user("alice")
        async with Listener(api.settings.appliance.run_dir):
            await _furnish(api)
            yield api


async def _furnish(api: Api) -> None:
    begun = floor_ms(api.services.clock.now()) - timedelta(minutes=10)
    schedule = Schedule(
        id=0,
        uid=uuid4().hex,
        target="rooms.aula",
        name=SECRET,
        start=WallStart(wall_time(begun, api.services.zone), api.services.zone),
        duration=timedelta(hours=1),
        effective_from=begun,
        created=begun,
        recurrence=Recurrence(Frequency.DAILY),
        metadata=Metadata(owner="1", author="1", description=SECRET),
    )
    async with api.services.store.write() as tx:
        stored = await tx.add_schedule(schedule)
        first, second = (each for each, _ in zip(slots_from(stored, begun), range(2), strict=False))
        await tx.put_override(Override(stored.id, second.slot, excluded=True))
        run = Run(0, "rooms.aula", SECRET, first.window, stored.id, first.slot)
        await tx.insert_runs([run])
        row = await tx.run_of(stored.id, first.slot)
        assert row is not None
        files = (f"aula/{SECRET}.mkv",)
        part = Part(1, 0, first.window, "token", begun, first_data_at=begun, files=files)
        await tx.put_part(row.id, part)
        await tx.move_run(replace(row, status=Status.STARTED), Status.PENDING)
        day = (begun + timedelta(days=400)).date()
        await tx.add_exception_day(day, "Closed", None)
    doing = {"status": "recording", "run_id": row.id, "schedule_id": stored.id, "name": SECRET}
    picture = {"ready": True, "targets": {"rooms.aula": doing}}
    await to_thread.run_sync(write_snapshot, api.settings.appliance.run_dir, picture)


async def _asker(api: Api, http: httpx.AsyncClient, who: str) -> Asker:
    """Give somebody of a kind."""
    accounts = api.services.accounts
    if who == "nobody":
        return Asker(api, http, None)
    if who == "a guess":
        return Asker(api, http, "0" * 64)
    token = await api.user("mallory", Role.VIEWER if who == "a viewer" else Role.OPERATOR)
    if who == "an expired key":
        token = (await accounts.issue("mallory", Purpose.NATIVE, timedelta(0))).secret
    elif who == "a key for something else":
        token = (await accounts.issue("mallory", Purpose.IBM)).secret
    elif who == "a revoked key":
        (key,) = await accounts.keys("mallory")
        await accounts.revoke(key.public)
    elif who == "a removed account":
        await accounts.remove("mallory")
    return Asker(api, http, token)


def _dumped(api: Api) -> dict[str, set[str]]:
    """Give every row of every table."""
    path = api.settings.appliance.state_dir / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: {repr(row) for row in connection.execute(f'SELECT * FROM "{name}"')}  # noqa: S608
            for (name,) in names
        }


async def _everything(api: Api) -> dict[str, set[str]]:
    found = await to_thread.run_sync(_dumped, api)
    assert len(found) > 8
    assert any(SECRET in row for row in found["schedules"])
    return found


def _told(answer: httpx.Response) -> tuple[int, str]:
    """Give what an answer tells, but for the ids that were asked for."""
    return answer.status_code, re.sub(r"\d+", "N", answer.text)


async def test_every_route_is_classified(house: Api) -> None:
    """A route that nobody has said anything of is not served."""
    app = routed(house.services)
    assert unclassified(app.routes) == set()
    for mount in app.routes:
        inner = getattr(mount, "app", None)
        if isinstance(mount, Mount) and isinstance(inner, FastAPI):
            described = {mount.path + path for path in inner.openapi()["paths"]}
            assert described <= {path for _, path in walked(app.routes)}


@pytest.mark.parametrize("where", ["outside", "inside", "included"])
async def test_a_new_route_is_seen(house: Api, where: str) -> None:
    """The test before this one fails for a route that is added, wherever it is."""
    app = routed(house.services)
    inner = next(each.app for each in app.routes if isinstance(each, Mount))
    assert isinstance(inner, FastAPI)

    async def new() -> None:
        """Do nothing."""

    if where == "outside":
        app.router.routes.append(Route("/new", new))
    elif where == "inside":
        inner.add_api_route("/new", new)
    else:
        router = APIRouter()
        router.add_api_route("/new", new)
        inner.include_router(router)
    path = "/new" if where == "outside" else f"{V1}/new"
    assert unclassified(app.routes) == {("GET", path)}


@pytest.mark.parametrize(
    "who",
    [
        "nobody",
        "a guess",
        "an expired key",
        "a revoked key",
        "a key for something else",
        "a removed account",
    ],
)
async def test_nobody_changes_nothing_and_learns_nothing(house: Api, who: str) -> None:
    """Without a good key every route says the same of what is there and of what is not."""
    async with house.client() as http:
        asker = await _asker(house, http, who)
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            answer = await asker.ask(route)
            assert SECRET not in answer.text, route
            if kind is Kind.OPEN:
                assert answer.status_code == (401 if route[1].endswith("login") else 200), route
                continue
            assert answer.status_code == 401, route
            assert answer.content == (await asker.ask(route, frozenset(THERE))).content, route
        assert await _everything(house) == before


async def test_who_looks_changes_nothing(house: Api) -> None:
    """A viewer changes nothing by any route, and sees nothing of another's."""
    async with house.client() as http:
        viewer = await _asker(house, http, "a viewer")
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            answer = await viewer.ask(route)
            assert SECRET not in answer.text, route
            assert answer.status_code < 500, route
            if kind not in {Kind.OPEN, Kind.LOOK}:
                assert answer.status_code in {403, 404}, (route, answer.text)
        assert await _everything(house) == before


async def _try_as_stranger(api: Api, stranger: Asker) -> None:
    before = await _everything(api)
    for route, (kind, _) in TABLE.items():
        if kind in {Kind.MAKE, Kind.HOUSE}:
            continue
        answer = await stranger.ask(route)
        assert SECRET not in answer.text, route
        assert answer.status_code < 500, route
        if kind in {Kind.CHANGE, Kind.ADMIN}:
            assert answer.status_code in {403, 404}, (route, answer.text)
        if HIDDEN & set(re.findall(r"\{(\w+)\}", route[1])):
            assert _told(answer) == _told(await stranger.ask(route, HIDDEN)), route
    assert await _everything(api) == before


async def test_a_stranger_changes_nothing_of_another_s(house: Api) -> None:
    """To another operator what alice booked is not there, by any route."""
    async with house.client() as http:
        await _try_as_stranger(house, await _asker(house, http, "a stranger"))


async def test_what_is_told_to_a_stranger_is_seen(
    house: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test before this one fails where a schedule is shown to everybody."""
    monkeypatch.setattr(asking, "may_see", lambda *_: True)
    async with house.client() as http:
        with pytest.raises(AssertionError, match="/api/v1/"):
            await _try_as_stranger(house, await _asker(house, http, "a stranger"))


async def test_what_a_stranger_may_make_leaves_alone_what_is_there(house: Api) -> None:
    """Who books, records or locks in the same room takes nothing from alice, and learns nothing."""
    async with house.client() as http:
        stranger = await _asker(house, http, "a stranger")
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            if kind in {Kind.MAKE, Kind.HOUSE}:
                answer = await stranger.ask(route)
                assert SECRET not in answer.text, route
                assert answer.status_code < 500, route
        after = await _everything(house)
    assert len(after["schedules"]) == len(before["schedules"]) + 2
    for table in ("schedules", "overrides", "runs", "parts", "exception_days", "users", "keys"):
        assert before[table] <= after[table], table


async def test_secrets_are_stored_nowhere(api: Api) -> None:
    """Who gets the database, or a backup of it, has no key and no password."""
    token = await api.user("alice")
    found = b"".join(
        path.read_bytes() for path in sorted(api.settings.appliance.state_dir.glob("tallyd.db*"))
    )
    assert b"alice" in found
    assert token.encode() not in found
    assert b"correct horse" not in found
