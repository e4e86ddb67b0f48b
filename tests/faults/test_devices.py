"""Rows 11, 12, 14 and 15: devices, drivers and networks that hang, refuse, break and are late."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from shutil import which

import anyio
import pytest

from camera_rig import camera, wire
from house_rig import Daemon, House, eventually, house_at
from media import Media
from tallyd.domain.model import EndReason, Outcome, Part, Run, Schedule

FULL = os.environ.get("FULL_FAULTS") == "1"
OTHERS = 8
MOST_THREADS = 40
ON_TIME = timedelta(seconds=1)
DOWN_FOR_S = 30 if FULL else 2
TEST_PICTURE = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'
SIMULATED = 'driver = "simulated"'

HANGING = '''
"""A driver that somebody wrote without thinking of what waits."""

import time
from dataclasses import replace

import anyio

from tallyd.drivers.recorders.simulated import SimulatedRecorder, SimulatedRecorderOptions


class HangingOptions(SimulatedRecorderOptions):
    """Where it hangs."""

    where: str
    loop: bool = False


class Hanging(SimulatedRecorder):
    """Calls something in C that never returns, in a thread that nobody can abandon."""

    Options = HangingOptions

    @property
    def traits(self):
        survives = self._options.where == "recover"
        limits = {f"{name}_timeout_ms": 1_000 for name in ("first_data", "call", "stop")}
        return replace(super().traits, survives=survives, **limits)

    async def probe(self):
        await self._hang("probe")
        return await super().probe()

    async def start(self, order):
        await self._hang("start")
        return await super().start(order)

    async def stop(self, token):
        await self._hang("stop")
        return await super().stop(token)

    async def recover(self):
        await self._hang("recover")
        return ()

    async def salvage(self, files):
        return ()

    async def _hang(self, where):
        if where == self._options.where:
            if self._options.loop:
                time.sleep(3_600)
            await anyio.to_thread.run_sync(time.sleep, 3_600)
'''


def network_camera(port: int, timeout_s: int = 1) -> str:
    """Give the lines of a room with a camera of the network."""
    source = f"http://127.0.0.1:{port}/room.ts"
    return f'driver = "ffmpeg"\noptions = {{ source = "{source}", timeout_s = {timeout_s} }}'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty installation."""
    with house_at(tmp_path) as built:
        yield built


def others() -> dict[str, str]:
    """Give rooms with which nothing is wrong."""
    return {f"q{n}": TEST_PICTURE if n % 4 == 0 else SIMULATED for n in range(OTHERS)}


async def book_all(house: House, rooms: list[str], in_s: float, length_s: float) -> list[Schedule]:
    """Book rooms for one and the same instant."""
    at = house.clock.now() + timedelta(seconds=in_s)
    booked = []
    for room in rooms:
        left_s = (at - house.clock.now()).total_seconds()
        booked.append(await house.book(room, length_s, in_s=left_s))
    return booked


def lateness(part: Part) -> timedelta:
    """Give how late a part's first data came."""
    assert part.first_data_at is not None
    return part.first_data_at - part.piece.start


async def all_on_time(house: House, booked: list[Schedule]) -> None:
    """Wait until what was booked has its outcome, and see that each began on time."""
    for schedule in booked:
        run = await house.finished(schedule)
        assert run.outcome is Outcome.RECORDED, run.sentence
        assert abs(lateness(run.parts[0])) <= ON_TIME, schedule.target


def with_data(run: Run) -> list[Part]:
    """Give the parts of a run that recorded something."""
    return [part for part in run.parts if part.first_data_at is not None]


@pytest.mark.full_set
@pytest.mark.parametrize("fault", ["silent", "reset", "half", "slow"])
async def test_rows_11_and_14_a_broken_device_costs_its_own_room_only(
    house: House, fault: str
) -> None:
    """Rows 11 and 14: it is tried again until it works; all other rooms start on time."""
    with camera() as eye, wire(eye) as line:
        line.fault = fault
        house.configure(zaal=network_camera(line.port), **others())
        daemon = await house.start()
        broken, *sound = await book_all(house, ["zaal", *others()], in_s=2.5, length_s=12)
        await eventually(lambda: len(daemon.said("run.started")) >= OTHERS)
        await anyio.sleep(3)
        assert line.connections > 1
        line.fault = None
        await all_on_time(house, sound)
        await recorded_in_part(house, daemon, broken)
        assert await daemon.end() == 0


async def recorded_in_part(house: House, daemon: Daemon, broken: Schedule) -> None:
    """See that a room whose device broke off was recorded from when it did not any more."""
    run = await house.finished(broken)
    assert run.outcome is Outcome.PARTIAL, (run.outcome, run.sentence)
    recorded = with_data(run)
    assert recorded[-1].files
    assert daemon.said("run.retrying", target=broken.target) or len(recorded) > 1


async def test_rows_11_and_14_devices_that_break_off_or_fall_silent_cost_their_own_rooms_only(
    house: House,
) -> None:
    """Row 14: one whose data breaks off is tried again until it works; all others start on time.

    Row 11: so is one that falls silent while it records: the part ends at its last data, the next
    begins when it speaks, and the gap is told. Control: through a sound wire the same camera is
    recorded in one part, and whole.
    """
    with camera() as eye, wire(eye) as breaks, wire(eye) as silent, wire(eye) as sound_wire:
        breaks.fault = "half"
        house.configure(
            zaal=network_camera(breaks.port),
            labo=network_camera(silent.port),
            hal=network_camera(sound_wire.port),
            **others(),
        )
        daemon = await house.start()
        lecture = await house.book("labo", 14)
        broken, control = await book_all(house, ["zaal", "hal"], in_s=0.5, length_s=12)
        await daemon.heard("run.started", target="rooms.labo")
        await daemon.heard("run.started", target="rooms.hal")
        await anyio.sleep(1)
        silent.fault = "silent"
        sound = await book_all(house, [*others()], in_s=2, length_s=3)
        await daemon.heard("run.part_ended", target="rooms.labo")
        await anyio.sleep(3)
        for schedule in sound:
            await daemon.heard("run.started", schedule_id=schedule.id)
        assert breaks.connections > 1
        breaks.fault = silent.fault = None
        await all_on_time(house, sound)
        run = await house.finished(lecture)
        assert run.outcome is Outcome.PARTIAL
        assert run.reason is not None
        first, *_, last = with_data(run)
        assert first.files
        assert last.files
        assert first.last_data_at < last.first_data_at
        await recorded_in_part(house, daemon, broken)
        run = await house.finished(control)
        assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1), run.sentence
        assert await Media().damage(run.parts[0].files[0]) == ""
        assert await daemon.end() == 0


def threads_of(pid: int) -> int:
    """Give how many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@contextmanager
def hanging_driver(root: Path) -> Iterator[str]:
    """Have a driver `hanging` installed; gives the PYTHONPATH with it."""
    place = root / "plug"
    about = place / "hanging-1.dist-info"
    about.mkdir(parents=True)
    (place / "hanging.py").write_text(HANGING)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[tallyd.recorders]\nhanging = hanging:Hanging\n")
    yield str(place)


CALLS = ("start", "stop", "probe", "recover")


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(CALLS, id="each"),
        *(pytest.param((call,) * 3, id=call, marks=pytest.mark.full_set) for call in CALLS),
    ],
)
async def test_row_12_a_driver_that_hangs_in_a_thread_costs_its_own_room_only(
    house: House, tmp_path: Path, calls: tuple[str, ...]
) -> None:
    """Row 12: it heeds no deadline; it is told, counted, and all other rooms start on time."""
    hangs = {f"s{number}": call for number, call in enumerate(calls)}
    stuck = {
        room: f'driver = "hanging"\noptions = {{ where = "{call}" }}'
        for room, call in hangs.items()
    }
    with hanging_driver(tmp_path) as path:
        house.configure(**stuck, **others())
        daemon = await house.start(PYTHONPATH=path)
        await book_all(house, [*stuck], in_s=0.5, length_s=1)
        await all_on_time(house, await book_all(house, [*others()], in_s=2, length_s=1))
        for room, call in hangs.items():
            told = await daemon.heard("driver.stuck", target=f"rooms.{room}", call=call)
            assert told["stuck"] == 1
        await all_on_time(house, await book_all(house, [*others()], in_s=1.5, length_s=1))
        assert len(daemon.said("driver.stuck")) == len(stuck)
        assert threads_of(daemon.pid) < MOST_THREADS


def is_there(pid: int) -> bool:
    """Tell whether a process is there and has not ended."""
    return os.path.exists(f"/proc/{pid}/fd/0")  # noqa: PTH110 - what has ended is not to be read


@pytest.mark.full_set
@pytest.mark.timeout(120)
async def test_row_12_a_driver_that_hangs_does_not_keep_the_daemon_from_its_end(
    house: House, tmp_path: Path
) -> None:
    """Row 12: asked to end, it does so before the service manager has to kill it."""
    with hanging_driver(tmp_path) as path:
        house.configure(s0='driver = "hanging"\noptions = { where = "stop" }', q0=TEST_PICTURE)
        daemon = await house.start(PYTHONPATH=path)
        await house.book("s0", 100)
        sound = await house.book("q0", 100)
        await daemon.heard("run.started", target="rooms.s0")
        await daemon.heard("run.started", target="rooms.q0")
        os.kill(daemon.pid, signal.SIGTERM)
        await eventually(lambda: not is_there(daemon.pid), within_s=50)
        (part,) = (await house.run_of(sound)).parts
        assert part.end is EndReason.DAEMON_STOPPED


async def test_row_12_control_in_the_event_loop_it_stops_everything(
    house: House, tmp_path: Path
) -> None:
    """Row 12, control: the same in the loop delays all others, until the watchdog sees it."""
    with hanging_driver(tmp_path) as path:
        house.configure(
            s0='driver = "hanging"\noptions = { where = "start", loop = true }', q0=SIMULATED
        )
        await house.start(PYTHONPATH=path)
        await house.book("s0", 3)
        other = await house.book("q0", 2, in_s=0.5)
        await anyio.sleep(2.5)
        assert (await house.run_of(other)).parts == ()


class Network:
    """A network of its own, which is down until it is brought up, with a camera in it."""

    PORT = 8_099
    SERVE = f"from camera_rig import camera\nwith camera({PORT}): input()"

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ("unshare", "--net", "sh", "-c", "echo made; exec sleep 600"), stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        # Until then the process is in the network of this machine, and so would the camera be.
        assert self._holder.stdout.readline() == b"made\n"
        self.within = ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--")
        self._camera = subprocess.Popen(
            (*self.within, sys.executable, "-c", self.SERVE),
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
        )

    def bring_up(self) -> None:
        """Have it reach the camera."""
        subprocess.run((*self.within, "ip", "link", "set", "lo", "up"), check=True)

    def end(self) -> None:
        """Be gone."""
        self._camera.kill()
        self._camera.communicate()
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def network() -> Iterator[Network]:
    """Give a network that is down."""
    if os.geteuid() != 0 or which("ip") is None:
        pytest.skip("only root can make a network, with iproute2")
    made = Network()
    yield made
    made.end()


async def test_row_15_a_network_that_comes_up_late(house: House, network: Network) -> None:
    """Row 15: down at the start and up later, it is recorded from then on, and the gap is told."""
    house.within = network.within
    house.configure(zaal=network_camera(network.PORT), **others())
    daemon = await house.start()
    at = house.clock.now() + timedelta(seconds=2.5)
    late = await house.book("zaal", 600, in_s=2.5)
    left_s = (at - house.clock.now()).total_seconds()
    sound = await book_all(house, [*others()], in_s=left_s, length_s=2)
    told = await daemon.heard("run.retrying", target="rooms.zaal")
    assert "unreachable" in told["detail"]
    await all_on_time(house, sound)
    await eventually(lambda: house.clock.now() > at + timedelta(seconds=DOWN_FOR_S), 60)
    up_at = house.clock.now()
    network.bring_up()
    await daemon.heard("run.started", target="rooms.zaal")
    await anyio.sleep(1)
    await house.stop(late)
    run = await house.finished(late)
    assert run.outcome is Outcome.PARTIAL, run.sentence
    (part,) = with_data(run)
    # The longest wait between two tries, and the time that a start takes.
    assert part.first_data_at - up_at < timedelta(seconds=17)
    assert await daemon.end() == 0
