"""A client of Uplynk, a server and a daemon: what is booked there is played, cut and replaced."""

import subprocess
from datetime import timedelta
from shutil import which

import anyio
import pytest

from house_rig import WITHIN_S, House, eventually
from served_rig import said, served
from tallyd import app
from tallyd.domain.model import Outcome, Run, Status

pytestmark = pytest.mark.skipif(which("ffprobe") is None, reason="needs ffmpeg")

CHANNEL = """
[channels.one]
driver = "simulated"
live = "studio"

[slicers.studio]
source = "rtsp://192.0.2.1/a"
"""


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
