"""An installation with a server of its own, and a client of Uplynk that books there."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import httpx

from house_rig import WITHIN_S, House
from uplynk_rig import packed, signature

PASSWORD = b"correct horse"


async def said(house: House, *words: str, given: bytes = b"") -> Any:
    """Give what a command prints as JSON."""
    argv = [sys.executable, "-m", "tallyd", "--config", str(house.config), *words, "--json"]
    done = await anyio.run_process(argv, input=given)
    return json.loads(done.stdout)


class Client:
    """What a program of Uplynk does, as one owner, on one channel."""

    def __init__(self, http: httpx.AsyncClient, house: House, key: dict[str, str], channel: str):
        self.http = http
        self._house = house
        self._key = key
        self._path = f"/api/v4/channels/{channel}/schedules"

    async def ask(self, method: str, path: str = "", body: Any = None) -> httpx.Response:
        """Ask for something, signed."""
        message = packed(self._key["owner"], int(self._house.clock.now().timestamp()))
        params = {"msg": message, "sig": signature(self._key["key"], message)}
        return await self.http.request(method, self._path + path, params=params, json=body)

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
        server = await anyio.open_process(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            await _listening(http)
            yield Client(http, house, key, channel)
    finally:
        server.send_signal(signal.SIGTERM)
        with anyio.CancelScope(shield=True):  # also where the test ends its tasks first
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
