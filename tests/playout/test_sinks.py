"""How long a publication goes on, over a process that takes everything."""

from collections.abc import Callable

import anyio
import pytest

from tallyd.clock import SystemClock
from tallyd.drivers.playout.director import Out
from tallyd.drivers.playout.encoding import Command
from tallyd.drivers.playout.options import Output, parse_output
from tallyd.drivers.playout.sinks import Publication, RecentOut
from tallyd.drivers.playout.sources import Around

A_DAY_S = 86_400.0


class Aging(SystemClock):
    """A clock by which more time may have passed."""

    aged_s = 0.0

    def monotonic(self) -> float:
        """Give what it shows."""
        return super().monotonic() + self.aged_s


async def takes_all(_output: Output) -> Command:
    """Give what stands for an ffmpeg."""
    return Command(("/bin/sh", "-c", "exec cat >/dev/null"))


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    with anyio.fail_after(20):
        while not true():  # noqa: ASYNC110 - another process sets no event
            await anyio.sleep(0.01)


@pytest.mark.parametrize(
    ("address", "days", "begun"),
    [
        ("rtmp://h/live/key", 23.9, 1),
        ("rtmp://h/live/key", 24.1, 2),
        ("rtmps://h/live/key", 24.1, 2),
        ("udp://127.0.0.1:9", 400, 1),
        ("hls:/srv/air.m3u8", 400, 1),
    ],
)
async def test_it_is_begun_anew_before_its_time_stamps_end(address: str, days: float, begun: int):
    """By RTMP there are 24.8 days of them."""
    clock = Aging()
    around = Around(clock, anyio.CapacityLimiter(1))
    publication = Publication(parse_output(address), takes_all, RecentOut(), around)
    out = Out(b"picture", entry=True)
    standing = publication.standing
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publication.run)
        await until(lambda: standing.pid is not None)
        publication.put(out)
        await until(lambda: not publication._waiting)
        clock.aged_s = days * A_DAY_S
        publication.put(out)
        await until(lambda: standing.begun == begun and not publication._waiting)
        assert standing.begun == begun
        assert (standing.trouble is not None and "after 24 days" in standing.trouble) is (begun > 1)
        tasks.cancel_scope.cancel()
