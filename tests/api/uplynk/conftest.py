"""A client of Uplynk for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_rig import Api, api_at
from tallyd.domain.accounts import Role
from uplynk_rig import CONFIG, SetClock, Uplynk, client_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Give the clock of the server: Tuesday, 5 January 2027, 9 o'clock UTC."""
    made = SetClock()
    monkeypatch.setattr("tallyd.app.installation.SystemClock", lambda: made)
    return made


@pytest.fixture
async def api(tmp_path: Path, clock: SetClock) -> AsyncIterator[Api]:  # noqa: ARG001 - set before
    """Give a server of channels."""
    async with api_at(tmp_path, CONFIG) as served:
        yield served


@pytest.fixture
async def uplynk(api: Api, clock: SetClock) -> AsyncIterator[Uplynk]:
    """Give a client of an operator."""
    async with client_of(api, clock, "alice", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def other(api: Api, clock: SetClock) -> AsyncIterator[Uplynk]:
    """Give a client of another operator."""
    async with client_of(api, clock, "mallory", Role.OPERATOR) as client:
        yield client


@pytest.fixture
async def viewer(api: Api, clock: SetClock) -> AsyncIterator[Uplynk]:
    """Give a client of an account that may only look."""
    async with client_of(api, clock, "guest", Role.VIEWER) as client:
        yield client


@pytest.fixture
async def admin(api: Api, clock: SetClock) -> AsyncIterator[Uplynk]:
    """Give a client of an administrator."""
    async with client_of(api, clock, "root", Role.ADMIN) as client:
        yield client
