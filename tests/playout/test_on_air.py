"""A channel really is on air: what a viewer sees, picture by picture."""

from datetime import datetime, timedelta
from itertools import pairwise

import anyio
import pytest
from tests.marks_rig import FFMPEG, Mark, stretches

from media import BUNDLED
from tallyd.domain.window import Window
from tallyd.ports.programme import (
    AdBreak,
    AssetProgramme,
    LiveProgramme,
    Programme,
    ReplayProgramme,
    Spot,
)

SLOT_TICKS = 3_600
EXACT = timedelta(milliseconds=200)


def s(seconds: float) -> timedelta:
    """Give so many seconds."""
    return timedelta(seconds=seconds)


def one_stream(pictures: list[tuple[datetime, int, Mark]]) -> None:
    """Expect time stamps that rise without a jump."""
    steps = {later - earlier for (_, earlier, _), (_, later, _) in pairwise(pictures)}
    assert min(steps) >= SLOT_TICKS
    assert max(steps) <= 6 * SLOT_TICKS


def came_at(pictures: list[tuple[datetime, int, Mark]], name: int) -> tuple[datetime, datetime]:
    """Give when the first and the last picture of a film came."""
    times = [at for at, _, mark in pictures if mark.name == name]
    return times[0], times[-1]


@pytest.mark.parametrize("binary", [FFMPEG, BUNDLED], ids=["system", "bundled"])
async def test_entries_follow_one_another_without_a_break(channel, films, tmp_path, binary):
    """Two films and an ad break, back to back, are one stream, each picture in its time."""
    feed = channel.feed(binary=binary)
    await feed.switch_on()
    while not channel.viewer.came:
        await channel.clock.sleep(0.1)
    zero = channel.clock.now() + s(4)
    breaks = (AdBreak(s(2), s(3), (Spot(films(7, 2), s(2)),)),)
    plan: list[tuple[str, float, float, Programme]] = [
        ("a", 0, 3, AssetProgramme(films(1, 6), s(6))),
        ("b", 3, 7, AssetProgramme(films(2, 4), s(4), breaks)),
        ("c", 10, 2, LiveProgramme("test")),
    ]
    async with anyio.create_task_group() as tasks:
        for token, start, length, programme in plan:
            order = channel.order(token, zero + s(start), length, programme)
            tasks.start_soon(feed.start, order)
    for shown in await feed.observe():
        assert shown.first_data_at is not None
    await channel.clock.sleep(3.5)
    await feed.switch_off()
    pictures = channel.viewer.pictures(tmp_path)
    one_stream(pictures)
    seen = stretches(mark for _, _, mark in pictures if mark.name in {1, 2, 7})
    assert [(name, first) for name, first, _ in seen] == [(1, 0), (2, 0), (7, 0), (2, 50)]
    expected = {1: (0, 3), 2: (3, 10), 7: (5, 7)}
    for name, (start, stop) in expected.items():
        first, last = came_at(pictures, name)
        assert abs(first - (zero + s(start))) < EXACT, (name, first - zero)
        assert abs(last + s(0.04) - (zero + s(stop))) < EXACT, (name, last - zero)
    kinds = [(each.kind, each.token) for each in channel.aired(zero - s(5))]
    assert kinds == [
        ("default", None),
        ("asset", "a"),
        ("asset", "b"),
        ("ad", "b"),
        ("ad_slate", "b"),
        ("asset", "b"),
        ("live", "c"),
        ("default", None),
    ]


async def test_a_replay_shows_what_was_on_air(channel, films, tmp_path):
    """The pictures of a window come again, first to last, also of what has only just ended."""
    feed = channel.feed(archive_keep_s=600)
    await feed.switch_on()
    while not channel.viewer.came:
        await channel.clock.sleep(0.1)
    zero = channel.clock.now() + s(3)
    film = AssetProgramme(films(1, 6), s(6))
    early = ReplayProgramme(Window(zero + s(1), zero + s(3)))
    just_now = ReplayProgramme(Window(zero + s(2), zero + s(8)))
    await feed.start(channel.order("a", zero, 6, film))
    await feed.start(channel.order("b", zero + s(6), 2, early))
    await feed.start(channel.order("c", zero + s(8), 6, just_now))
    await channel.clock.sleep(7)
    await feed.switch_off()
    pictures = channel.viewer.pictures(tmp_path)
    one_stream(pictures)
    seen = stretches(mark for _, _, mark in pictures if mark.name == 1)
    wanted = [(0, 149), (25, 74), (50, 149), (25, 74)]
    assert len(seen) == len(wanted)
    for (_, first, last), (begins, ends) in zip(seen, wanted, strict=True):
        assert abs(first - begins) <= 1
        assert abs(last - ends) <= 1


async def test_a_film_that_is_ordered_late_is_soon_in_its_time(channel, films, tmp_path):
    """Who joins in progress is exactly where the plan has it a second later, and to the end."""
    feed = channel.feed()
    await feed.switch_on()
    while not channel.viewer.came:
        await channel.clock.sleep(0.1)
    zero = channel.clock.now() - s(2.5)
    await feed.start(channel.order("a", zero, 8, AssetProgramme(films(1, 9), s(9))))
    await channel.clock.sleep(7)
    await feed.switch_off()
    pictures = channel.viewer.pictures(tmp_path)
    one_stream(pictures)
    shown = [each for each in pictures if each[2].name == 1]
    begun = shown[0][0]
    off = [at - zero - s(mark.number / 25) for at, _, mark in shown if at > begun + s(1.2)]
    assert begun - zero < s(4.5)
    assert s(-0.1) < min(off) <= max(off) < EXACT
    assert abs(shown[-1][0] + s(0.04) - (zero + s(8))) < EXACT
