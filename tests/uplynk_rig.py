"""Clients of Uplynk: they sign what they send, at a server whose clock the test sets."""

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx

from api_rig import Api
from tallyd.domain.accounts import Purpose, Role
from tallyd.domain.model import Schedule
from tallyd.library import Probed

CONFIG = """
[appliance]
timezone = "Europe/Rome"
state_dir = "state"

[rooms.aula]
driver = "simulated"
id = 7

[channels.one]
driver = "simulated"
name = "Channel One"
live = "studio"
ad_slate = "slates/ads.mp4"

[channels.two]
driver = "simulated"

[channels.annas]
driver = "simulated"
owner = "anna"

[channels.plain]
driver = "simulated"
scheduling = false

[slicers.studio]
source = "rtsp://camera:secret@192.0.2.1/a"

[slicers.Field_2]
source = "srt://192.0.2.2:9000"
"""
NOW = datetime(2027, 1, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class SetClock:
    """A clock that shows what it is set to; only its stopwatch runs."""

    def __init__(self) -> None:
        self.shown = NOW

    def now(self) -> datetime:
        """Give what it shows."""
        return self.shown

    def monotonic(self) -> float:
        """Give the seconds of the stopwatch."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait by the stopwatch."""
        await anyio.sleep(seconds)


def signature(key: str, message: str) -> str:
    """Sign a message."""
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()


def packed(owner: str, timestamp: object) -> str:
    """Make the message that the vendor's samples make."""
    said = json.dumps({"_owner": owner, "_timestamp": timestamp}).encode()
    return base64.b64encode(zlib.compress(said, 9)).decode()


def at(clock_time: str, day: int = 5) -> str:
    """Give an instant of January 2027 as clients write it: `20:00`, `20:00:30`, `20:00:30.500`."""
    seconds = "" if clock_time.count(":") == 2 else ":00"
    fraction = "" if "." in clock_time else ".000"
    return f"2027-01-{day:02}T{clock_time}{seconds}{fraction}Z"


@dataclass
class Uplynk:
    """A program that calls `/api/v4` by TCP, as one account."""

    api: Api
    clock: SetClock
    http: httpx.AsyncClient
    name: str
    owner: str
    key: str
    channel: str = ""

    def signed(self) -> dict[str, str]:
        """Give what signs a request made now."""
        message = packed(self.owner, int(self.clock.now().timestamp()))
        return {"msg": message, "sig": signature(self.key, message)}

    async def ask(
        self, method: str, path: str, body: Any = None, **params: object
    ) -> httpx.Response:
        """Ask for something, signed."""
        query = {**{name: str(value) for name, value in params.items()}, **self.signed()}
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        return await self.http.request(
            method, f"/api/v4{path}", params=query, content=content, headers=headers
        )

    @property
    def path(self) -> str:
        """The path of the channel's schedule."""
        return f"/channels/{self.channel}/schedules"

    async def listed(self, **params: object) -> dict[str, Any]:
        """Give a list of the channel's schedule."""
        answer = await self.ask("GET", self.path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def items(self, start: str, end: str, **params: object) -> list[dict[str, Any]]:
        """Give what is listed from one time of the day to another."""
        return (await self.listed(start=at(start), end=at(end), **params))["items"]

    async def post(self, **fields: object) -> httpx.Response:
        """Try to book an entry."""
        return await self.ask("POST", self.path, fields)

    async def book(self, **fields: object) -> dict[str, Any]:
        """Book an entry: an ad break of half an hour, but for the fields given."""
        answer = await self.post(**{"content_type": "ad", "dur": 1_800_000, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def one(self, entry_id: str, **params: object) -> httpx.Response:
        """Ask for one entry."""
        return await self.ask("GET", f"{self.path}/{entry_id}", **params)

    async def patch(self, entry_id: str, **fields: object) -> httpx.Response:
        """Try to change an entry."""
        return await self.ask("PATCH", f"{self.path}/{entry_id}", fields)

    async def delete(self, entry_id: str, **params: object) -> httpx.Response:
        """Try to delete an entry."""
        return await self.ask("DELETE", f"{self.path}/{entry_id}", **params)

    async def delete_range(self, **params: object) -> httpx.Response:
        """Try to delete what is in a period."""
        return await self.ask("DELETE", self.path, **params)

    async def asset(
        self, minutes: float = 20, breaks: tuple[int, ...] = (), name: str = "Film"
    ) -> str:
        """Have a file in the library; gives its id. Breaks are seconds into it."""
        probed = Probed("/films/film.mp4", minutes * MINUTE, ("video h264 1280x720",))
        positions = [timedelta(seconds=each) for each in breaks]
        return (await self.api.services.library.add(probed, name, positions)).id

    async def playlist(self, *items: object, **fields: object) -> str:
        """Have a playlist of assets (their ids) and ads (their seconds); gives its id."""
        listed = [{"ad": {"dur": i}} if isinstance(i, int) else {"beam": {"id": i}} for i in items]
        answer = await self.ask("POST", "/linear-playlist/", {"playlist": listed, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    async def put_playlist(self, playlist: str, start: str, **fields: object) -> httpx.Response:
        """Try to book a playlist."""
        body = {"playlist_id": playlist, "start": start, **fields}
        return await self.ask("POST", f"/channels/{self.channel}/schedule-playlist", body)

    async def stored(self, *schedules: Schedule) -> tuple[Schedule, ...]:
        """Store schedules as other interfaces do."""
        async with self.api.services.store.write() as tx:
            return tuple([await tx.add_schedule(each) for each in schedules])

    def seen_as(self, **other: str) -> "Uplynk":
        """Give the same client with another channel or another key."""
        return replace(self, **other)


@asynccontextmanager
async def client_of(api: Api, clock: SetClock, name: str, role: Role) -> AsyncIterator[Uplynk]:
    """Have a client of a new account, with a key of its own, that looks at the first channel."""
    async with api.services.store.write() as tx:
        await tx.add_user(name, role, "no hash of anything", clock.now())
    issued = await api.services.accounts.issue(name, Purpose.UPLYNK)
    async with api.services.store.read() as reader:
        target = await reader.target("channels.one")
    assert target is not None
    async with api.client() as http:
        yield Uplynk(api, clock, http, name, issued.public, issued.secret, target.uid)
