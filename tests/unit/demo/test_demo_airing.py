"""The demo's judgement of its channel: what was on air, for how long, what a viewer got of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tallyd.demo.airing import MISSING_PICTURES, PUBLISHED_TOLERANCE, Published, review_channel
from tallyd.demo.comparison import START_TOLERANCE, Decoded
from tallyd.demo.scenario import (
    ACTS,
    ADVERT_LENGTH,
    AIRINGS,
    BREAK_AFTER,
    CAMPUS,
    FILM_LENGTH,
    RATE,
    break_window,
    closing,
)
from tallyd.domain.contents import Asset
from tallyd.domain.drafts import to_schedule
from tallyd.domain.model import Occurrence, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.drivers.playout.asrun import Aired
from tallyd.drivers.playout.rundown import Entry, Kind, clips_of
from tallyd.engine.programmes import Library, LiveInputs, programme_of
from tallyd.ports.programme import MissingProgramme

OPENING = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)
AS_RUN = tuple(Aired(each.kind, each.window(OPENING)) for each in AIRINGS)
LENGTH = closing(OPENING) - OPENING
DECODED = Decoded(round(LENGTH.total_seconds() * RATE), LENGTH)
PUBLISHED = Published(Path("campus.m3u8"), 10, LENGTH, 0, DECODED)


def as_run_but(number: int, by: timedelta) -> list[Aired]:
    """Give what was on air where one change came later by so much."""
    earlier, later = AS_RUN[number - 1 : number + 1]
    edge = later.window.start + by
    found = list(AS_RUN)
    found[number - 1] = replace(earlier, window=Window(earlier.window.start, edge))
    found[number] = replace(later, window=Window(edge, later.window.stop))
    return found


def deviations(as_run: list[Aired] | tuple[Aired, ...], published: Published = PUBLISHED):
    """Judge what was on air and published."""
    return review_channel(OPENING, as_run, published).deviations


def test_what_is_due_on_air_is_what_the_bookings_make():
    """The real resolving of what is booked gives just what the scenario expects."""
    film = Asset("f", "Film", "/f", FILM_LENGTH, (BREAK_AFTER,), (), OPENING)
    library = Library.of([film, Asset("a", "Ad", "/a", ADVERT_LENGTH, (), (), OPENING, ad=True)])
    inputs = LiveInputs(live={CAMPUS: "test"})
    found: list[tuple[Kind, Window]] = []
    for number, act in enumerate(act for act in ACTS if act.target == CAMPUS):
        window = act.window(OPENING)
        schedule = to_schedule(act.draft(OPENING, "f"), OPENING - LENGTH, act.name)
        planned = Planned(schedule, Occurrence(number, "slot", window), Verdict.CLEAR, (window,))
        programme = programme_of(planned, inputs, library)
        assert not isinstance(programme, MissingProgramme)
        entry = Entry(act.name, act.name, window, window.start, timedelta(), programme)
        found += [(clip.kind, clip.window) for clip in clips_of(entry) if clip.window]
    due = [(each.kind, each.window(OPENING)) for each in AIRINGS]
    assert found == [each for each in due if each[0] is not Kind.DEFAULT]
    assert all(earlier[1].stop == later[1].start for earlier, later in pairwise(due))
    assert (due[0][1].start, due[-1][1].stop) == (OPENING, closing(OPENING))


def test_everything_to_the_millisecond_is_as_planned():
    """What is expected of the channel can be met, and is shown as it was."""
    review = review_channel(OPENING, AS_RUN, PUBLISHED)
    assert review.deviations == ()
    assert review.ad_break.aired == review.ad_break.planned == break_window(OPENING).length
    assert review.lines[0].late is None, "it was on before the opening"
    assert {line.late for line in review.lines[1:]} == {timedelta()}


def test_what_was_on_air_before_the_opening_and_after_the_closing_does_not_count():
    """The channel comes on before, and goes off after what is looked at."""
    minute = timedelta(minutes=1)
    first = replace(AS_RUN[0], window=Window(OPENING - minute, AS_RUN[0].window.stop))
    last = replace(AS_RUN[-1], window=Window(AS_RUN[-1].window.start, closing(OPENING) + minute))
    length = LENGTH + 2 * minute
    published = replace(
        PUBLISHED, length=length, decoded=Decoded(round(length.total_seconds() * RATE), length)
    )
    assert deviations([first, *AS_RUN[1:-1], last], published) == ()


@pytest.mark.parametrize("sign", [-1, 1])
def test_what_comes_on_may_be_off_by_the_tolerance_and_no_more(sign: int):
    """A second is the small machine's, more is tallyd's."""
    live = next(number for number, each in enumerate(AIRINGS) if each.kind is Kind.LIVE)
    assert deviations(as_run_but(live, sign * START_TOLERANCE)) == ()
    (found,) = deviations(as_run_but(live, sign * (START_TOLERANCE + MS)))
    assert found == f"live of 18:00:08.5 came on {sign * 1001} ms from its planned start"


def test_the_latest_is_what_came_on_latest():
    """The sentence at the end of the report tells of the worst, and of nothing that was early."""
    review = review_channel(OPENING, as_run_but(4, 40 * MS), PUBLISHED)
    assert review.latest == 40 * MS
    assert review_channel(OPENING, as_run_but(4, -40 * MS), PUBLISHED).latest == timedelta()


def test_an_ad_break_of_another_length_is_named():
    """The break is measured by itself: both its ends may be within bounds, and its length not."""
    begun_early, ended_late = as_run_but(2, -400 * MS), as_run_but(4, 400 * MS)
    assert deviations([*begun_early[:3], *ended_late[3:]]) == (
        "the ad break took 3800 ms, not 3000 ms",
    )


def test_a_slate_that_stood_in_is_told_with_its_reason():
    """What was not on air is named, and what was there instead, and why."""
    slate = replace(AS_RUN[5], kind=Kind.SLATE, detail="nothing comes from it")
    assert deviations([*AS_RUN[:5], slate, *AS_RUN[6:]]) == (
        "live of 18:00:08.5 was not on air",
        "slate was on air from 18:00:08 to 18:00:11, which nobody planned: nothing comes from it",
    )


def test_a_break_that_was_not_on_air_has_no_length():
    """Where the end of a break is missing nothing is made up."""
    review = review_channel(OPENING, [*AS_RUN[:3], *AS_RUN[4:]], PUBLISHED)
    assert review.ad_break.aired is None
    assert review.deviations == ("ad_slate of 18:00:05.5 was not on air",)


@pytest.mark.parametrize(
    ("published", "words"),
    [
        (replace(PUBLISHED, decoded=None), "nothing was published"),
        (replace(PUBLISHED, interruptions=2), "the publication was interrupted 2 times"),
        (replace(PUBLISHED, decoded=replace(DECODED, error="bad")), "does not decode: bad"),
        (
            replace(
                PUBLISHED, length=LENGTH / 2, decoded=replace(DECODED, frames=DECODED.frames // 2)
            ),
            "9500 ms were published of 19000 ms on air",
        ),
        (
            replace(PUBLISHED, decoded=replace(DECODED, frames=475 - MISSING_PICTURES - 1)),
            "449 pictures were published where 475 were due",
        ),
    ],
)
def test_what_is_wrong_with_the_publication_is_named(published: Published, words: str):
    """A viewer's troubles fail the demo too, whatever the as-run log says."""
    (found,) = deviations(AS_RUN, published)
    assert words in found


def test_a_publication_may_lack_its_beginning():
    """A viewer begins with a picture that can be begun with, a moment after the channel came on."""
    length = LENGTH - PUBLISHED_TOLERANCE
    frames = round(length.total_seconds() * RATE)
    assert (
        deviations(AS_RUN, replace(PUBLISHED, length=length, decoded=Decoded(frames, length))) == ()
    )


def test_a_channel_that_never_was_on_air_is_reported_whole():
    """Everything is missing, and each thing is said once."""
    found = deviations([], replace(PUBLISHED, segments=0, decoded=None))
    assert len(found) == len(AIRINGS) + 1
    assert len(set(found)) == len(found)
