"""A plan of all kinds of entries, back to back, as a viewer sees it.

`FULL_CHANNELS=1` plays an hour's plan in ten minutes: sixty entries of ten seconds. Else it is a
dozen of four.
"""

import os
from datetime import datetime, timedelta
from itertools import pairwise

import anyio
import pytest
from tests.marks_rig import RATE, Mark

from tallyd.domain.window import Window
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
EXACT = timedelta(milliseconds=200)
BREAK_EXACT = timedelta(milliseconds=100)
SLOT_TICKS = 90_000 // RATE

Pictures = list[tuple[datetime, int, Mark]]


def s(seconds: float) -> timedelta:
    """Give so many seconds."""
    return timedelta(seconds=seconds)


class Plan:
    """The entries of a plan, by number; the films of an entry are named after it."""

    def __init__(self, films, zero: datetime) -> None:
        self._films = films
        self.zero = zero

    def start(self, number: int) -> datetime:
        """Give when an entry begins."""
        return self.zero + s(number * LENGTH)

    def programme(self, number: int) -> Programme | None:
        """Give what an entry plays; None is a gap."""
        film = self._films(number + 1, LENGTH)
        match number % 6:
            case 0:
                return AssetProgramme(film, s(LENGTH))
            case 1:
                spots = (Spot(self._films(100 + number, 1), s(1)),)
                breaks = (AdBreak(s(1), s(LENGTH / 2), spots),)
                return AssetProgramme(film, s(LENGTH), breaks)
            case 2:
                return LiveProgramme("test")
            case 3:
                first = self.start(number - 3)
                return ReplayProgramme(Window(first, first + s(LENGTH)))
            case 4:
                return AdProgramme((Spot(self._films(100 + number, 2), s(2)),))
            case _:
                return None

    def expected(self, number: int) -> list[tuple[int, float, float]]:
        """Give the marked films of an entry: which, and from when to when in it."""
        match number % 6:
            case 0:
                return [(number + 1, 0, LENGTH)]
            case 1:
                rest = 1 + LENGTH / 2
                return [(number + 1, 0, 1), (100 + number, 1, 2), (number + 1, rest, LENGTH)]
            case 3:
                return [(number - 2, 0, LENGTH)]
            case 4:
                return [(100 + number, 0, 2)]
            case _:
                return []


def shown_between(pictures: Pictures, name: int, start: datetime, stop: datetime) -> Pictures:
    """Give the pictures of a film that came around a window."""
    around = s(0.5)
    return [
        each
        for each in pictures
        if each[2].name == name and start - around <= each[0] < stop + around
    ]


def break_of(pictures: Pictures, name: int) -> timedelta:
    """Give how long the break in a film took, by the time stamps of the pictures around it."""
    stamps = [stamp for _, stamp, mark in pictures if mark.name == name]
    return s(max(b - a for a, b in pairwise(stamps)) / 90_000 - 1 / RATE)


@pytest.mark.timeout(1_200)
async def test_a_plan_is_on_air_as_it_was_made(channel, films, tmp_path):
    """One publication from first to last, each entry and each break within its bounds."""
    feed = channel.feed(archive_keep_s=1_200)
    await feed.switch_on()
    while not channel.viewer.came:
        await channel.clock.sleep(0.1)
    plan = Plan(films, channel.clock.now() + s(LEAD_IN))
    made = [(number, plan.programme(number)) for number in range(COUNT)]
    plan.zero = channel.clock.now() + s(LEAD_IN)
    async with anyio.create_task_group() as tasks:
        for number, programme in made:
            start = plan.start(number)
            if isinstance(programme, ReplayProgramme):
                programme = plan.programme(number)  # noqa: PLW2901 - the plan has moved
            await channel.clock.sleep((start - channel.clock.now()).total_seconds() - 3)
            if number >= 2:
                await feed.stop(f"e{number - 2}")
            if programme is not None:
                order = channel.order(f"e{number}", start, LENGTH, programme)
                tasks.start_soon(feed.start, order)
    await channel.clock.sleep(LENGTH + 1)
    await feed.switch_off()
    pictures = channel.viewer.pictures(tmp_path)
    steps = {later[1] - earlier[1] for earlier, later in pairwise(pictures)}
    assert min(steps) >= SLOT_TICKS
    assert max(steps) <= 6 * SLOT_TICKS
    for number in range(COUNT):
        for name, start, stop in plan.expected(number):
            wanted = Window(plan.start(number) + s(start), plan.start(number) + s(stop))
            seen = shown_between(pictures, name, wanted.start, wanted.stop)
            assert seen, (number, name)
            late = (seen[0][0] - wanted.start, seen[-1][0] + s(1 / RATE) - wanted.stop)
            assert max(map(abs, late)) < EXACT, (number, name, late)
        if number % 6 == 1:
            assert abs(break_of(pictures, number + 1) - s(LENGTH / 2)) < BREAK_EXACT
