"""Whom a change cuts while it records, and whose chances it changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.errors import Victim
from tallyd.domain.impact import Affected, affected, victims, worsened
from tallyd.domain.model import (
    InstantStart,
    Outcome,
    Override,
    Part,
    Run,
    Schedule,
    Status,
    Target,
    Verdict,
)
from tallyd.domain.planner import Wishes
from tallyd.domain.window import Window

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOM = Target("rooms.aula", "Aula", 1, "u", "UTC")
DAY = Window(NINE, NINE + timedelta(days=1))
NOW = NINE + 70 * MINUTE


def span(start: int, stop: int) -> Window:
    """Give a window by minutes after nine."""
    return Window(NINE + start * MINUTE, NINE + stop * MINUTE)


def wish(number: int, start: int, stop: int, priority: int = 0) -> Schedule:
    """Give a one-shot by minutes after nine."""
    window = span(start, stop)
    return Schedule(
        id=number,
        uid=str(number),
        target=ROOM.key,
        name=f"s{number}",
        start=InstantStart(window.start),
        duration=window.length,
        effective_from=NINE - MINUTE,
        created=NINE - MINUTE,
        priority=priority,
    )


def slot(schedule: Schedule) -> str:
    """Give the slot of a one-shot."""
    return f"@{round(schedule.start.at.timestamp() * 1000)}"


TALK = wish(1, 60, 120)
RECORDING = Run(
    11,
    ROOM.key,
    "s1",
    span(60, 120),
    1,
    slot(TALK),
    Status.STARTED,
    parts=(Part(1, 0, span(60, 120), "t", NINE, first_data_at=NINE + 60 * MINUTE),),
)
BEFORE = Wishes(ROOM, (TALK,), runs=(RECORDING,))


def with_wish(*more: Schedule) -> Wishes:
    """Give the wishes with more schedules."""
    return replace(BEFORE, schedules=(*BEFORE.schedules, *more))


@pytest.mark.parametrize(
    ("after", "loses"),
    [
        (with_wish(wish(2, 70, 90)), None),
        (with_wish(wish(2, 120, 180, 1)), None),
        (with_wish(wish(2, 80, 90, 1)), span(80, 90)),
        (with_wish(wish(2, 30, 90, 1)), span(70, 90)),
        (with_wish(wish(2, 80, 90, 1), wish(3, 100, 110, 1)), span(80, 110)),
        (with_wish(wish(2, 0, 300, 1)), span(70, 120)),
        (replace(BEFORE, schedules=()), span(70, 120)),
        (replace(BEFORE, schedules=(replace(TALK, duration=40 * MINUTE),)), span(100, 120)),
        (replace(BEFORE, schedules=(replace(TALK, duration=90 * MINUTE),)), None),
        (replace(BEFORE, overrides={1: (Override(1, slot(TALK), excluded=True),)}), span(70, 120)),
        (replace(BEFORE, target=replace(ROOM, locked_since=NOW)), span(70, 120)),
    ],
)
def test_who_records_now_and_would_lose_time_is_named(after, loses):
    """A change that cuts what records now names it and what it would lose, from now on."""
    expected = (Victim(11, 1, "s1", loses),) if loses else ()
    assert victims(BEFORE, after, NOW) == expected


@pytest.mark.parametrize(
    "run",
    [
        replace(RECORDING, parts=()),
        replace(RECORDING, status=Status.FINISHED, outcome=Outcome.FAILED, finished_at=NINE),
    ],
)
def test_what_never_gave_data_or_is_over_is_no_victim(run):
    """Only what records now is protected."""
    before = replace(BEFORE, runs=(run,))
    after = replace(before, schedules=(TALK, wish(2, 0, 300, 1)))
    assert victims(before, after, NOW) == ()


def test_what_was_lost_before_is_nobodys_fault():
    """Of a recording that is to be interrupted anyway, only what is lost beyond that counts."""
    interrupted = with_wish(wish(2, 80, 90, 1))
    assert victims(interrupted, interrupted, NOW) == ()
    earlier = replace(interrupted, schedules=(*interrupted.schedules, wish(3, 75, 85, 2)))
    assert victims(interrupted, earlier, NOW) == (Victim(11, 1, "s1", span(75, 80)),)


def test_whose_chances_change_is_listed_and_nobody_else():
    """A booking affects those whose verdict changes, for worse or better, in order of id."""
    before = Wishes(ROOM, (wish(1, 0, 60), wish(2, 60, 120), wish(3, 180, 240)))
    new = wish(4, 50, 70, 1)
    after = replace(before, schedules=(*before.schedules, new))
    expected = [Affected(n, f"s{n}", Verdict.CONFLICT) for n in (1, 2)]
    assert list(affected(before, after, DAY)) == expected
    undone = [Affected(n, f"s{n}", Verdict.CLEAR) for n in (1, 2)]
    assert list(affected(after, before, DAY)) == undone
    assert affected(after, after, DAY) == ()


@pytest.mark.parametrize(
    ("before", "new", "short"),
    [
        ([wish(1, 0, 60)], wish(2, 60, 120), []),
        ([wish(1, 0, 60)], wish(2, 30, 90), [2]),
        ([wish(1, 0, 60)], wish(2, 30, 90, 1), [1]),
        # What was short before is listed only where it now holds less.
        ([wish(1, 0, 60), wish(2, 30, 90)], wish(3, 200, 260), []),
        ([wish(1, 0, 60), wish(2, 30, 90)], wish(3, 80, 100, 1), [2]),
    ],
)
def test_who_does_not_get_all_of_the_time_is_listed(before, new, short):
    """A booking that must not overlap is held against everyone who would lose, itself included."""
    old = Wishes(ROOM, tuple(before))
    after = replace(old, schedules=(*before, new))
    assert [entry.schedule.id for entry in worsened(old, after, DAY)] == short
