"""A client of Uplynk, a server and a daemon: what is booked there is played, cut and replaced."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from shutil import which
from typing import Any

import anyio
import httpx
import pytest

from house_rig import WITHIN_S, House, eventually
from tallyd import app
from tallyd.domain.model import Outcome, Run, Status
from uplynk_rig import packed, signature

pytestmark = pytest.mark.skipif(which("ffprobe") is None, reason="needs ffmpeg")

CHANNEL = """
[channels.one]
driver = "simulated"
live = "studio"

[slicers.studio]
source = "rtsp://192.0.2.1/a"
"""
PASSWORD = b"correct horse"


async def said(house: House, *words: str, given: bytes = b"") -> Any:
    """Give what a command prints as JSON."""
    argv = [sys.executable, "-m", "tallyd", "--config", str(house.config), *words, "--json"]
    done = await anyio.run_process(argv, input=given)
    return json.loads(done.stdout)


class Client:
    """What a program of Uplynk does, as one owner, on one channel."""

    def __init__(self, http: httpx.AsyncClient, house: House, key: dict[str, str], channel: str):
        self._http = http
        self._house = house
        self._key = key
        self._path = f"/api/v4/channels/{channel}/schedules"

    async def ask(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        """Ask for something, signed."""
        message = packed(self._key["owner"], int(self._house.clock.now().timestamp()))
        params = {"msg": message, "sig": signature(self._key["key"], message)}
        return await self._http.request(method, self._path + path, params=params, json=body)

    async def book(self, in_s: float, **fields: Any) -> dict[str, Any]:
        """Book something that begins in so many seconds."""
        start = self._house.clock.now() + timedelta(seconds=in_s)
        stamp = f"{start.isoformat(timespec='milliseconds')[:-6]}Z"
        answer = await self.ask("POST", body={"start": stamp, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def served(house: House) -> AsyncIterator[Client]:
    """Have a server on an installation, and a client with a key."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    added = ("accounts", "add", "alice", "--role", "operator", "--password-stdin")
    await said(house, *added, given=PASSWORD)
    key = await said(house, "accounts", "key", "alice", "--for", "uplynk")
    (channel,) = [
        target["uplynk_id"]
        for target in await said(house, "targets")
        if target["target"] == "channels.one"
    ]
    words = ["serve", "--listen", f"tcp:127.0.0.1:{port}"]
    argv = [sys.executable, "-m", "tallyd", "--config", str(house.config), *words]
    with (house.root / "server.log").open("wb") as log:
        server = await anyio.open_process(argv, stdout=log, stderr=subprocess.STDOUT)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            await _listening(http)
            yield Client(http, house, key, channel)
    finally:
        server.send_signal(signal.SIGTERM)
        assert await server.wait() == 0


async def _listening(http: httpx.AsyncClient) -> None:
    with anyio.fail_after(WITHIN_S):
        while True:
            try:
                await http.get("/healthz")
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                return


async def runs_of(house: House, count: int) -> list[Run]:
    """Wait until so many runs have their outcomes; gives them in order of start."""
    with anyio.fail_after(WITHIN_S):
        while True:
            async with app.open_for_reports(await house.settings()) as appliance:
                found = await appliance.reports.runs(None, None, 100)
            over = [run for run in found if run.status is Status.FINISHED]
            if len(over) >= count:
                return sorted(over, key=lambda run: run.planned.start)
            await anyio.sleep(0.1)


@pytest.fixture
async def clip(house: House) -> str:
    """Give the id of a clip of a minute, taken into the library by the command line."""
    house.configure(aula='driver = "simulated"')
    house.config.write_text(house.config.read_text() + CHANNEL)
    path = house.root / "clip.mkv"
    bars = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=60"]
    argv = ["ffmpeg", "-v", "error", *bars, "-c:v", "mpeg4", str(path)]
    await anyio.run_process(argv, stdin=subprocess.DEVNULL)
    added = await said(house, "assets", "add", str(path), "--ad-breaks", "10s,30s")
    assert added["dur_ms"] == 60_000
    return added["id"]


async def test_what_is_booked_is_played_cut_and_replaced(house, clip):
    """Booked, on air, cut by what replaces it, that deleted on air: the ledger says the same."""
    async with served(house) as client:
        daemon = await house.start()
        first = await client.book(2, content_type="asset", content_id=clip, desc="First")
        assert first["dur"] == 60_000
        await daemon.heard("run.started", target="channels.one")
        second = await client.book(
            1,
            content_type="slicer",
            content_id="studio",
            dur=60_000,
            desc="Second",
            conflict_resolution="replace",
        )
        await runs_of(house, 1)
        shown = (await client.ask("GET", f"/{first['id']}")).json()
        assert shown["end"] == second["start"]
        await eventually(lambda: len(daemon.said("run.started", target="channels.one")) == 2)
        assert (await client.ask("DELETE", f"/{second['id']}")).status_code == 200
        one, two = await runs_of(house, 2)
        assert [run.name for run in (one, two)] == ["First", "Second"]
        assert one.outcome is Outcome.RECORDED, one.sentence
        assert two.outcome is Outcome.RECORDED, two.sentence
        assert one.parts[-1].stopped_at <= two.parts[0].first_data_at + timedelta(seconds=1)
        assert await daemon.end() == 0
