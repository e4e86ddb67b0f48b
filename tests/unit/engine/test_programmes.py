"""What an occurrence plays, as it is found in the library and among the inputs."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.contents import Asset
from tallyd.domain.model import (
    Content,
    ContentKind,
    InstantStart,
    Occurrence,
    Schedule,
    Target,
    Verdict,
)
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.drivers.playout.rundown import Entry, FileTake, clips_of
from tallyd.engine.agenda import Agenda
from tallyd.engine.programmes import Library, LiveInputs, programme_of
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    MissingProgramme,
    ReplayProgramme,
    Spot,
)
from tallyd.ports.store import Changes
from tallyd.testing.virtual_time import START

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
INPUTS = LiveInputs({"studio": "srt://h:1", "roof": "srt://h:2"}, {"channels.tv": "srt://h:1"})
NOTHING = timedelta(0)


def asset(name: str, seconds: float, *breaks_s: float, ad: bool = False) -> Asset:
    """Make an asset; its id is its name."""
    breaks = tuple(timedelta(seconds=each) for each in breaks_s)
    length = timedelta(seconds=seconds)
    return Asset(name, name, f"/films/{name}.mp4", length, breaks, (), START, ad=ad)


def spot(name: str, seconds: float) -> Spot:
    """Give the advertisement that an asset is."""
    return Spot(Path(f"/films/{name}.mp4"), timedelta(seconds=seconds))


FILM = asset("film", 600, 200, 400)
LIBRARY = Library.of([FILM, asset("b", 30, ad=True)])


def planned(
    content: Content | None, length: timedelta = MINUTE, uid: str = "u", target: str = "channels.tv"
) -> Planned:
    """Plan an occurrence that plays something."""
    schedule = Schedule(
        1, uid, target, "Name", InstantStart(START), length, START, START, content=content
    )
    window = Window(START, START + length)
    return Planned(schedule, Occurrence(1, "@0", window), Verdict.CLEAR, (window,))


def film(*seconds: float, offset: timedelta = NOTHING) -> Content:
    """Give the film with its breaks so long."""
    return Content(ContentKind.ASSET, "film", offset=offset, ad_breaks_s=seconds)


AD = spot("b", 30)


@pytest.mark.parametrize(
    ("content", "programme"),
    [
        (None, LiveProgramme("srt://h:1")),
        (Content(ContentKind.LIVE), LiveProgramme("srt://h:1")),
        (Content(ContentKind.SLICER, "roof"), LiveProgramme("srt://h:2", slicer="roof")),
        (Content(ContentKind.REPLAY, "x", replay=Window(START - MINUTE, START)), None),
        (film(), AssetProgramme(Path("/films/film.mp4"), 600 * SECOND)),
        (
            film(20, 40),
            AssetProgramme(
                Path("/films/film.mp4"),
                600 * SECOND,
                (
                    AdBreak(200 * SECOND, 20 * SECOND),
                    AdBreak(400 * SECOND, 40 * SECOND, (AD,)),
                ),
            ),
        ),
        (
            film(0, 40),
            AssetProgramme(
                Path("/films/film.mp4"),
                600 * SECOND,
                (AdBreak(400 * SECOND, 40 * SECOND, (AD,)),),
            ),
        ),
        (Content(ContentKind.AD), AdProgramme((AD,))),
    ],
)
def test_what_is_there_is_found(content, programme):
    """Each kind of content plays what its name, its breaks and its channel say."""
    expected = programme or ReplayProgramme(Window(START - MINUTE, START))
    assert programme_of(planned(content), INPUTS, LIBRARY) == expected


@pytest.mark.parametrize(
    ("content", "target", "why"),
    [
        (None, "channels.other", "the channel has no `live` input"),
        (Content(ContentKind.SLICER, "x"), "channels.tv", "there is no [slicers.x]"),
        (Content(ContentKind.SLICER), "channels.tv", "there is no [slicers.]"),
        (Content(ContentKind.ASSET, "gone"), "channels.tv", "asset gone is not in the library"),
        (Content(ContentKind.REPLAY), "channels.tv", "nobody has said what"),
    ],
)
def test_what_is_not_there_is_said(content, target, why):
    """Nothing is lost without a word: a driver is told why."""
    found = programme_of(planned(content, target=target), INPUTS, LIBRARY)
    assert isinstance(found, MissingProgramme)
    assert found.why.startswith(why)


def test_addresses_stay_unsaid():
    """No representation shows where an input comes from."""
    assert "srt:" not in f"{INPUTS!r} {programme_of(planned(None), INPUTS, LIBRARY)!r}"


SIX = Library.of(asset(name, 10 + at, ad=True) for at, name in enumerate("fbdace"))


def names(spots: tuple[Spot, ...]) -> str:
    """Give the advertisements in short."""
    return "".join(each.path.stem for each in spots)


def test_breaks_begin_with_another_advertisement_each():
    """In order of name, round about; those that do not fit are passed over."""
    found = programme_of(planned(film(70, 70)), INPUTS, replace(SIX, assets={"film": FILM}))
    assert isinstance(found, AssetProgramme)
    first, second = (names(each.spots) for each in found.breaks)
    assert first in "abcdefabcdef"
    assert second[0] == "abcdefa"["abcdef".index(first[0]) + 1]
    assert programme_of(planned(Content(ContentKind.AD), 9 * SECOND), INPUTS, SIX) == AdProgramme()


def test_entries_begin_with_different_advertisements():
    """And one entry, asked for again, with the same as before."""
    content = Content(ContentKind.AD)

    def begins(uid: str) -> str:
        found = programme_of(planned(content, uid=uid), INPUTS, SIX)
        assert isinstance(found, AdProgramme)
        return names(found.spots)[0]

    assert {begins(f"{number}") for number in range(50)} == set("abcdef")
    assert begins("1") == begins("1")


@given(
    lengths=st.lists(st.integers(1, 90), max_size=8),
    seconds=st.integers(1, 200),
    uid=st.text(max_size=3),
)
def test_advertisements_fit_their_break(lengths: list[int], seconds: int, uid: str):
    """None is played twice in one break, and none runs over its end."""
    ads = Library.of(asset(f"{at}", each, ad=True) for at, each in enumerate(lengths))
    entry = planned(Content(ContentKind.AD), seconds * SECOND, uid)
    found = programme_of(entry, INPUTS, ads)
    assert isinstance(found, AdProgramme)
    assert sum((each.length for each in found.spots), NOTHING) <= seconds * SECOND
    assert len(set(found.spots)) == len(found.spots)
    left = seconds * SECOND - sum((each.length for each in found.spots), NOTHING)
    unused = [each for each in ads.ads if Path(each.path) not in {s.path for s in found.spots}]
    assert all(each.duration > left for each in unused)


@pytest.mark.parametrize(
    ("offset_s", "joined_s", "length_s", "first"),
    [
        (0, 0, 660, ("film", 0)),
        (0, 100, 660, ("film", 100)),
        (0, 210, 660, (None, 0)),
        (0, 230, 660, ("film", 210)),
        (230, 0, 430, ("film", 210)),
        (230, 20, 430, ("film", 230)),
        (430, 0, 230, ("b", 10)),
        (0, 430, 660, ("b", 10)),
        (100, 330, 560, ("b", 10)),
    ],
)
def test_whoever_joins_late_joins_further_on(offset_s, joined_s, length_s, first):
    """What was left out at the beginning and what is over already add up, breaks included."""
    content = film(20, 40, offset=timedelta(seconds=offset_s))
    entry = planned(content, timedelta(seconds=length_s))
    programme = programme_of(entry, INPUTS, LIBRARY)
    assert not isinstance(programme, MissingProgramme)
    window = Window(START + timedelta(seconds=joined_s), START + timedelta(seconds=length_s))
    clip = clips_of(Entry("t", "Name", window, START, content.offset, programme))[0]
    take = clip.take
    found = (take.path.stem, take.position / SECOND) if isinstance(take, FileTake) else (None, 0)
    assert found == first


def test_the_agenda_keeps_the_library():
    """A change of the library has every channel planned anew, and no room; no change keeps it."""
    agenda = Agenda()
    tv = Target("channels.tv", "TV", 1, "c", "UTC")
    hall = Target("rooms.hall", "Hall", 2, "r", "UTC")
    agenda.apply(Changes(1, (), (), (), (tv, hall), ()), START)
    assert agenda.apply(Changes(2, (), (), None, None, (FILM,)), START) == {"channels.tv"}
    assert agenda.apply(Changes(3, (), (), None, None), START) == set()
    assert agenda.library.assets == {"film": FILM}
    assert agenda.apply(Changes(4, (), (), None, None, ()), START) == {"channels.tv"}
    assert agenda.library == Library()
