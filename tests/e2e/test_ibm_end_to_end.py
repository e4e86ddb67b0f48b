"""A client of IBM events, a server and a daemon: what is booked there is fed to the channel."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest

from house_rig import WITHIN_S, House
from tallyd import app
from tallyd.domain.model import Outcome

PASSWORD = "correct horse"  # noqa: S105 - it protects nothing
CHANNELS = """
[channels.one]
driver = "simulated"
id = 77
"""


def _tallyd(house: House, *words: str) -> list[str]:
    return [sys.executable, "-m", "tallyd", "--config", str(house.config), *words]


async def _token(house: House, http: httpx.AsyncClient) -> str:
    """Have an account and a client of it, as an operator makes them, and give a token."""
    account = _tallyd(house, "accounts", "add", "anna", "--role", "operator", "--password-stdin")
    await anyio.run_process(account, input=PASSWORD.encode())
    words = _tallyd(house, "accounts", "key", "anna", "--for", "ibm", "--json")
    key = json.loads((await anyio.run_process(words)).stdout)
    auth = (key["client_id"], key["client_secret"])
    with anyio.fail_after(WITHIN_S):
        while True:
            try:
                answer = await http.post(
                    "oauth2/token", data={"grant_type": "client_credentials"}, auth=auth
                )
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                break
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of an installation with a channel, that shows its token."""
    house.on_stop = "leave"
    house.more = CHANNELS
    house.configure()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = _tallyd(house, "serve", "--listen", f"tcp:127.0.0.1:{port}")
    with (house.root / "server.log").open("wb") as log:
        server = await anyio.open_process(words, stdout=log, stderr=subprocess.STDOUT)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/", timeout=20) as http:
            http.headers["Authorization"] = f"Bearer {await _token(house, http)}"
            yield http
    finally:
        server.send_signal(signal.SIGTERM)
        assert await server.wait() == 0


async def _confirmed(house: House, run_id: int) -> None:
    """Wait until the ledger, which is written behind, knows of the data."""
    with anyio.fail_after(WITHIN_S):
        while True:
            async with app.open_for_reports(await house.settings()) as appliance:
                if (await appliance.reports.run(run_id)).confirmed:
                    return
            await anyio.sleep(0.05)


async def test_what_is_booked_is_fed_across_a_restart(house, client):
    """An event of the minute that has begun is on air at once, and goes on over a restart."""
    daemon = await house.start()
    now = datetime.now(ZoneInfo("Europe/Budapest"))
    event = {
        "title": "Live",
        "description": "",
        "date": f"{now:%Y-%m-%d}",
        "time": f"{now:%H:%M}",
        "timezone": "Europe/Budapest",
        "duration": "15",
    }
    answer = await client.post("v2/channels/77/events.json", data=event)
    assert answer.status_code == 201, answer.text
    started = await daemon.heard("run.started")
    path = httpx.URL(answer.headers["location"]).path
    assert (await client.put(path, data={**event, "title": "Live, renamed"})).status_code == 200
    await _confirmed(house, started["run_id"])
    cut = await client.put(path, data={**event, "date": f"{now + timedelta(days=2):%Y-%m-%d}"})
    assert (cut.status_code, cut.json()["error"]) == (400, "bad_request")
    assert await daemon.end() == 0
    again = await house.start()
    assert (await client.delete(path)).status_code == 200
    async with app.open_for_changes(await house.settings()) as appliance:
        run = await appliance.reports.run(started["run_id"])
        assert run.outcome is None
        assert run.planned.start <= datetime.now(UTC)
        await appliance.bookings.stop_run(run.id)
    await again.heard("run.finished", run_id=started["run_id"])
    async with app.open_for_reports(await house.settings()) as appliance:
        run = await appliance.reports.run(started["run_id"])
    assert run.outcome in {Outcome.RECORDED, Outcome.PARTIAL}, run.sentence
