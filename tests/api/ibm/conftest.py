"""Clients of IBM Video Streaming for each test, at an hour that the test sets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api_rig import Api, api_at
from tallyd.accounts import Issued
from tallyd.app import installation
from tallyd.clock import SystemClock
from tallyd.domain.accounts import Purpose, Role

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
CONFIG = """
[appliance]
timezone = "Europe/Rome"
state_dir = "state"

[rooms.aula]
driver = "simulated"
id = 7

[channels.one]
driver = "simulated"
id = 77

[channels.hers]
driver = "simulated"
id = 78
owner = "Anna"

[http]
{http}
"""
WEEKLY = {
    "title": "A",
    "description": "B",
    "date": "2027-03-01",
    "time": "18:30",
    "timezone": "Europe/Budapest",
    "duration": "90",
    "repeat": "weekly",
    "repeat_days": "Monday, Thursday",
}
ONCE = {key: value for key, value in WEEKLY.items() if not key.startswith("repeat")}


class SetClock(SystemClock):
    """A clock on which it is as late as the test says."""

    def __init__(self) -> None:
        self.shown = NOON

    def now(self) -> datetime:
        """Give what was set."""
        return self.shown


@dataclass
class Ibm:
    """A program that calls the server by TCP, as the account that its client belongs to."""

    api: Api
    http: httpx.AsyncClient
    clock: SetClock
    name: str = "nobody"
    key: Issued | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """Ask for something below `/`, with the token if there is one."""
        headers = {**self.headers, **body.pop("headers", {})}
        return await self.http.request(method, f"/{path}", headers=headers, **body)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask for something."""
        return await self.ask("GET", path, params=query or None)

    async def post(self, path: str, fields: Any) -> httpx.Response:
        """Send a form."""
        return await self.ask("POST", path, data=fields)

    async def put(self, path: str, fields: Any) -> httpx.Response:
        """Send a form in place of what is there."""
        return await self.ask("PUT", path, data=fields)

    async def delete(self, path: str) -> httpx.Response:
        """Remove something."""
        return await self.ask("DELETE", path)

    async def token(self, **fields: str) -> httpx.Response:
        """Ask for a token with a form, as this client."""
        assert self.key is not None
        return await self.http.post(
            "/oauth2/token", data=fields, auth=(self.key.public, self.key.secret)
        )

    async def log_in(self) -> dict[str, Any]:
        """Get tokens, and show the one that is to be shown from now on."""
        answer = await self.token(grant_type="client_credentials")
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    async def book(self, channel: int = 77, **changes: str) -> str:
        """Book something once unless told otherwise; gives its path."""
        answer = await self.post(f"v2/channels/{channel}/events.json", {**ONCE, **changes})
        assert answer.status_code == 201, answer.text
        return httpx.URL(answer.headers["location"]).path.lstrip("/")

    async def event(self, path: str) -> dict[str, Any]:
        """Give an event as it is shown."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["event"]
        return shown

    async def listed(self, **query: Any) -> dict[str, Any]:
        """Give a page of the list."""
        answer = await self.get("v2/channels/77/events.json", **query)
        assert answer.status_code == 200, answer.text
        listed: dict[str, Any] = answer.json()
        return listed

    async def upcoming(self, **query: Any) -> dict[str, Any]:
        """Give a page of what comes next."""
        answer = await self.get("channels/77/upcoming-events.json", **query)
        assert answer.status_code == 200, answer.text
        listed: dict[str, Any] = answer.json()
        return listed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Give the clock of everything that is served."""
    made = SetClock()
    monkeypatch.setattr(installation, "SystemClock", lambda: made)
    return made


@pytest.fixture
def http_settings() -> str:
    """Give what the configuration says of the server; a test module may say more."""
    return ""


@pytest.fixture
async def served(tmp_path: Path, clock: SetClock, http_settings: str) -> AsyncIterator[Api]:
    """Give a server of a channel of the house, one of Anna's, and a room."""
    assert clock.now() == NOON
    async with api_at(tmp_path, CONFIG.replace("{http}", http_settings)) as made:
        yield made


@pytest.fixture
async def ibm(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client of an operator that has a token."""
    async with client_of(served, clock, "rlopez", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def other(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client of another operator."""
    async with client_of(served, clock, "mallory", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def anna(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client of whom channel 78 belongs to."""
    async with client_of(served, clock, "anna", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def admin(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client of an administrator."""
    async with client_of(served, clock, "root", Role.ADMIN) as client:
        yield client


@pytest.fixture
async def viewer(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client whose account may only look."""
    async with client_of(served, clock, "guest", Role.VIEWER) as client:
        yield client


@pytest.fixture
async def stranger(served: Api, clock: SetClock) -> AsyncIterator[Ibm]:
    """Give a client without a token."""
    async with served.client() as http:
        yield Ibm(served, http, clock)


@asynccontextmanager
async def client_of(api: Api, clock: SetClock, name: str, role: Role) -> AsyncIterator[Ibm]:
    """Have a client with the token of a new account, which has no password yet."""
    async with api.services.store.write() as tx:
        await tx.add_user(name, role, "no hash of anything", api.services.clock.now())
    key = await api.services.accounts.issue(name, Purpose.IBM)
    async with api.client() as http:
        client = Ibm(api, http, clock, name, key)
        await client.log_in()
        yield client


def as_json(fields: dict[str, Any]) -> dict[str, Any]:
    """Give what sends fields as JSON."""
    return {"content": json.dumps(fields), "headers": {"Content-Type": "application/json"}}
