"""What is on air when: entries taken apart, breaks filled, gaps and overlaps settled."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.window import EPOCH, Window
from tallyd.drivers.playout.rundown import (
    Clip,
    Entry,
    FileTake,
    Kind,
    LiveTake,
    ReplayTake,
    SlateTake,
    clips_of,
    coming,
    filled,
    wanted,
)
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    Programme,
    ReplayProgramme,
    Spot,
)

FILM = Path("/assets/film.mp4")
DEFAULT = Clip(Kind.DEFAULT, SlateTake())


def s(seconds: float) -> timedelta:
    """Give so many seconds."""
    return timedelta(seconds=seconds)


def at(seconds: float):
    """Give an instant."""
    return EPOCH + s(seconds)


def spot(name: str, seconds: float) -> Spot:
    """Make an advertisement."""
    return Spot(Path(f"/ads/{name}.mp4"), s(seconds))


def entry(
    programme: Programme,
    start: float,
    stop: float,
    *,
    begins: float | None = None,
    offset: float = 0,
) -> Entry:
    """Make an entry."""
    begins_at = at(start if begins is None else begins)
    return Entry("t", "t", Window(at(start), at(stop)), begins_at, s(offset), programme)


def named(name: str, made: Entry) -> tuple[Clip, ...]:
    """Give the clips of an entry that is called so."""
    return clips_of(replace(made, token=name))


def shown(clips: tuple[Clip, ...]) -> list[tuple[float, float, str, object]]:
    """Give clips in short: from when to when, what, and where in it."""
    found: list[tuple[float, float, str, object]] = []
    for clip in clips:
        assert clip.window is not None
        take = clip.take
        where = {
            FileTake: lambda t: t.position.total_seconds(),
            ReplayTake: lambda t: (t.since - EPOCH).total_seconds(),
        }.get(type(take), lambda _t: None)(take)
        times = ((edge - EPOCH).total_seconds() for edge in (clip.window.start, clip.window.stop))
        found.append((*times, clip.kind, where))
    return found


def film(*breaks: tuple[float, float], length: float = 60, spots: tuple[Spot, ...] = ()):
    """Make an asset with breaks (after, length)."""
    made = tuple(AdBreak(s(after), s(seconds), spots) for after, seconds in breaks)
    return AssetProgramme(FILM, s(length), made)


A10, A20 = spot("a", 10), spot("b", 20)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (entry(film(), 0, 60), [(0, 60, "asset", 0)]),
        (entry(film(), 0, 100), [(0, 60, "asset", 0)]),
        (entry(film(), 0, 40), [(0, 40, "asset", 0)]),
        (entry(film(), 15, 60, begins=0), [(15, 60, "asset", 15)]),
        (entry(film(), 0, 60, offset=5), [(0, 55, "asset", 5)]),
        (entry(film(), 90, 100, begins=0), []),
        (
            entry(film((20, 10), (40, 5)), 0, 75),
            [
                (0, 20, "asset", 0),
                (20, 30, "ad_slate", None),
                (30, 50, "asset", 20),
                (50, 55, "ad_slate", None),
                (55, 75, "asset", 40),
            ],
        ),
        (
            entry(film((20, 0), (40, 5)), 0, 65),
            [(0, 40, "asset", 0), (40, 45, "ad_slate", None), (45, 65, "asset", 40)],
        ),
        (
            entry(film((20, 25), spots=(A10, A20)), 0, 85),
            [
                (0, 20, "asset", 0),
                (20, 30, "ad", 0),
                (30, 45, "ad_slate", None),
                (45, 85, "asset", 20),
            ],
        ),
        (
            entry(film((20, 30), spots=(A10, A20)), 24, 90, begins=0),
            [(24, 30, "ad", 4), (30, 50, "ad", 0), (50, 90, "asset", 20)],
        ),
        (
            entry(film((0, 10)), 0, 70),
            [(0, 10, "ad_slate", None), (10, 70, "asset", 0)],
        ),
        (
            entry(film((60, 10)), 0, 70),
            [(0, 60, "asset", 0), (60, 70, "ad_slate", None)],
        ),
        (entry(AdProgramme((A10,)), 0, 15), [(0, 10, "ad", 0), (10, 15, "ad_slate", None)]),
        (entry(LiveProgramme("test"), 5, 9), [(5, 9, "live", None)]),
        (entry(LiveProgramme("test", slicer="x"), 5, 9), [(5, 9, "slicer", None)]),
        (entry(ReplayProgramme(Window(at(-50), at(-20))), 0, 40), [(0, 30, "replay", -50)]),
        (
            entry(ReplayProgramme(Window(at(-50), at(-20))), 10, 40, begins=0),
            [(10, 30, "replay", -40)],
        ),
    ],
)
def test_an_entry_is_taken_apart(made: Entry, expected: list[object]):
    """Each part of an entry plays at its time, from the right place in its file."""
    assert shown(clips_of(made)) == expected


LENGTHS = st.lists(st.floats(0.1, 40).map(s), max_size=6)


@given(st.floats(0.1, 200).map(s), LENGTHS)
def test_a_break_is_filled_for_exactly_its_length(length: timedelta, lengths: list[timedelta]):
    """No break is a second too long or too short, whatever there is to fill it with."""
    spots = [Spot(Path(f"/ads/{n}.mp4"), each) for n, each in enumerate(lengths)]
    parts = list(filled(length, spots))
    end = timedelta(0)
    for start, each in parts:
        assert start == end
        end = length if each is None else start + each.length
    assert end == length
    assert all(each is not None for _, each in parts[:-1])


LIVE = LiveProgramme("test")


@pytest.mark.parametrize(
    ("entries", "when", "expected"),
    [
        ([], 0, None),
        ([(10, 20, "a")], 9.9, None),
        ([(10, 20, "a")], 10, "a"),
        ([(10, 20, "a")], 20, None),
        ([(10, 20, "a"), (20, 30, "b")], 20, "b"),
        ([(10, 30, "a"), (15, 30, "b")], 16, "b"),
        ([(10, 20, "a"), (20.4, 30, "b")], 20.2, "a"),
        ([(10, 20, "a"), (20.5, 30, "b")], 20.2, None),
    ],
    ids=[
        "nothing is booked",
        "before",
        "at its start",
        "at its end",
        "back to back",
        "the one that began last",
        "a gap too short to be filled",
        "a gap",
    ],
)
def test_what_is_wanted(entries: list[tuple[float, float, str]], when: float, expected: str | None):
    """One entry holds the air at any instant, and the default plays between them."""
    clips = [
        clip for start, stop, token in entries for clip in named(token, entry(LIVE, start, stop))
    ]
    assert wanted(clips, DEFAULT, at(when)).token == expected


def test_the_break_of_an_earlier_entry_does_not_take_the_air_back():
    """Once a later entry is on air, no ad break of the one before comes up in it."""
    before = named("before", entry(film((20, 30), (40, 30)), 0, 120))
    after = named("after", entry(LIVE, 10, 120))
    for second in range(10, 120):
        assert wanted((*before, *after), DEFAULT, at(second)) in after


def test_what_comes_soon_is_known_before():
    """Each source is started ahead of its time, the default's after an entry included."""
    clips = clips_of(entry(film((5, 2), spots=(spot("a", 1),)), 0, 9))
    kinds = [clip.kind for clip in coming(clips, DEFAULT, at(4), s(3))]
    assert kinds == ["asset", "ad", "ad_slate", "asset"]
    assert [clip.kind for clip in coming(clips, DEFAULT, at(8), s(3))] == ["asset", "default"]
    assert [clip.take for clip in coming(clips, DEFAULT, at(-1), s(0.5))] == [SlateTake()]


def test_a_live_clip_is_the_input_itself():
    """What is played is the address that was named."""
    assert clips_of(entry(LiveProgramme("srt://h:1"), 0, 1))[0].take == LiveTake("srt://h:1")
