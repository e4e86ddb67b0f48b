"""Whatever belongs to a channel is killed, at random times: a viewer misses two seconds at most.

Victims are the source on air, a camera, a publication, the playout, the daemon, and the server.
"""

import os
import random
import signal
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import pytest
from tests import marks_rig
from tests.playout.conftest import Viewer, children_of, free_port
from tests.playout_rig import off_loop
from tests.receivers_rig import camera, rtmp_server
from tests.viewing_rig import View, jumps, standstill, time_of, untruths, views

from house_rig import Daemon, House, eventually, house_at
from tallyd import app
from tallyd.app.as_run import on_air
from tallyd.domain.drafts import Draft
from tallyd.domain.model import Content, ContentKind, InstantStart
from tallyd.domain.window import Window
from tallyd.drivers.outliving import find
from tallyd.drivers.process import kernel_facts

FULL = os.environ.get("FULL_FAULTS") == "1"
KILLS = 50 if FULL else 6
VICTIMS = ("source", "publication", "daemon", "server", "camera", "playout")
SEED = 7
APART_S = (4.5, 7.0)
LEAD_IN = 9.0
ENTRY_S, GAP_S = 6.0, 3.0
LIVE, SLICER, DEFAULT, SLATE, OTHER = 200, 201, 202, 204, 205
NAMES = {"live": LIVE, "slicer": SLICER, "default": DEFAULT, "slate": SLATE}
AT_MOST = timedelta(seconds=2)

CHANNELS = """
[slicers.one]
source = "rtmp://127.0.0.1:{cameras}/cameras/one"
[slicers.two]
source = "rtmp://127.0.0.1:{cameras}/cameras/two"
[channels.one]
driver = "ffmpeg"
live = "one"
[channels.one.options]
outputs = ["udp://127.0.0.1:{one}", "rtmp://127.0.0.1:{server}/live/one"]
size = "320x180"
video_bitrate_kbps = 300
default = "{default}"
slate = "{slate}"
archive_keep_s = 0
[channels.two]
driver = "ffmpeg"
[channels.two.options]
outputs = ["udp://127.0.0.1:{two}"]
size = "320x180"
video_bitrate_kbps = 300
default = "{other}"
slate = "{slate}"
archive_keep_s = 0
"""


def s(seconds: float) -> timedelta:
    """Give so many seconds."""
    return timedelta(seconds=seconds)


class Scene:
    """Two channels of one daemon, their viewers, the cameras and the server; and who kills them."""

    def __init__(self, house: House, films: Path) -> None:
        self.house = house
        self.clock = house.clock
        self.one, self.two = (Viewer(free_port(), house.clock) for _ in range(2))
        self.server_port, self.cameras_port = free_port(), free_port()
        self.killed: list[tuple[datetime, str]] = []
        self._films = films
        self._daemon: Daemon | None = None
        self._open: dict[str, ExitStack] = {}
        self._sessions: set[int] = set()
        self._lives = 0
        self._dice = random.Random(SEED)  # noqa: S311 - no secret

    async def begin(self) -> None:
        """Bring everything up, and book a row of entries with gaps."""
        (house := self.house).on_stop = "leave"
        house.configure()
        film = marks_rig.film
        with house.config.open("a") as config:
            text = CHANNELS.format(
                one=self.one.port,
                two=self.two.port,
                server=self.server_port,
                cameras=self.cameras_port,
                default=film(self._films / "default.mp4", DEFAULT, 30),
                other=film(self._films / "other.mp4", OTHER, 30),
                slate=marks_rig.still(self._films / "slate.png", SLATE),
            )
            config.write(text)
        for name, mark in (("one", LIVE), ("two", SLICER)):
            film(self._films / f"{name}.mp4", mark, 30)
        for name in ("cameras", "server", "one", "two"):
            self._up(name)
        self._daemon = await house.start()
        await eventually(lambda: self.one.came and self.two.came)
        await self._book()

    async def _book(self) -> None:
        contents = (Content(ContentKind.LIVE), Content(ContentKind.SLICER, id="two"))
        cycle = 2 * ENTRY_S + GAP_S
        starts = [
            (LEAD_IN + turn * cycle + place * ENTRY_S, content)
            for turn in range(round(KILLS * APART_S[1] / cycle) + 2)
            for place, content in enumerate(contents)
        ]
        now = self.clock.now()
        async with app.open_for_changes(await self.house.settings()) as appliance:
            for after, content in starts:
                start = InstantStart(now + s(after))
                draft = Draft("channels.one", "Entry", start, s(ENTRY_S), content=content)
                await appliance.bookings.add(lambda _now, draft=draft: draft)

    async def kill(self, victim: str) -> None:
        """Kill one, and let who is no part of tallyd come back half a second later."""
        self.killed.append((self.clock.now(), victim))
        match victim:
            case "source":
                playout = await self.playout("one")
                sources = await eventually(lambda: children_of(playout, "pipe:1"))
                os.kill(self._dice.choice(sources), signal.SIGKILL)
            case "publication":
                playout = await self.playout("one")
                for port in (self.one.port, self.server_port):
                    for pid in children_of(playout, f"127.0.0.1:{port}"):
                        os.kill(pid, signal.SIGKILL)
            case "playout":
                self._sessions.add(pid := await self.playout("one"))
                os.kill(pid, signal.SIGKILL)
            case "daemon":
                await self._kill_daemon()
            case "server":
                await self._come_back("server")
            case _:
                await self._come_back("one", "two")

    async def _kill_daemon(self) -> None:
        assert self._daemon is not None
        os.kill(self._daemon.pid, signal.SIGKILL)
        await self._daemon.ended()
        self._daemon = await self.house.start()

    async def _come_back(self, *names: str) -> None:
        for name in names:
            self._open[name].close()
        await self.clock.sleep(0.5)
        for name in names:
            self._up(name)

    async def freeze(self, seconds: float) -> Window:
        """Have a channel really stand still for so long: what measures must see that."""
        begun, pid = self.clock.now(), await self.playout("one")
        os.kill(pid, signal.SIGSTOP)
        await self.clock.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
        await self.clock.sleep(2)
        return Window(begun, self.clock.now())

    async def playout(self, channel: str) -> int:
        """Give the playout of a channel, once there is one."""
        found: list[int] = await eventually(lambda: self._playouts(f"{channel};"))
        return found[0]

    def _playouts(self, prefix: str) -> list[int]:
        """Give the playouts of this installation: others may run channels of the same names."""

        def look() -> list[int]:
            found = [each.pid for each, _ in find(f"playout=channels.{prefix}")]
            root = self.house.root
            return [pid for pid in found if _session_of(pid) == pid and _is_in(pid, root)]

        return off_loop(look)

    def strays(self) -> list[int]:
        """Give what the playouts that were killed have left running."""
        return off_loop(lambda: [pid for pid in _pids() if _session_of(pid) in self._sessions])

    def close(self) -> None:
        """End what is no part of tallyd, and take the channels off the air."""
        for stack in self._open.values():
            stack.close()
        for pid in self._playouts(""):
            os.kill(pid, signal.SIGKILL)

    def _up(self, name: str) -> None:
        """Bring a server or a camera up."""
        opened = self._open.setdefault(name, ExitStack())
        if name in {"cameras", "server"}:
            self._lives += 1
            root = self.house.root / f"{name}-{self._lives}"
            port = self.cameras_port if name == "cameras" else self.server_port
            opened.enter_context(rtmp_server(root, port))
        else:
            address = f"rtmp://127.0.0.1:{self.cameras_port}/cameras/{name}"
            opened.enter_context(camera(self._films / f"{name}.mp4", address))


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_in(pid: int, root: Path) -> bool:
    """Tell whether a process has something open below a directory."""
    try:
        links = [each.readlink() for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(link.is_relative_to(root) for link in links)


def _session_of(pid: int) -> int:
    try:
        return int(kernel_facts(pid)[3])
    except OSError:
        return 0


@pytest.fixture
def scene(tmp_path: Path):
    """Give a scene that is cleared afterwards."""
    (films := tmp_path / "films").mkdir()
    (root := tmp_path / "house").mkdir()
    with house_at(root) as house:
        made = Scene(house, films)
        try:
            yield made
        finally:
            made.close()


@pytest.mark.timeout(900)
async def test_kills_cost_two_seconds_at_most(scene: Scene, tmp_path: Path):
    """Nothing stands for more than two seconds, what was on air is told, others go on."""
    dice = random.Random(SEED)  # noqa: S311 - no secret
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(KILLS)]
    dice.shuffle(victims)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.one.watch)
        tasks.start_soon(scene.two.watch)
        await scene.begin()
        await scene.clock.sleep(LEAD_IN)
        since = scene.clock.now()
        for victim in victims:
            await scene.clock.sleep(dice.uniform(*APART_S))
            await scene.kill(victim)
        await scene.clock.sleep(APART_S[0])
        until = scene.clock.now()
        frozen = await scene.freeze(3)
        strays = scene.strays()
        tasks.cancel_scope.cancel()
    settings = await scene.house.settings()
    whole = Window(since, until)
    asked = Window(since - s(5), until + s(5))
    log = off_loop(lambda: on_air(settings, "channels.one", asked, scene.clock.now()))
    seen = views(scene.one.came, tmp_path)
    inside = [view for view in seen if whole.holds(view.on_air) and whole.holds(view.came)]
    stood = report(scene.killed, until, seen)
    (other := tmp_path / "other").mkdir()
    assert max(each for _, each in stood) <= AT_MOST, stood
    assert untruths(inside, log, NAMES) == []
    others = [view for view in views(scene.two.came, other) if view.mark.name == OTHER]
    assert jumps(others) == []
    assert strays == []
    assert standstill(seen, frozen, SLATE) > AT_MOST, "the control"
    assert untruths(inside, log, {**NAMES, "live": SLICER}) != [], "the control"


def report(
    killed: list[tuple[datetime, str]], until: datetime, seen: list[View]
) -> list[tuple[str, timedelta]]:
    """Give for how long the picture stood after each kill, and print it."""
    ends = [*[at for at, _ in killed[1:]], until]
    stood: list[tuple[str, timedelta]] = []
    lines = []
    for (at, victim), end in zip(killed, ends, strict=True):
        window = Window(at, end)
        stood.append((victim, standstill(seen, window, SLATE)))
        slate = time_of(seen, window, SLATE)
        lines.append(f"{victim}: stood {stood[-1][1]}, slate {slate}")
    print("", *sorted(lines), sep="\n")  # noqa: T201 - the figures
    return stood
