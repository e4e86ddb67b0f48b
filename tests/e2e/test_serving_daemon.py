"""A daemon that serves HTTP: the server is another process, and no recording depends on it."""

import os
import signal
from pathlib import Path

import anyio
import httpx
import pytest

from house_rig import House, eventually
from tallyd.api.native.replies import RunReply, StatusReply
from tallyd.domain.model import Outcome

SERVED = "\n[http]\nenabled = true\n"


@pytest.fixture
def served(house: House) -> House:
    """Give an installation whose daemon serves HTTP."""
    house.more = SERVED
    house.configure(aula='driver = "simulated"')
    return house


def _client(house: House) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(uds=str(house.state / "run" / "api.sock"))
    return httpx.AsyncClient(transport=transport, base_url="http://tallyd", timeout=10)


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def _asks(house: House, path: str) -> httpx.Response:
    async with _client(house) as client:
        return await client.get(path)


async def test_what_is_booked_by_http_is_recorded(served: House) -> None:
    """A client books, and the daemon records, whatever becomes of the server meanwhile."""
    daemon = await served.start()
    server = await daemon.heard("server.started")
    async with _client(served) as client:
        body = {"target": "rooms.aula", "name": "Talk", "start": "now", "duration": "4s"}
        booked = await client.post("/api/v1/schedules", json=body)
        assert booked.status_code == 201, booked.text
    await daemon.heard("run.started")

    async def shown() -> bool:
        status = StatusReply.model_validate((await _asks(served, "/api/v1/status")).json())
        assert status.running
        return status.targets["rooms.aula"].name == "Talk"

    with anyio.fail_after(5):
        while not await shown():  # noqa: ASYNC110 - the picture follows a change within a moment
            await anyio.sleep(0.05)
    os.kill(server["pid"], signal.SIGKILL)
    died = await daemon.heard("server.died")
    assert died["error"] == "SIGKILL"
    await eventually(lambda: len(daemon.said("server.started")) == 2)
    await daemon.heard("run.finished")
    (run,) = (await _asks(served, "/api/v1/runs")).json()
    assert RunReply.model_validate(run).outcome is Outcome.RECORDED
    assert len(run["parts"]) == 1
    counted = (await _asks(served, "/metrics")).text
    assert 'tallyd_runs_total{outcome="recorded",reason=""} 1.0' in counted
    assert 'tallyd_start_lateness_seconds_count{target="rooms.aula"} 1.0' in counted
    assert "tallyd_daemon_up 1.0" in counted


async def test_the_server_ends_with_its_daemon(served: House) -> None:
    """A daemon that is killed leaves no server behind."""
    daemon = await served.start()
    server = await daemon.heard("server.started")
    await daemon.end(signal.SIGKILL)
    await eventually(lambda: not _lives(server["pid"]))


async def test_the_daemon_ends_with_its_server(served: House) -> None:
    """An orderly end is one of both."""
    daemon = await served.start()
    server = await daemon.heard("server.started")
    assert (await _asks(served, "/healthz")).status_code == 200
    assert await daemon.end() == 0
    assert not _lives(server["pid"])
    assert daemon.said("server.stopped")
