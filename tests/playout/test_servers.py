"""A channel is published to real servers, which die and come back: RTMP and SRT."""

from pathlib import Path

import anyio
import pytest
from tests.marks_rig import FFMPEG
from tests.playout.conftest import children_of, free_port, playouts
from tests.receivers_rig import rtmp_server, srt_listener

from media import BUNDLED
from tallyd.drivers.playout.wire import Ask, State

KEY = "streamkey7"
PASSPHRASE = "passphrase77"  # noqa: S105 - of a server on this machine


def size_of(root: Path, pattern: str) -> int:
    """Give how large the files of a pattern are together."""
    return sum(each.stat().st_size for each in root.glob(pattern))


async def grows(root: Path, pattern: str, size: int, within_s: float) -> int:
    """Wait until the files of a pattern are larger than `size` together; gives their size."""
    with anyio.fail_after(within_s):
        while size_of(root, pattern) <= size:  # noqa: ASYNC110 - another process sets no event
            await anyio.sleep(0.05)
    return size_of(root, pattern)


def arguments_of(pids: list[int]) -> bytes:
    """Give what anybody can read of processes."""
    return b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


async def state_of(feed) -> State:
    """Ask the playout of a feed how it stands."""
    return await feed._station.ask(Ask())


@pytest.mark.parametrize("binary", [FFMPEG, BUNDLED], ids=["system", "bundled"])
async def test_servers_come_and_go(channel, tmp_path, binary):
    """A server that dies costs its own publication only, which is back when the server is."""
    rtmp, srt = free_port(), free_port()
    outputs = [
        f"rtmp://127.0.0.1:{rtmp}/live/{KEY}",
        f"srt://127.0.0.1:{srt}?passphrase={PASSPHRASE}",
    ]
    feed = channel.feed(outputs=outputs, live="test", binary=binary)
    with srt_listener(tmp_path / "srt.ts", srt, f"&passphrase={PASSPHRASE}"):
        with rtmp_server(tmp_path / "first", rtmp):
            await feed.switch_on()
            await grows(tmp_path / "first", "*.flv", 50_000, 20)
            await grows(tmp_path, "srt.ts", 50_000, 20)
            (playout,) = playouts(channel.root / "locks")
            words = arguments_of(children_of(playout, "ffmpeg"))
            assert words.count(b"mpegts") >= len(outputs)
            if binary == FFMPEG:  # the other one heeds no hidden options
                assert KEY.encode() not in words
                assert PASSPHRASE.encode() not in words
            before = await state_of(feed)
        size = await grows(tmp_path, "srt.ts", 0, 1)
        await channel.clock.sleep(1)
        with rtmp_server(tmp_path / "second", rtmp):
            await grows(tmp_path / "second", "*.flv", 50_000, 10)
            await grows(tmp_path, "srt.ts", size, 2)
            after = await state_of(feed)
            assert KEY not in str(after)
            assert after.publications[0].begun > before.publications[0].begun
            assert after.publications[1].begun == before.publications[1].begun == 1
            await feed.switch_off()
    for path in (*tmp_path.glob("*/*.flv"), tmp_path / "srt.ts"):
        command = [FFMPEG, "-v", "error", "-i", str(path), "-f", "null", "-"]
        done = await anyio.run_process(command, check=False)
        assert not done.stderr, (path, done.stderr)
