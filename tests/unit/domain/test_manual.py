"""Recordings by hand as the domain sees them: the schedule that they become, and who holds what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.errors import InvalidBooking
from tallyd.domain.manual import ManualRecording, manual_schedule
from tallyd.domain.model import (
    MANUAL_SLOT,
    InstantStart,
    Override,
    Part,
    Run,
    Schedule,
    Status,
    Target,
)
from tallyd.domain.occupancy import occupancy
from tallyd.domain.outcomes import may_return
from tallyd.domain.planner import Wishes
from tallyd.domain.recurrence import occurrences
from tallyd.domain.window import EPOCH, FAR_FUTURE, Window

NOW = datetime(2026, 12, 1, 9, 0, 0, 123_456, tzinfo=UTC)
MS = datetime(2026, 12, 1, 9, 0, 0, 123_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONGEST = 4 * HOUR
ROOM = Target("rooms.aula", "Aula", 1, "u", "UTC")
WANTED = ManualRecording("rooms.aula", "Exam")


def made(**changes: object) -> Schedule:
    """Give the schedule of a recording by hand."""
    return replace(manual_schedule(WANTED, NOW, LONGEST, "uid"), id=7, **changes)


def row(schedule: Schedule, **changes: object) -> Run:
    """Give its run."""
    window = Window(MS, MS + schedule.duration)
    plain = Run(9, schedule.target, schedule.name, window, schedule.id, MANUAL_SLOT)
    return replace(plain, **changes)


def test_it_has_one_occurrence_from_now_on_and_never_another() -> None:
    """It starts in the millisecond of the press, in a slot of its own, for as long as may be."""
    (only,) = occurrences(made(), (), Window(EPOCH, FAR_FUTURE))
    assert (only.slot, only.window) == (MANUAL_SLOT, Window(MS, MS + LONGEST))


def test_it_is_over_as_a_schedule_at_once() -> None:
    """So nobody finds it among what is booked."""
    assert made().ended == MS + timedelta(milliseconds=1)


@pytest.mark.parametrize("length", [timedelta(milliseconds=1), HOUR, LONGEST])
def test_a_length_within_bounds_is_taken(length: timedelta) -> None:
    """From a millisecond to the longest that is allowed."""
    schedule = manual_schedule(replace(WANTED, length=length), NOW, LONGEST, "uid")
    assert schedule.duration == length


@pytest.mark.parametrize("length", [-HOUR, timedelta(0), LONGEST + timedelta(milliseconds=1)])
def test_any_other_length_is_refused(length: timedelta) -> None:
    """It is named by the option that it was given with, beside all else that is wrong."""
    with pytest.raises(InvalidBooking) as refused:
        manual_schedule(ManualRecording("rooms.aula", "", length), NOW, LONGEST, "uid")
    assert [problem.field for problem in refused.value.problems] == ["name", "for"]


def test_what_failed_by_hand_is_not_made_again_by_a_clock_that_is_set_back() -> None:
    """What was booked is; at a button stands nobody any more."""
    failed = row(made(), status=Status.FINISHED, finished_at=MS)
    assert not may_return(failed, MS - HOUR)
    assert may_return(replace(failed, slot="@1"), MS - HOUR)


def test_a_free_target_is_held_by_nobody() -> None:
    """Before a window and from its end on."""
    wishes = Wishes(ROOM, (made(),), runs=(row(made()),))
    for at in (MS - HOUR, MS + LONGEST):
        there = occupancy(wishes, at)
        assert (there.target, there.holders, there.is_full) == (ROOM, (), False)


def test_who_holds_it_is_told_with_its_run_and_until_when() -> None:
    """Also before its row is written."""
    there = occupancy(Wishes(ROOM, (made(),), runs=(row(made()),)), MS + HOUR)
    (holder,) = there.holders
    assert (holder.run, holder.paused) == (row(made()), False)
    assert (holder.piece, there.is_full) == (Window(MS, MS + LONGEST), True)
    (holder,) = occupancy(Wishes(ROOM, (made(),)), MS).holders
    assert holder.run is None


def test_a_paused_run_holds_on() -> None:
    """A pause of another occurrence is none of it."""
    for slot, paused in ((MANUAL_SLOT, True), ("@1", False)):
        overrides = {7: (Override(7, slot, paused=True),)}
        wishes = Wishes(ROOM, (made(),), overrides, runs=(row(made()),))
        (holder,) = occupancy(wishes, MS).holders
        assert holder.paused is paused


def test_what_waits_for_another_holds_nothing() -> None:
    """One input is full with one, two are not; what is covered is not counted."""
    lecture = Schedule(
        id=3,
        uid="l",
        target="rooms.aula",
        name="Lecture",
        start=InstantStart(MS - HOUR),
        duration=3 * HOUR,
        effective_from=MS - 2 * HOUR,
        created=MS - 2 * HOUR,
    )
    wishes = Wishes(ROOM, (lecture, made()), runs=(row(made()),))
    assert [each.entry.schedule.name for each in occupancy(wishes, MS).holders] == ["Exam"]
    two = replace(wishes, target=replace(ROOM, capacity=3))
    both = occupancy(two, MS)
    assert [each.entry.schedule.name for each in both.holders] == ["Lecture", "Exam"]
    assert not both.is_full


def test_a_run_is_by_hand_by_its_slot() -> None:
    """Whatever its parts say."""
    part = Part(1, 0, Window(MS, MS + HOUR), "t", MS)
    by_hand, booked = row(made(), parts=(part,)), row(made(), slot="@1")
    assert (by_hand.manual, by_hand.shown_schedule) == (True, None)
    assert (booked.manual, booked.shown_schedule) == (False, 7)
