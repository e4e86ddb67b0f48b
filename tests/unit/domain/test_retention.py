"""Which recordings may be removed: what is too old, how much is lacking, what the ledger knows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.model import (
    EndReason,
    Outcome,
    Part,
    RemovedBecause,
    RemovedFile,
    Run,
    Status,
)
from tallyd.domain.retention import Rules, removable
from tallyd.domain.window import Window

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WHOLE = Window(NOW, NOW + HOUR)
PIECE = Part(1, 0, WHOLE, "a", NOW, files=("/r/a.mkv",), bytes=7, end=EndReason.PLANNED)
RUN = Run(
    1,
    "rooms.a",
    "Lecture",
    WHOLE,
    1,
    "@0",
    status=Status.FINISHED,
    outcome=Outcome.RECORDED,
    finished_at=NOW + HOUR,
    parts=(PIECE,),
)


def test_without_rules_nothing_is_removed() -> None:
    """Off by default."""
    assert not Rules().remove_any
    assert Rules().ages(["rooms.a"]) == {}
    assert Rules().lacking(0) == 0


def test_a_room_may_have_an_age_of_its_own() -> None:
    """The others have the one that holds for all, if there is one."""
    rules = Rules(keep=30 * DAY, keep_of={"rooms.b": DAY})
    rooms = ["rooms.a", "rooms.b", "rooms.c"]
    assert rules.ages(rooms) == {30 * DAY: ("rooms.a", "rooms.c"), DAY: ("rooms.b",)}
    assert replace(rules, keep=None).ages(rooms) == {DAY: ("rooms.b",)}


@pytest.mark.parametrize(("free", "lacking"), [(0, 50), (49, 1), (50, 0), (90, 0)])
def test_what_is_lacking(free: int, lacking: int) -> None:
    """As much as is wished to stay free, and no more."""
    assert Rules(min_free=50).lacking(free) == lacking


def test_finished_files_that_are_there_may_be_removed() -> None:
    """One file of a part that ended well is known to the byte."""
    (found,) = removable(RUN)
    assert (found.path, found.bytes, found.finished_at) == ("/r/a.mkv", 7, NOW + HOUR)


@pytest.mark.parametrize(
    "part",
    [
        replace(PIECE, files=()),
        replace(PIECE, files=("/r/a.mkv.part",)),
        replace(PIECE, removed=(RemovedFile("/r/a.mkv", NOW, RemovedBecause.AGE),)),
    ],
)
def test_other_files_may_not(part: Part) -> None:
    """None, one that was never finished, one that is gone already."""
    assert not [*removable(replace(RUN, parts=(part,)))]


def test_a_run_that_is_not_over_keeps_its_files() -> None:
    """Whatever is being recorded is left alone."""
    running = replace(RUN, status=Status.STARTED, outcome=None, finished_at=None)
    assert not [*removable(running)]


@pytest.mark.parametrize(
    "part", [replace(PIECE, end=EndReason.DAEMON_DIED), replace(PIECE, files=("/r/a", "/r/b"))]
)
def test_a_size_that_is_not_sure_is_not_asked_for(part: Part) -> None:
    """What was cut off may be larger, and of two files nobody knows which has how much."""
    assert {each.bytes for each in removable(replace(RUN, parts=(part,)))} == {None}
