"""How far from its planned start a real ffmpeg's first frame is, as the recorded file says."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import imageio_ffmpeg
from anyio import to_thread

from bench.figures import Row, row
from bench.house import House, running_house
from tallyd.app import open_for_changes
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Outcome, Run
from tallyd.domain.window import MILLISECOND

LENGTH = timedelta(seconds=3)
EVERY = timedelta(seconds=2)
HEAD_START = timedelta(seconds=5)
FULL, QUICK = (8, 5), (1, 2)
"""How many rooms each ffmpeg has, and how many recordings each room makes."""

HERD = 16
HERD_FULL, HERD_QUICK = 8, 2
HERD_EVERY = timedelta(seconds=8)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one recording came to; times are milliseconds."""

    ffmpeg: str
    is_first: bool
    start_off: float
    length_off: float
    estimate_off: float


async def measure(*, quick: bool) -> Iterator[Row]:
    """Record with each ffmpeg in turn, a start every two seconds, each room again and again."""
    rooms_each, times = QUICK if quick else FULL
    binaries = _binaries()
    rooms = {
        f"{name}-{number}": _room(binaries[name])
        for number in range(rooms_each)
        for name in binaries
    }
    async with running_house(rooms) as house:
        turns = [room for _ in range(times) for room in rooms]
        opening = house.clock.now() + HEAD_START
        # Starts fall on ever other fractions of a second, as frames and ticks do.
        apart = EVERY + 13 * MILLISECOND
        await _book(house, {opening + turn * apart: [room] for turn, room in enumerate(turns)})
        patience_s = (HEAD_START + len(turns) * EVERY + LENGTH).total_seconds() + 30
        runs = await house.finished_runs(len(turns), patience_s)
        seen = await to_thread.run_sync(_look, runs)
    return (
        line for name in binaries for line in _rows(name, [s for s in seen if s.ffmpeg == name])
    )


async def herd(*, quick: bool) -> Iterator[Row]:
    """Have many rooms record at one instant, again and again, with the ffmpeg that is preferred."""
    times = HERD_QUICK if quick else HERD_FULL
    name, binary = next(iter(_binaries().items()))
    rooms = {f"{name}-{number}": _room(binary) for number in range(HERD)}
    async with running_house(rooms) as house:
        opening = house.clock.now() + HEAD_START
        await _book(house, {opening + turn * HERD_EVERY: list(rooms) for turn in range(times)})
        patience_s = (HEAD_START + times * HERD_EVERY + LENGTH).total_seconds() + 60
        runs = await house.finished_runs(times * HERD, patience_s)
        seen = await to_thread.run_sync(_look, runs)
    promise = "p95 <= 150, min >= -1000"
    what = f"first_frame of {HERD} at once, {name} ffmpeg"
    fresh = row(
        f"{what}: first start of a room", (s.start_off for s in seen if s.is_first), promise
    )
    later = row(f"{what}: later starts", (s.start_off for s in seen if not s.is_first), promise)
    return iter([fresh, later])


def _room(binary: str) -> str:
    options = f'source = "test", timestamps = "wallclock", binary = "{binary}"'
    return f'driver = "ffmpeg"\noptions = {{ {options} }}'


def _binaries() -> Mapping[str, str]:
    found = {"system": shutil.which("ffmpeg"), "bundled": imageio_ffmpeg.get_ffmpeg_exe()}
    return {name: path for name, path in found.items() if path is not None}


async def _book(house: House, turns: Mapping[datetime, Sequence[str]]) -> None:
    async with open_for_changes(house.settings) as appliance:
        for at, rooms in turns.items():
            for room in rooms:
                draft = Draft(f"rooms.{room}", f"{room} {at:%H%M%S}", InstantStart(at), LENGTH)
                await appliance.bookings.add(_always(draft))


def _always(draft: Draft) -> Callable[[datetime], Draft]:
    return lambda _now: draft


def _look(runs: tuple[Run, ...]) -> list[Seen]:
    known: set[str] = set()
    seen = []
    for run in runs:
        if run.outcome is not Outcome.RECORDED or len(run.parts) != 1:
            raise RuntimeError(f"{run.name} on {run.target}: {run.sentence}")
        part = run.parts[0]
        times = _frame_times(part.files[0])
        first = datetime.fromtimestamp(times[0], UTC)
        length_s = (times[-1] - times[0]) * len(times) / (len(times) - 1)
        estimated = part.first_data_at or first
        seen.append(
            Seen(
                ffmpeg=run.target.removeprefix("rooms.").partition("-")[0],
                is_first=run.target not in known,
                start_off=(first - run.planned.start) / MILLISECOND,
                length_off=(timedelta(seconds=length_s) - run.planned.length) / MILLISECOND,
                estimate_off=(estimated - first) / MILLISECOND,
            )
        )
        known.add(run.target)
    return seen


def _frame_times(file: str) -> list[float]:
    """Give the wall-clock time of every frame, in seconds since 1970, in order."""
    entries = ("-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "json")
    words = ("ffprobe", "-v", "error", *entries, file)
    said = subprocess.run(words, check=True, capture_output=True).stdout  # noqa: S603 - our own words
    return sorted(float(packet["pts_time"]) for packet in json.loads(said)["packets"])


def _rows(name: str, seen: list[Seen]) -> Iterator[Row]:
    what = f"first_frame, {name} ffmpeg"
    fresh = [s.start_off for s in seen if s.is_first]
    learnt = [s.start_off for s in seen if not s.is_first]
    yield row(f"{what}: first start of a room", fresh, "-80..+80 at p95")
    yield row(f"{what}: later starts", learnt, "-80..+80 at p95")
    yield row(f"{what}: length off", (s.length_off for s in seen), "-420..+420")
    yield row(f"{what}: reported start off", (s.estimate_off for s in seen), "")
