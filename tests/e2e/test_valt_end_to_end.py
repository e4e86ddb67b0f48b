"""A client of VALT, a server, a daemon and real ffmpegs: what is booked there is recorded."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

import anyio
import httpx
import pytest

from house_rig import WITHIN_S, House
from tallyd import app
from tallyd.domain.model import Outcome, Run, Status

CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180", stall_timeout_s = 2 }'
PASSWORD = "correct horse"  # noqa: S105 - it protects nothing


class Client:
    """What a program of VALT does, as one account."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def log_in(self, name: str) -> None:
        """Get a token, and show it from now on."""
        answer = await self.post("login", {"username": name, "password": PASSWORD})
        self._http.params = {"access_token": answer["data"]["access_token"]}

    async def get(self, path: str) -> Any:
        """Ask for something that there is."""
        answer = await self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        """Do something that can be done."""
        answer = await self._http.post(path, json={} if body is None else body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def missing(self, path: str) -> bool:
        """Tell whether there is no such thing."""
        return (await self._http.get(path)).status_code == 404

    async def shows(self, path: str, **fields: object) -> Any:
        """Wait until what is shown has these fields, and give it."""
        with anyio.fail_after(WITHIN_S):
            while True:
                shown = (await self.get(path))["data"]
                if fields.items() <= shown.items():
                    return shown
                await anyio.sleep(0.05)


def tallyd(house: House, *words: str) -> list[str]:
    """Give the words of a command on an installation."""
    return [sys.executable, "-m", "tallyd", "--config", str(house.config), *words]


@asynccontextmanager
async def served(house: House) -> AsyncIterator[Client]:
    """Have a server on an installation, and a client that has logged in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    account = tallyd(house, "accounts", "add", "rlopez", "--role", "operator", "--json")
    added = await anyio.run_process([*account, "--password-stdin"], input=PASSWORD.encode())
    assert json.loads(added.stdout)["name"] == "rlopez"
    words = tallyd(house, "serve", "--listen", f"tcp:127.0.0.1:{port}")
    with _log_of(house) as log:
        server = await anyio.open_process(words, stdout=log, stderr=subprocess.STDOUT)
    try:
        base = f"http://127.0.0.1:{port}/api/v3/"
        async with httpx.AsyncClient(base_url=base, timeout=20) as http:
            await _listening(http)
            client = Client(http)
            await client.log_in("rlopez")
            yield client
    finally:
        server.send_signal(signal.SIGTERM)
        assert await server.wait() == 0


def _log_of(house: House) -> BinaryIO:
    return (house.root / "server.log").open("wb")


async def _listening(http: httpx.AsyncClient) -> None:
    with anyio.fail_after(WITHIN_S):
        while True:
            try:
                await http.get("admin/general")
            except httpx.TransportError:
                await anyio.sleep(0.05)
            else:
                return


async def run_in(house: House, run_id: int) -> Run:
    """Wait until a run has its outcome, and give it."""
    with anyio.fail_after(WITHIN_S):
        while True:
            async with app.open_for_reports(await house.settings()) as appliance:
                run = await appliance.reports.run(run_id)
            if run.status is Status.FINISHED:
                return run
            await anyio.sleep(0.1)


def in_seconds(house: House, seconds: int) -> int:
    """Give a second from now on."""
    return int(house.clock.now().timestamp()) + seconds


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    """Give a client of an installation of two rooms with cameras, whose recorders outlive it."""
    house.on_stop = "leave"
    house.configure(aula=f"id = 7\n{CAMERA}", lab=f"id = 8\n{CAMERA}")
    async with served(house) as logged_in:
        yield logged_in


async def test_what_is_booked_is_recorded_across_a_restart(house, media, client):
    """Booked, pending, started, the daemon restarted in the middle, recorded, gone from lists."""
    daemon = await house.start()
    start = in_seconds(house, 4)
    body = {"name": "Clinic", "room": "7", "start_at": str(start), "duration": 9}
    (schedule_id,) = await client.post("schedule", body)
    path = f"schedule/{schedule_id}"
    shown = (await client.get(path))["data"]
    assert (shown["status"], shown["start_at"], shown["duration"]) == ("pending", start, 9)
    await client.shows(path, status="started")
    status = await client.shows("rooms/7/status", status="recording")
    assert await daemon.end() == 0
    assert (await client.get(path))["data"]["status"] == "started"
    await house.start()
    assert (await client.get("rooms/7/status"))["data"] == status
    run = await run_in(house, status["record_id"])
    assert (run.outcome, run.schedule_id) == (Outcome.RECORDED, schedule_id), run.sentence
    assert len(run.parts) == 1
    assert abs(await media.whole_length_s(run.parts[0].files[0]) - 9) <= 0.6
    assert await client.missing(path)
    assert (await client.get("schedule"))["data"]["total_count"] == 0


async def test_recording_by_hand_across_a_restart(house, media, client):
    """Started by hand, paused, resumed, the daemon killed, stopped: two files, and both play."""
    daemon = await house.start()
    started = (await client.post("rooms/7/record/start", {"name": "By hand"}))["data"]
    await daemon.heard("run.started", part=1)
    await anyio.sleep(2)
    await client.post("rooms/7/record/pause")
    await client.shows("rooms/7/status", status="paused", record=True)
    await daemon.heard("run.part_ended", part=1)
    await client.post("rooms/7/record/resume")
    await daemon.heard("run.started", part=2)
    os.kill(daemon.pid, signal.SIGKILL)
    await daemon.ended()
    again = await house.start()
    status = (await client.get("rooms/7/status"))["data"]
    assert (status["status"], status["record_id"]) == ("recording", started["id"])
    await anyio.sleep(2)
    stopped = await client.post("rooms/7/record/stop")
    assert stopped == {"data": {"id": started["id"], "status": True}}
    assert (await client.get("rooms/7/status"))["data"]["status"] == "available"
    run = await run_in(house, started["id"])
    assert run.outcome in {Outcome.RECORDED, Outcome.PARTIAL}, run.sentence
    assert len(run.parts) == 2
    for part in run.parts:
        assert await media.whole_length_s(part.files[0]) > 1
    assert again.said("run.finished", run_id=run.id)


async def test_blocked_and_conflict_across_a_restart(house, client):
    """What is blocked or in conflict is listed, records as listed, and leaves the lists in time."""
    daemon = await house.start()
    start = in_seconds(house, 3)
    ids = {
        name: (
            await client.post(
                "schedule", {"name": name, "room": 8, "start_at": start + after, "duration": length}
            )
        )[0]
        for name, after, length in (("held", 0, 8), ("covered", 2, 4), ("partly", 4, 8))
    }
    await client.shows(
        "schedule", blocked_schedules=[ids["covered"]], conflict_schedules=[ids["partly"]]
    )
    await client.shows(f"schedule/{ids['held']}", status="started")
    os.kill(daemon.pid, signal.SIGKILL)
    await daemon.ended()
    listed = (await client.get("schedule"))["data"]
    assert (listed["blocked_schedules"], listed["conflict_schedules"]) == (
        [ids["covered"]],
        [ids["partly"]],
    )
    await house.start()
    await client.shows(f"schedule/{ids['partly']}", status="started")
    (blocked,) = (await client.get("schedule/blocked"))["data"].values()
    assert blocked == []
    await client.shows("schedule", total_count=0)
    async with app.open_for_reports(await house.settings()) as appliance:
        runs = await appliance.reports.runs(None, "rooms.lab", 10)
    ended = [await run_in(house, run.id) for run in runs]
    outcomes = {run.name: (run.outcome, bool(run.parts)) for run in ended}
    assert outcomes["covered"] == (Outcome.BLOCKED, False)
    assert outcomes["partly"] == (Outcome.PARTIAL, True)
    assert outcomes["held"][1]


async def test_stop_of_a_schedule_ends_its_ffmpeg(house, media, client):
    """A stop ends what records at once, and what was recorded until then plays."""
    daemon = await house.start()
    body = {"name": "Long", "rooms": [7], "start_at": in_seconds(house, 2), "duration": 3600}
    (schedule_id,) = await client.post("schedule", body)
    started = await daemon.heard("run.started")
    await anyio.sleep(2)
    assert await client.post(f"schedule/{schedule_id}/stop") == {"data": None}
    run = await run_in(house, started["run_id"])
    assert run.outcome is Outcome.RECORDED, run.sentence
    assert await media.whole_length_s(run.parts[0].files[0]) > 1
    assert house.recorders() == []
