"""What a daemon does while little happens, and what it bears while much is booked."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import anyio

from bench import samples
from bench.figures import Row, row
from bench.house import House, house
from tallyd.bookings import Bookings, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart
from tallyd.nudge import send

IDLE_SCHEDULES = 1_000
IDLE_FULL_S, IDLE_QUICK_S = 120, 10
SETTLES_S = 8
RECORDING = 200
BOOKINGS_FULL, BOOKINGS_QUICK = 3_000, 600
CALLERS = 8
STARTS_EVERY_S = 0.25


async def idle(*, quick: bool) -> Iterator[Row]:
    """Watch a daemon that has wishes and nothing to do, from outside."""
    for_s = IDLE_QUICK_S if quick else IDLE_FULL_S
    async with house(samples.rooms(IDLE_SCHEDULES)) as made:
        await made.book(samples.drafts(IDLE_SCHEDULES, made.clock.now()))
        async with made.daemon() as daemon:
            await made.clock.sleep(SETTLES_S)
            cpu_s, switches = _cpu_s(daemon.pid), _switches(daemon.pid)
            await made.clock.sleep(for_s)
            share = (_cpu_s(daemon.pid) - cpu_s) / for_s * 100
            rate = (_switches(daemon.pid) - switches) / for_s
    name = f"idle with {IDLE_SCHEDULES:,}"
    return iter(
        [
            row(f"{name}: processor", [share], "< 0.2", "% of a core"),
            row(f"{name}: voluntary switches", [rate], "<= 3", "per second"),
        ]
    )


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _switches(pid: int) -> int:
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text(encoding="ascii").splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))
    return total


async def bookings(*, quick: bool) -> Iterator[Row]:
    """Book as fast as one caller can, then several, while rooms record and others start."""
    count = BOOKINGS_QUICK if quick else BOOKINGS_FULL
    rooms = {f"{kind}{room}": 'driver = "simulated"' for room in range(RECORDING) for kind in "rs"}
    async with house(rooms) as made:
        opening = made.clock.now() + timedelta(seconds=8)
        await made.book(_recordings(opening))
        async with made.daemon():
            await made.clock.sleep((opening - made.clock.now()).total_seconds() + 2)
            quiet_until_ns = time.time_ns()
            await made.clock.sleep(STARTS_EVERY_S * 20)
            begun_ns = time.time_ns()
            rows = [
                *await _booked(made, count, 1, f"bookings while {RECORDING} record"),
                *await _booked(made, count, CALLERS, f"bookings by {CALLERS} callers"),
            ]
            ended_ns = time.time_ns()
            await _still_recording(made)
        late = [(at, at / 1e6 - planned) for name, planned, at in made.calls() if name == "start"]
    before = [late_ms for at, late_ms in late if quiet_until_ns <= at < begun_ns]
    during = [late_ms for at, late_ms in late if begun_ns <= at < ended_ns]
    quiet = row("bookings: starts before", before, "")
    meanwhile = row("bookings: starts meanwhile", during, "no later").against(quiet, "before")
    return iter([*rows, meanwhile, quiet])


def _recordings(opening: datetime) -> Iterator[Draft]:
    for room in range(RECORDING):
        yield Draft(f"rooms.r{room}", "long", InstantStart(opening), timedelta(minutes=10))
        at = opening + timedelta(seconds=2 + room * STARTS_EVERY_S)
        yield Draft(f"rooms.s{room}", "start", InstantStart(at), timedelta(seconds=1))


def _always(draft: Draft) -> Callable[[datetime], Draft]:
    return lambda _now: draft


async def _booked(made: House, count: int, callers: int, name: str) -> Iterable[Row]:
    """Let tasks of one process book in turns; a booking takes from its call to its return."""
    run_dir = made.settings.appliance.run_dir
    wishes = Bookings(made.store, made.clock, lambda: send(run_dir), nothing_told)
    far = made.clock.now() + timedelta(days=30)
    took_ms: list[float] = []

    async def call(first: int) -> None:
        for number in range(first, count, callers):
            room = f"rooms.r{number % RECORDING}"
            start = InstantStart(far + number * timedelta(hours=1))
            begun = time.perf_counter()
            await wishes.add(_always(Draft(room, "later", start, timedelta(hours=1))))
            took_ms.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for first in range(callers):
            tasks.start_soon(call, first)
    rate = count / (time.perf_counter() - begun)
    return [
        row(f"{name}: one durable booking", took_ms, "p99 <= 20" if callers == 1 else ""),
        row(f"{name}: rate", [rate], ">= 500", "per second"),
    ]


async def _still_recording(made: House) -> None:
    """Make sure of what a booking had to look at: where nothing records it has less to do."""
    async with made.store.read() as reader:
        runs = await reader.unfinished_runs()
    recording = sum(run.confirmed for run in runs if run.target.startswith("rooms.r"))
    if recording != RECORDING:
        raise RuntimeError(f"{recording} of {RECORDING} rooms record")
