"""What a channel costs while it is on air for long, and whether its picture stays in its time.

One channel plays a single film whose every picture is marked, another one entries and gaps without
end; both are watched from outside, by the system's books and by their viewers.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from statistics import linear_regression, median
from tempfile import TemporaryDirectory

import anyio
from anyio import to_thread
from tests import marks_rig
from tests.viewing_rig import views

from bench.figures import Row, row
from bench.house import House, house
from tallyd.domain.drafts import Draft
from tallyd.domain.model import Content, ContentKind, InstantStart, Outcome, Status
from tallyd.drivers.process import kernel_facts

FULL_MIN, QUICK_MIN = 30.0, 5.0
SETTLES_S = 10
EVERY = timedelta(seconds=57)
"""No multiple of `APART`: entries are seen in every phase."""

WATCHED_S = 4.0
"""So long the picture is looked at, once in each `EVERY`."""

ENTRY, APART = timedelta(seconds=12), timedelta(seconds=20)
WARM = 3
"""So many of the first samples are of a process that is still taking what it needs."""

_IGNORED_PORT = 9  # nobody is there: what is sent is lost

CHANNELS = """
[slicers.test]
source = "test"

[channels.film]
driver = "ffmpeg"
[channels.film.options]
outputs = ["udp://127.0.0.1:{film_port}", "hls:{hls}/film.m3u8"]
size = "320x180"
video_bitrate_kbps = 500
default = "{film}"
archive_keep_s = 300

[channels.busy]
driver = "ffmpeg"
live = "test"
[channels.busy.options]
outputs = ["udp://127.0.0.1:{busy_port}"]
size = "320x180"
video_bitrate_kbps = 300
default = "slate"
archive_keep_s = 300
"""


@dataclass(slots=True)
class Sample:
    """What the processes had at one time; memory in MiB. `drift_ms` is the picture's."""

    at: datetime
    playout_mib: float
    daemon_mib: float
    playout_fds: int
    daemon_fds: int
    children: int
    zombies: int
    drift_ms: float = 0.0


@dataclass(slots=True)
class Soak:
    """A run: its samples so far, and what a viewer of the film gets."""

    made: House
    daemon: int
    film: socket.socket
    scratch: Path
    samples: list[Sample] = field(default_factory=list[Sample])

    async def run(self, length: timedelta) -> None:
        """Take a sample in each `EVERY`, for so long."""
        for _ in range(max(2, length // EVERY)):
            begun = self.made.clock.now()
            sample = self._sample(begun)
            sample.drift_ms = await self._off_ms()
            self.samples.append(sample)
            left = EVERY - (self.made.clock.now() - begun)
            await self.made.clock.sleep(left.total_seconds())

    def _sample(self, at: datetime) -> Sample:
        playouts = _children(self.daemon, "playout=")
        sources = [pid for playout in playouts for pid in _children(playout)]
        return Sample(
            at=at,
            playout_mib=max(map(_rss_mib, playouts)),
            daemon_mib=_rss_mib(self.daemon),
            playout_fds=max(map(_fds, playouts)),
            daemon_fds=_fds(self.daemon),
            children=len(sources),
            zombies=sum(_is_zombie(pid) for pid in [*sources, *_children(self.daemon)]),
        )

    async def _off_ms(self) -> float:
        """Give how late the picture is against its number, but for a constant."""
        came: list[tuple[datetime, bytes]] = []
        with anyio.move_on_after(0.1):  # what has waited there since the last look
            while True:
                await self._receive()
        with anyio.move_on_after(WATCHED_S):
            while True:
                data = await self._receive()
                came.append((self.made.clock.now(), data))
        seen = await to_thread.run_sync(views, came, self.scratch)
        lasts = [view.mark.number / marks_rig.RATE for view in seen]
        offs = [view.came.timestamp() - last for view, last in zip(seen, lasts, strict=True)]
        return median(offs) * 1_000

    async def _receive(self) -> bytes:
        await anyio.wait_readable(self.film)
        return self.film.recv(2_048)


async def measure(*, quick: bool, minutes: float | None = None) -> Iterator[Row]:
    """Keep two channels on air for half an hour, or as many minutes as asked for."""
    length = timedelta(minutes=minutes or (QUICK_MIN if quick else FULL_MIN))
    with TemporaryDirectory(prefix="tallyd-bench-") as directory, _viewer() as film:
        scratch = Path(directory)
        path = scratch / "film.mp4"
        enough_s = (length + 4 * EVERY).total_seconds()
        await to_thread.run_sync(marks_rig.film, path, 1, enough_s)
        channels = CHANNELS.format(
            film=path, film_port=film.getsockname()[1], busy_port=_IGNORED_PORT, hls=scratch
        )
        async with house({}, channels) as made:
            await made.book(_entries(made.clock.now(), length))
            async with made.daemon() as daemon:
                soak = Soak(made, daemon.pid, film, scratch)
                await made.clock.sleep(SETTLES_S)
                await soak.run(length)
                async with made.store.read() as reader:
                    runs = [run for run in await reader.runs() if run.status is Status.FINISHED]
    played = [run for run in runs if run.outcome is Outcome.RECORDED]
    name = f"channel: entries on air, of {len(runs)}"
    return chain(_rows(soak.samples), [row(name, [len(played)], "all", "")])


@contextmanager
def _viewer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as viewer:
        viewer.bind(("127.0.0.1", 0))
        viewer.settimeout(0)
        yield viewer


def _entries(now: datetime, length: timedelta) -> Iterator[Draft]:
    for number in range(1, length // APART):
        start = InstantStart(now + number * APART)
        yield Draft("channels.busy", "Entry", start, ENTRY, content=Content(ContentKind.LIVE))


def _rows(samples: Sequence[Sample]) -> Iterator[Row]:
    """Give what was had, from the samples of warm processes, and what grew in an hour."""
    warm = samples[WARM:] if len(samples) > 2 * WARM else samples
    for name, values, unit in (
        ("memory of a playout", [each.playout_mib for each in warm], "MiB"),
        ("memory of the daemon", [each.daemon_mib for each in warm], "MiB"),
        ("descriptors of a playout", [each.playout_fds for each in warm], "open"),
        ("descriptors of the daemon", [each.daemon_fds for each in warm], "open"),
        ("ffmpegs of both playouts", [each.children for each in warm], "processes"),
        ("ended, and not collected", [each.zombies for each in warm], "processes"),
    ):
        yield row(f"channel: {name}", values, "flat", unit)
        if unit == "MiB":
            yield row(f"channel: {name}, growth", [_slope(warm, values)], "flat", f"{unit}/hour")
    offs = [each.drift_ms for each in warm]
    yield row("channel: picture off its time", [off - offs[0] for off in offs], "")
    drift = [_slope(warm, offs)]
    yield row("channel: drift of the picture", drift, "-40..+40", "ms/hour")


def _slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """Give by how much values grow in an hour, as the straight line nearest to them does."""
    hours = [(each.at - samples[0].at) / timedelta(hours=1) for each in samples]
    return linear_regression(hours, values).slope


def _children(parent: int, word: str = "") -> list[int]:
    """Give the children of a process that have a word in their arguments."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            pid = int(entry.name) if entry.name.isdigit() else 0
            is_child = pid and int(kernel_facts(pid)[1]) == parent
            if is_child and word.encode() in (entry / "cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue  # it ended meanwhile
    return found


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _fds(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _is_zombie(pid: int) -> bool:
    try:
        return kernel_facts(pid)[0] == b"Z"
    except OSError:
        return False
