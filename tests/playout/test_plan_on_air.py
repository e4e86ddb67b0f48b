"""A plan of all kinds of entries, back to back, as viewers see it: by UDP, SRT, RTMP and HLS.

`FULL_CHANNELS=1` plays an hour's plan in ten minutes: sixty entries of ten seconds. Else it is a
dozen of four. Everything that can be on air is marked, so it is known of each picture what it is.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

import anyio
import pytest
from tests import marks_rig
from tests.marks_rig import RATE, TICKS_PER_S, Mark
from tests.playout.conftest import free_port
from tests.receivers_rig import camera, joined, keep_segments, rtmp_server, srt_listener

from tallyd.domain.window import Window
from tallyd.drivers.feeds.ffmpeg import LEAD_MS
from tallyd.drivers.playout.wire import Ask
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    Programme,
    ReplayProgramme,
    Spot,
)

FULL = os.environ.get("FULL_CHANNELS") == "1"
COUNT, LENGTH = (60, 10) if FULL else (12, 4)
LEAD_IN = 8
EXACT_S = 0.2
BREAK_EXACT_S = 0.1
SLOT_TICKS = TICKS_PER_S // RATE
A_MS = TICKS_PER_S // 1_000
SPOTS, CAMERA, SLICER, DEFAULT, AD_SLATE, SLATE = 100, 200, 201, 202, 203, 204


@dataclass(frozen=True)
class Part:
    """What is seen of one film: from when to when in its entry, and from where on in the film."""

    name: int
    kind: str
    start: float
    stop: float
    position: float | None = None


def s(seconds: float) -> timedelta:
    """Give so many seconds."""
    return timedelta(seconds=seconds)


@dataclass
class Plan:
    """The entries of a plan, by number; the films of an entry are named after it."""

    film: Callable[[int, float], Path]
    cameras: dict[int, str]
    zero: datetime

    def start(self, number: int) -> datetime:
        """Give when an entry begins."""
        return self.zero + s(number * LENGTH)

    def programme(self, number: int) -> Programme | None:
        """Give what an entry plays; None is a gap."""
        match number % 6:
            case 0:
                return AssetProgramme(self.film(number + 1, LENGTH), s(LENGTH))
            case 1:
                spots = (Spot(self.film(SPOTS + number, 1), s(1)),)
                breaks = (AdBreak(s(1), s(LENGTH / 2), spots),)
                return AssetProgramme(self.film(number + 1, LENGTH), s(LENGTH), breaks)
            case 2:
                name = self.input_of(number)
                return LiveProgramme(self.cameras[name], "two" if name == SLICER else None)
            case 3:
                first = self.start(number - 3)
                return ReplayProgramme(Window(first, first + s(LENGTH)))
            case 4:
                return AdProgramme((Spot(self.film(SPOTS + number, 2), s(2)),))
            case _:
                return None

    def input_of(self, number: int) -> int:
        """Give the camera of a live entry: one after the other."""
        return SLICER if number % 12 == 8 else CAMERA

    def expected(self, number: int) -> list[Part]:
        """Give what is to be seen of an entry, in order."""
        film = number + 1
        match number % 6:
            case 0:
                return [Part(film, "asset", 0, LENGTH, 0)]
            case 1:
                rest = 1 + LENGTH / 2
                return [
                    Part(film, "asset", 0, 1, 0),
                    Part(SPOTS + number, "ad", 1, 2, 0),
                    Part(AD_SLATE, "ad_slate", 2, rest),
                    Part(film, "asset", rest, LENGTH, 1),
                ]
            case 2:
                name = self.input_of(number)
                return [Part(name, "slicer" if name == SLICER else "live", 0, LENGTH)]
            case 3:
                return [Part(film - 3, "replay", 0, LENGTH, 0)]
            case 4:
                spot = Part(SPOTS + number, "ad", 0, 2, 0)
                return [spot, Part(AD_SLATE, "ad_slate", 2, LENGTH)]
            case _:
                return [Part(DEFAULT, "default", 0, LENGTH)]

    def parts(self) -> list[tuple[float, float, Part]]:
        """Give all that is to be seen, from when to when in the plan, in order."""
        return [
            (number * LENGTH + part.start, number * LENGTH + part.stop, part)
            for number in range(COUNT)
            for part in self.expected(number)
        ]


@dataclass
class Seen:
    """What one viewer got: each picture with its time in the plan, and its time stamp."""

    pictures: list[tuple[float, int, Mark]]

    def by_stamps(self) -> "Seen":
        """Give the same as of a viewer that was never kept waiting by its own machine."""
        first = min(at - stamp / TICKS_PER_S for at, stamp, _ in self.pictures)
        return Seen(
            [(first + stamp / TICKS_PER_S, stamp, mark) for _, stamp, mark in self.pictures]
        )

    def stretches(self) -> list[list[tuple[float, int, Mark]]]:
        """Give the pictures of one film after the other, from the plan's first on."""
        each = [list(group) for _, group in groupby(self.pictures, lambda found: found[2].name)]
        first = next(n for n, group in enumerate(each) if group[0][2].name == 1)
        return each[first:]

    def one_stream(self) -> None:
        """Expect time stamps that rise without a jump."""
        steps = [later[1] - earlier[1] for earlier, later in pairwise(self.pictures)]
        assert min(steps) >= SLOT_TICKS - A_MS
        assert max(steps) <= 6 * SLOT_TICKS

    def edges(self, plan: Plan) -> list[float]:
        """Give how late each part began and ended, in seconds; its pictures are the right ones."""
        found, late = self.stretches(), []
        parts = plan.parts()
        assert [group[0][2].name for group in found] == [part.name for _, _, part in parts]
        for group, (start, stop, part) in zip(found, parts, strict=True):
            late.append(group[0][0] - start)
            if part is not parts[-1][2]:  # which goes on after the plan
                late.append(group[-1][0] + 1 / RATE - stop)
            if part.position is not None:
                numbers = [mark.number for _, _, mark in group]
                assert numbers == sorted(set(numbers))
                wanted = part.position * RATE
                assert abs(numbers[0] - wanted) <= EXACT_S * RATE, part
                assert abs(numbers[-1] + 1 - wanted - (stop - start) * RATE) <= EXACT_S * RATE, part
        return late

    def breaks(self, plan: Plan) -> list[float]:
        """Give how much longer than planned each ad break was, by the time stamps around it."""
        found = self.stretches()
        return [
            (found[n + 3][0][1] - found[n][-1][1]) / TICKS_PER_S - 1 / RATE - LENGTH / 2
            for n, (_, _, part) in enumerate(plan.parts())
            if part.kind == "asset" and part.stop == 1
        ]


def recorded(path: Path, anchor: tuple[float, Mark]) -> Seen:
    """Read a recording; `anchor` says when in the plan one of its pictures was seen."""
    found = marks_rig.decoded(path)
    assert not found.complaints, (path, found.complaints[-5:])
    zero = next(stamp for stamp, mark in found.pictures if mark == anchor[1])
    return Seen([(anchor[0] + (at - zero) / TICKS_PER_S, at, mark) for at, mark in found.pictures])


async def play(channel, feed, plan: Plan) -> None:
    """Order the entries as a daemon does, each some seconds before its time, to the last."""
    plan.zero = channel.clock.now() + s(LEAD_IN)
    async with anyio.create_task_group() as tasks:
        for number in range(COUNT):
            start = plan.start(number)
            await channel.clock.sleep(
                (start - channel.clock.now()).total_seconds() - LEAD_MS / 1_000
            )
            if number >= 3:
                await feed.stop(f"e{number - 3}")
            programme = plan.programme(number)
            if programme is not None:
                order = channel.order(f"e{number}", start, LENGTH, programme)
                tasks.start_soon(feed.start, order)
    await channel.clock.sleep(LENGTH + 1)


def as_run(channel, plan: Plan) -> list[float]:
    """Give how far the as-run log is from the plan, in seconds; it says the same of what it was."""
    aired = [
        each for each in channel.aired(plan.zero - s(1)) if each.window.start > plan.zero - s(0.5)
    ]
    parts = plan.parts()
    assert [each.kind for each in aired] == [part.kind for _, _, part in parts]
    return [
        (each.window.start - plan.zero).total_seconds() - start
        for each, (start, _, _) in zip(aired, parts, strict=True)
    ]


@pytest.mark.timeout(1_200)
async def test_a_plan_is_on_air_as_it_was_made(channel, films, tmp_path, in_memory):
    """One publication from first to last by each way, each entry and break within its bounds."""
    rtmp, srt = free_port(), free_port()
    cameras = {name: f"rtmp://127.0.0.1:{rtmp}/cameras/{name}" for name in (CAMERA, SLICER)}
    plan = Plan(films, cameras, channel.clock.now())
    for number in range(COUNT):
        plan.programme(number)
    playlist = tmp_path / "air" / "air.m3u8"
    playlist.parent.mkdir()
    feed = channel.feed(
        outputs=[
            f"udp://127.0.0.1:{channel.viewer.port}",
            f"rtmp://127.0.0.1:{rtmp}/live/key",
            f"srt://127.0.0.1:{srt}",
            f"hls:{playlist}",
        ],
        archive_keep_s=1_200,
        default=str(films(DEFAULT, 20)),
        slate=str(marks_rig.still(tmp_path / "slate.png", SLATE)),
        ad_slate=marks_rig.still(tmp_path / "ad-slate.png", AD_SLATE),
    )
    kept, served = tmp_path / "kept", in_memory / "served"
    with ExitStack() as receivers:
        receivers.enter_context(rtmp_server(served, rtmp))
        receivers.enter_context(srt_listener(tmp_path / "srt.ts", srt))
        for name, address in cameras.items():
            receivers.enter_context(camera(films(name, 20), address))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_segments, playlist, kept)
            await feed.switch_on()
            while not channel.viewer.came:
                await channel.clock.sleep(0.1)
            await play(channel, feed, plan)
            state = await feed._station.ask(Ask())
            await feed.switch_off()
            await channel.clock.sleep(1.5)
            tasks.cancel_scope.cancel()
    watched = channel.viewer.pictures(tmp_path)
    live = Seen([((at - plan.zero).total_seconds(), stamp, mark) for at, stamp, mark in watched])
    live = live if FULL else live.by_stamps()
    anchor = next((at, mark) for at, _, mark in live.pictures if mark == Mark(1, 0))
    (flv,) = served.glob("*.flv")
    viewers = {
        "udp": live,
        "srt": recorded(tmp_path / "srt.ts", anchor),
        "rtmp": recorded(flv, anchor),
        "hls": recorded(joined(kept, tmp_path / "hls.ts"), anchor),
        "rtmp to hls": recorded(joined(served / "hls", tmp_path / "served.ts"), anchor),
    }
    report(channel, plan, viewers)
    assert [each.begun for each in state.publications] == [1] * len(state.publications)
    print(f"{state.late_slots} of {state.slots} slots were late")  # noqa: T201 - a figure


def figures(values: list[float]) -> str:
    """Say how many there are, and how far they go."""
    return f"{len(values)} from {min(values):+.3f} to {max(values):+.3f} s"


def report(channel, plan: Plan, viewers: dict[str, Seen]) -> None:
    """Hold what was seen against the plan, and print the figures."""
    told = as_run(channel, plan)
    said = [f"as-run: {figures(told)}"]
    worst, (_, _, part) = max(zip(map(abs, told), plan.parts(), strict=True), key=itemgetter(0))
    assert worst < EXACT_S, part
    for name, seen in viewers.items():
        seen.one_stream()
        late, breaks = seen.edges(plan), seen.breaks(plan)
        count = len(seen.pictures)
        said.append(f"{name}: {count} pictures; edges {figures(late)}; breaks {figures(breaks)}")
        assert max(map(abs, late)) < EXACT_S, said
        assert max(map(abs, breaks)) < BREAK_EXACT_S, said
    print("", *said, sep="\n")  # noqa: T201 - the figures
