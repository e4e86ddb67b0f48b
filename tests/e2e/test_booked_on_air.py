"""What clients of Uplynk and of IBM book is what viewers of the channel see, picture by picture."""

import os
import signal
from datetime import datetime, timedelta
from shutil import which
from zoneinfo import ZoneInfo

import anyio
import httpx
import pytest
from tests.marks_rig import stretches
from tests.playout.conftest import Viewer, free_port, playouts
from tests.playout_rig import off_loop

from house_rig import House
from served_rig import Client, said, served
from tallyd import app
from tallyd.app.as_run import on_air
from tallyd.domain.model import Outcome
from tallyd.domain.window import Window

pytestmark = pytest.mark.skipif(which("ffprobe") is None, reason="needs ffmpeg")

CHANNEL = """
[channels.one]
driver = "ffmpeg"
id = 77
live = "studio"

[channels.one.options]
outputs = ["udp://127.0.0.1:{port}"]
default = "slate"
size = "320x180"
video_bitrate_kbps = 800

[slicers.studio]
source = "test"
"""
FILM, AD = 1, 7
EXACT = timedelta(milliseconds=200)


@pytest.fixture(autouse=True)
def _no_channel_stays(house):
    """Take channels off the air that a test leaves: they outlive it as they outlive a daemon."""
    yield
    for pid in playouts(house.state / "inputs" / "channels.one"):
        os.kill(pid, signal.SIGKILL)


async def book_event(house: House, http: httpx.AsyncClient) -> None:
    """Book an event of the minute that has begun, as a client of IBM does: it is on air at once."""
    key = await said(house, "accounts", "key", "alice", "--for", "ibm")
    grant = {"grant_type": "client_credentials"}
    auth = (key["client_id"], key["client_secret"])
    token = (await http.post("/oauth2/token", data=grant, auth=auth)).json()["access_token"]
    now = datetime.now(ZoneInfo("Europe/Budapest"))
    event = {
        "title": "Event",
        "description": "",
        "date": f"{now:%Y-%m-%d}",
        "time": f"{now:%H:%M}",
        "timezone": "Europe/Budapest",
        "duration": "15",
    }
    headers = {"Authorization": f"Bearer {token}"}
    answer = await http.post("/v2/channels/77/events.json", data=event, headers=headers)
    assert answer.status_code == 201, answer.text


async def book_entries(client: Client, film: str) -> list[datetime]:
    """Book a film with a break, a live input, after a gap an ad; gives when each begins."""
    first = await client.book(4, content_type="asset", content_id=film, ad_breaks=[3], desc="Film")
    start = datetime.fromisoformat(first["start"])
    assert first["dur"] == 7_000
    starts = [start, start + timedelta(seconds=7), start + timedelta(seconds=12)]
    more = [
        {"content_type": "slicer", "content_id": "studio", "dur": 3_000, "desc": "Studio"},
        {"content_type": "ad", "dur": 2_000, "desc": "Ads"},
    ]
    for begins, fields in zip(starts[1:], more, strict=True):
        stamp = f"{begins.isoformat(timespec='milliseconds')[:-6]}Z"
        answer = await client.ask("POST", body={"start": stamp, **fields})
        assert answer.status_code == 200, answer.text
    return starts


async def test_what_is_booked_is_seen(house, films, tmp_path):
    """An event, a film with its break and the advertisement in it, a live input, a gap, an ad."""
    viewer = Viewer(free_port(), house.clock)
    house.configure()
    with house.config.open("a") as config:
        config.write(CHANNEL.format(port=viewer.port))
    film = await said(house, "assets", "add", str(films(FILM, 4)), "--ad-breaks", "2s")
    async with anyio.create_task_group() as tasks, served(house) as client:
        tasks.start_soon(viewer.watch)
        daemon = await house.start()
        await daemon.heard("feed.started")
        begun = house.clock.now()
        await said(house, "assets", "add", str(films(AD, 2)), "--ad", "--name", "Buy")
        await book_event(house, client.http)
        event = await daemon.heard("run.started", name="Event")
        async with app.open_for_changes(await house.settings()) as appliance:
            await appliance.bookings.stop_run(event["run_id"])
        await daemon.heard("run.finished", name="Event")
        starts = await book_entries(client, film["id"])
        for name in ("Film", "Studio", "Ads"):
            run = await daemon.heard("run.finished", name=name)
            assert run["outcome"] == Outcome.RECORDED, run
        await house.clock.sleep(0.5)
        now = house.clock.now()
        settings = await house.settings()
        aired = off_loop(lambda: on_air(settings, "channels.one", Window(begun, now), now))
        assert await daemon.end(signal.SIGINT) == 0
        tasks.cancel_scope.cancel()
    assert [(each.kind, each.name) for each in aired if each.kind != "default"] == [
        ("live", "Event"),
        ("asset", "Film"),
        ("ad", films(AD, 2).stem),
        ("ad_slate", ""),
        ("asset", "Film"),
        ("slicer", "studio"),
        ("ad", films(AD, 2).stem),
    ]
    assert [each.kind for each in aired].count("default") == 4
    pictures = [each for each in viewer.pictures(tmp_path) if each[2].name in {FILM, AD}]
    seen = stretches(mark for _, _, mark in pictures)
    assert [(name, first) for name, first, _ in seen] == [(FILM, 0), (AD, 0), (FILM, 50), (AD, 0)]
    assert abs(pictures[0][0] - starts[0]) < EXACT
    assert abs(pictures[-1][0] - starts[-1] - timedelta(seconds=2)) < EXACT
