"""A client of VALT for each test: it logs in, and shows its token in every address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import anyio
import httpx
import pytest

from api_rig import PASSWORD, Api
from tallyd.domain.accounts import Purpose, Role
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
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

AULA = 7
HOUR = 3600
TEN_MINUTES = timedelta(minutes=10)


@dataclass
class Valt:
    """A program that calls `/api/v3` by TCP, as one account."""

    api: Api
    http: httpx.AsyncClient
    name: str = "nobody"
    token: str | None = None

    async def log_in(self) -> None:
        """Have a password, and log in with it."""
        await self.api.services.accounts.change_password(self.name, PASSWORD)
        answer = await self.post("login", {"username": self.name, "password": PASSWORD})
        self.token = answer.json()["data"]["access_token"]

    async def get(self, path: str) -> httpx.Response:
        """Ask for something."""
        return await self.http.get(f"/api/v3/{path}", params=self._key())

    async def post(self, path: str, body: Any = None, raw: bytes | None = None) -> httpx.Response:
        """Do something, with JSON, with bytes that claim to be JSON, or with no body at all."""
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        content = {"json": body} if raw is None and body is not None else {"content": raw}
        return await self.http.post(
            f"/api/v3/{path}", params=self._key(), headers=headers, **content
        )

    def _key(self) -> dict[str, str]:
        return {} if self.token is None else {"access_token": self.token}

    def soon(self, hours: float = 24, seconds: int = 0) -> int:
        """Give a second from now on, a day ahead unless said otherwise."""
        return int(self.api.services.clock.now().timestamp() + hours * HOUR) + seconds

    def wish(self, **fields: Any) -> dict[str, Any]:
        """Give the body of a create that is good but for the fields given."""
        good = {"name": "Clinic", "room": AULA, "start_at": self.soon(), "duration": HOUR}
        return {**good, **fields}

    async def book(self, **fields: Any) -> int:
        """Book something, and give its id as the vendor's client finds it."""
        answer = await self.post("schedule", self.wish(**fields))
        assert answer.status_code == 200, answer.text
        (schedule_id,) = answer.json()
        return schedule_id

    async def details(self, schedule_id: int) -> dict[str, Any]:
        """Give a schedule as it is shown."""
        answer = await self.get(f"schedule/{schedule_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def begun(self, *, daily: bool = False, confirmed: bool = True) -> tuple[int, int]:
        """Have something of this account recorded for ten minutes; gives schedule and run."""
        start = floor_ms(self.api.services.clock.now()) - TEN_MINUTES
        users = {user.name: str(user.id) for user in await self.api.services.accounts.users()}
        wall = WallStart(wall_time(start, self.api.services.zone), self.api.services.zone)
        schedule = Schedule(
            id=0,
            uid=uuid4().hex,
            target="rooms.aula",
            name="Begun",
            start=wall if daily else InstantStart(start),
            duration=timedelta(hours=1),
            effective_from=start,
            created=start,
            recurrence=Recurrence(Frequency.DAILY) if daily else None,
            metadata=Metadata(owner=users[self.name], author=users[self.name]),
        )
        async with self.api.services.store.write() as tx:
            stored = await tx.add_schedule(schedule)
            first = next(slots_from(stored, start))
            run = Run(0, "rooms.aula", "Begun", first.window, stored.id, first.slot)
            await tx.insert_runs([run])
            row = await tx.run_of(stored.id, first.slot)
            assert row is not None
            begins = start if confirmed else None
            part = Part(1, 0, first.window, "token", start, first_data_at=begins)
            await tx.put_part(row.id, part)
            status = Status.STARTED if confirmed else Status.STARTING
            await tx.move_run(replace(row, status=status), Status.PENDING)
        return stored.id, row.id

    async def every(self) -> dict[str, Any]:
        """Give the list."""
        return (await self.get("schedule")).json()["data"]


@pytest.fixture
async def valt(api: Api) -> AsyncIterator[Valt]:
    """Give a client that has logged in as an operator."""
    async with client_of(api, "rlopez", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def api_with_daemon(valt: Valt) -> AsyncIterator[Valt]:
    """Give a client that has logged in where a daemon can be nudged; it does nothing."""
    run_dir = valt.api.settings.appliance.run_dir
    picture = anyio.Path(run_dir / "state.json")
    await picture.write_text('{"ready": false, "targets": {}}', encoding="utf-8")
    async with Listener(run_dir):
        yield valt


@pytest.fixture
async def other(api: Api) -> AsyncIterator[Valt]:
    """Give a client that has logged in as another operator."""
    async with client_of(api, "mallory", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def viewer(api: Api) -> AsyncIterator[Valt]:
    """Give a client whose account may only look."""
    async with client_of(api, "guest", Role.VIEWER) as client:
        yield client


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[Valt]:
    """Give a client that has not logged in."""
    async with api.client() as http:
        yield Valt(api, http)


@asynccontextmanager
async def client_of(api: Api, name: str, role: Role) -> AsyncIterator[Valt]:
    """Have a client with the token of a new account; it has no password yet."""
    async with api.services.store.write() as tx:
        await tx.add_user(name, role, "no hash of anything", api.services.clock.now())
    issued = await api.services.accounts.issue(name, Purpose.LOGIN)
    async with api.client() as http:
        yield Valt(api, http, name, issued.secret)
