"""The examples of the guide to the command driver work as they are written."""

import re
import shutil
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from command_rig import Rig
from media import BUNDLED, Media
from tallyd.domain.model import Content, ContentKind
from tallyd.drivers.command.placeholders import OF_PLAYING, OF_RECORDING
from tallyd.ports.drivers import SessionState

GUIDE = (Path(__file__).parents[2] / "docs" / "drivers-command.md").read_text()
ROOM, LAB, CHANNEL = re.findall(r"^```toml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
(RECORDER,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def rig(tmp_path: Path, tasks) -> Rig:
    """Give targets whose files lie in the test's own directory."""
    return Rig(tmp_path, tasks.start_soon)


def options(text: str, kind: str, name: str, **replacements: str) -> dict[str, Any]:
    """Give the options of an example, with this machine's own programs, ports and paths."""
    for old, new in replacements.items():
        text = text.replace(old, new)
    found = tomllib.loads(text)[kind][name]["options"]
    if found.get("run", [""])[0] == "ffmpeg":
        found["run"][0] = BUNDLED
    return found


def free_port(kind: socket.SocketKind) -> int:
    """Give a port that nobody uses."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def device() -> AsyncIterator[int]:
    """Run the guide's own recorder, and give its port."""
    port = free_port(socket.SOCK_STREAM)
    async with await anyio.open_process([sys.executable, "-c", RECORDER, str(port)]) as process:
        with anyio.fail_after(20):
            while True:
                try:
                    await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                    break
                except OSError:
                    await anyio.sleep(0.02)
        yield port
        process.kill()


async def test_the_program_records(rig: Rig):
    """The ffmpeg of the guide records a file that plays, under its final name."""
    recorder = rig.recorder(**options(ROOM, "rooms", "aula"))
    await recorder.start(rig.order(name="-Lecture; $(1)"))
    await anyio.sleep(1)
    stopped = await recorder.stop("t1")
    assert stopped.files == (rig.root / "t1.mkv",)
    assert stopped.detail is None
    assert await Media().damage(stopped.files[0]) == ""


async def test_the_device_is_switched(rig: Rig, device: int):
    """The curl commands of the guide start, ask and stop both inputs of its device."""
    if shutil.which("curl") is None:
        pytest.skip("install curl: the guide's example uses it")
    commands = options(LAB, "rooms", "lab", **{"8099": str(device)})
    recorder = rig.recorder(capacity=2, **commands)
    assert "toy recorder" in await recorder.probe()
    for number in (0, 1):
        await recorder.start(rig.order(f"t{number}", input=number, name="@/etc/passwd & more"))
    assert [shown.state for shown in await recorder.observe()] == [SessionState.FLOWING] * 2
    for number in (0, 1):
        assert (await recorder.stop(f"t{number}")).detail is None


async def test_the_channel_plays(rig: Rig):
    """The feed of the guide sends an asset, from the offset that it joins at."""
    port = free_port(socket.SOCK_DGRAM)
    asset = rig.root / "asset.ts"
    made = ("-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-t", "3")
    await anyio.run_process([BUNDLED, *made, "-f", "mpegts", str(asset)])
    here = {"/srv/assets": str(rig.root), "5004": str(port)}
    feed = rig.feed(**options(CHANNEL, "channels", "one", **here))
    content = Content(ContentKind.ASSET, id="asset")
    async with await anyio.create_udp_socket(local_host="127.0.0.1", local_port=port) as listener:
        await feed.start(replace(rig.order(), target="channels.one", content=content))
        with anyio.fail_after(20):
            packet, _ = await listener.receive()
        assert packet[0] == ord("G")  # how every packet of MPEG-TS begins
        stopped = await feed.stop("t1")
    assert (stopped.state, stopped.detail) == (SessionState.ENDED, None)


def test_every_placeholder_is_in_the_guide():
    """Whoever writes a command finds all that it can be told."""
    table = GUIDE.partition("## Placeholders")[2].partition("##")[0]
    assert set(re.findall(r"`\{(\w+)\}`", table.partition("\n\nThey may")[0])) == (
        OF_RECORDING | OF_PLAYING
    )
