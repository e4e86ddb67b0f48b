"""Every route that there is, asked by those who may not: nothing changes, and nothing is told."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import httpx
import pytest
from anyio import to_thread
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount, Route

from api_rig import CONFIG, Api, api_at
from asker_rig import ENTRY, HER_ENTRY, HERS, THERE, Asker, asker_of
from asrun_rig import log_of
from route_rig import ASSET, PLAYLIST, TABLE, V1, V4, Kind, unclassified, walked
from tallyd.api.application import routed
from tallyd.api.ibm import desk
from tallyd.api.native import asking
from tallyd.api.uplynk import schedules
from tallyd.domain.contents import Asset, Playlist, PlaylistItem
from tallyd.domain.entries import ORIGIN
from tallyd.domain.model import (
    Content,
    ContentKind,
    Frequency,
    InstantStart,
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
from tallyd.domain.window import floor_ms, to_ms
from tallyd.drivers.playout.asrun import Change
from tallyd.nudge import Listener
from tallyd.state_dir import DATABASE, write_snapshot

SECRET = "A talk that nobody knows of"  # noqa: S105 - the name of a booking
UNLIMITED = "\n[http]\nrequests_per_second = 10_000\n"
ROOMS = CONFIG.partition("[channels.one]")[0]
HIDDEN = frozenset({"schedule_id", "run_id", "event_id", "entry", "playlist"})
"""What of these is another's is answered like what is not there."""

CHANNELS = """
[channels.one]
driver = "simulated"
id = 77

[channels.hers]
driver = "simulated"
id = 78
owner = "alice"
"""
HALF_AN_HOUR = timedelta(minutes=30)
LOOKS = frozenset({Kind.OPEN, Kind.LOOK, Kind.PROGRAMME})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Api]:
    """Give a server where alice records in secret, with a daemon that tells of it."""
    async with api_at(tmp_path, ROOMS + CHANNELS + UNLIMITED) as api:
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
    await _furnish_channels(api, begun)
    shown = Change(to_ms(begun), "asset", "hers", SECRET, SECRET)
    state_dir, now = api.settings.appliance.state_dir, api.services.clock.now()
    await to_thread.run_sync(log_of, state_dir, "channels.one", [shown], now)
    doing = {"status": "recording", "run_id": row.id, "schedule_id": stored.id, "name": SECRET}
    picture = {"ready": True, "targets": {"rooms.aula": doing}}
    await to_thread.run_sync(write_snapshot, api.settings.appliance.run_dir, picture)


async def _furnish_channels(api: Api, begun: datetime) -> None:
    """Let alice have an entry on each channel, which soon begins, and a playlist."""
    soon = begun + timedelta(minutes=15)
    async with api.services.contents.write() as tx:
        for target, uid in (("channels.one", ENTRY), ("channels.hers", HER_ENTRY)):
            entry = Schedule(
                id=0,
                uid=uid,
                target=target,
                name=SECRET,
                start=InstantStart(soon),
                duration=HALF_AN_HOUR,
                effective_from=begun,
                created=begun,
                content=Content(ContentKind.AD),
                metadata=Metadata(
                    origin=ORIGIN, owner="1", author="1", description=SECRET, external_id=SECRET
                ),
                modified=begun,
            )
            stored = await tx.add_schedule(entry)
            assert str(stored.id) == (THERE if uid == ENTRY else HERS)["event_id"]
        await tx.put_asset(Asset(ASSET, "Film", "/film.mp4", HALF_AN_HOUR, (), (), begun))
        hers = (PlaylistItem(asset=ASSET),)
        await tx.put_playlist(Playlist(PLAYLIST, "1", hers, begun, begun, desc=SECRET))


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
    return answer.status_code, re.sub(r"[0-9a-f]{32}|\d+", "N", answer.text)


def _but_for_its_path(answer: httpx.Response) -> str:
    """Give the body of an answer; an error of Uplynk's names the path that was asked for."""
    return answer.text.replace(answer.request.url.path.removeprefix(V4), "PATH")


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
        asker = await asker_of(house, http, who)
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            answer = await asker.ask(route)
            assert SECRET not in answer.text, route
            if kind is Kind.OPEN:
                assert answer.status_code == 200, route
            elif kind is Kind.PROVE:
                assert answer.status_code in {400, 401}, route
            else:
                assert answer.status_code == 401, route
                missing = await asker.ask(route, frozenset(asker.there))
                assert _but_for_its_path(answer) == _but_for_its_path(missing), route
        assert await _everything(house) == before


async def test_who_looks_changes_nothing(house: Api) -> None:
    """A viewer changes nothing by any route, and sees nothing of another's."""
    async with house.client() as http:
        viewer = await asker_of(house, http, "a viewer")
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            answer = await viewer.ask(route)
            assert SECRET not in answer.text or kind is Kind.PROGRAMME, route
            assert answer.status_code < 500, route
            if kind is Kind.PROVE:
                assert answer.status_code in {400, 401}, route
            elif kind not in LOOKS:
                assert answer.status_code in {403, 404}, (route, answer.text)
        assert await _everything(house) == before


async def _try_as_stranger(api: Api, stranger: Asker) -> int:
    before, tried = await _everything(api), 0
    for route, (kind, _) in TABLE.items():
        if kind in {Kind.MAKE, Kind.HOUSE}:
            continue
        tried += 1
        answer = await stranger.ask(route)
        assert SECRET not in answer.text or kind is Kind.PROGRAMME, route
        assert answer.status_code < 500, route
        if kind in {Kind.CHANGE, Kind.ADMIN, Kind.NOBODY}:
            assert answer.status_code in {403, 404}, (route, answer.text)
        if HIDDEN & set(re.findall(r"\{(\w+)\}", route[1])):
            assert _told(answer) == _told(await stranger.ask(route, HIDDEN)), route
    assert await _everything(api) == before
    return tried


async def test_a_stranger_changes_nothing_of_another_s(house: Api) -> None:
    """To another operator what alice booked is not there, by any route."""
    async with house.client() as http:
        tried = await _try_as_stranger(house, await asker_of(house, http, "a stranger"))
    assert tried == sum(kind not in {Kind.MAKE, Kind.HOUSE} for kind, _ in TABLE.values())


@pytest.mark.parametrize(
    ("module", "where"), [(asking, V1), (schedules, f"{V4}/channels"), (desk, "/v2/channels")]
)
async def test_what_is_told_to_a_stranger_is_seen(
    house: Api, monkeypatch: pytest.MonkeyPatch, module: ModuleType, where: str
) -> None:
    """The test before this one fails where an interface shows a schedule to everybody."""
    monkeypatch.setattr(module, "may_see", lambda *_: True)
    async with house.client() as http:
        with pytest.raises(AssertionError, match=where):
            await _try_as_stranger(house, await asker_of(house, http, "a stranger"))


@pytest.mark.parametrize("who", ["a viewer", "a stranger"])
async def test_a_channel_of_another_is_not_to_be_had(house: Api, who: str) -> None:
    """On alice's own channel nobody else does anything, nor learns what she has there."""
    async with house.client() as http:
        asker = await asker_of(house, http, who, HERS)
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            if kind is Kind.PROGRAMME or not re.search(r"\{channel(_id)?\}", route[1]):
                continue
            answer = await asker.ask(route)
            assert SECRET not in answer.text, route
            # To clients of Uplynk it is not there; to those of IBM it is another's.
            looks = kind in LOOKS or who == "a stranger"
            assert answer.status_code == (404 if looks and route[1].startswith(V4) else 403), route
            if looks and route[1].startswith(V4):
                assert _told(answer) == _told(await asker.ask(route, frozenset({"channel"})))
        listed = await asker.ask(("GET", f"{V4}/channels"))
        assert asker.there["channel"] not in listed.text
        assert await _everything(house) == before


async def test_what_nobody_may_is_refused_to_admins(house: Api) -> None:
    """What is not done by HTTP at all is not done for an administrator either."""
    async with house.client() as http:
        admin = await asker_of(house, http, "an admin")
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            if kind is Kind.NOBODY:
                assert (await admin.ask(route)).status_code == 403, route
        assert await _everything(house) == before


async def test_what_a_stranger_may_make_leaves_alone_what_is_there(house: Api) -> None:
    """Who books, records or locks in the same room takes nothing from alice, and learns nothing."""
    async with house.client() as http:
        stranger = await asker_of(house, http, "a stranger")
        before = await _everything(house)
        for route, (kind, _) in TABLE.items():
            if kind in {Kind.MAKE, Kind.HOUSE}:
                answer = await stranger.ask(route)
                assert SECRET not in answer.text, route
                assert answer.status_code < 500, route
        after = await _everything(house)
    assert len(after["schedules"]) == len(before["schedules"]) + 5
    assert len(after["playlists"]) == len(before["playlists"]) + 3
    for table in before.keys() - {"meta", "sqlite_sequence"}:
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
