"""The engine's plans from memory, where it looks only at what can be in the period."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Recurrence,
    Schedule,
    Target,
    WallStart,
)
from tallyd.domain.planner import Wishes, plan_target
from tallyd.domain.recurrence import occurrences
from tallyd.domain.window import MILLISECOND, Window
from tallyd.engine.agenda import PLANNED_AHEAD, Agenda
from tallyd.ports.store import Changes

NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the clocks of Vienna change half an hour later
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AULA = Target("rooms.aula", "Aula", 1, "a" * 32, "Europe/Vienna")
WIDE = Window(NOW - 40 * DAY, NOW + 40 * DAY)

starts = st.one_of(st.integers(-4, 30), st.integers(-900, 900))
lengths = st.one_of(st.integers(1, 3), st.sampled_from([23, 24, 25, 31 * 24]))


@st.composite
def edits(draw: st.DrawFn) -> tuple[Schedule, tuple[Override, ...]]:
    """Draw one of few schedules as an edit leaves it, with all its overrides."""
    number = draw(st.integers(1, 6))
    start = NOW + draw(starts) * HOUR
    kind = draw(st.sampled_from(["once", "once", "once", "wall", "daily"]))
    wall = WallStart(start.replace(tzinfo=None), "Europe/Vienna")
    length = draw(lengths)
    schedule = Schedule(
        id=number,
        uid=f"{number:032x}",
        target=AULA.key,
        name=f"s{number}",
        start=InstantStart(start) if kind == "once" else wall,
        duration=(min(length, 24) if kind == "daily" else length) * HOUR,
        effective_from=NOW - 50 * DAY,
        created=NOW - 50 * DAY,
        recurrence=Recurrence(Frequency.DAILY, count=20) if kind == "daily" else None,
        priority=draw(st.integers(-1, 1)),
        ended=draw(st.sampled_from([None, None, NOW - 2 * HOUR, NOW - 60 * DAY])),
    )
    found = list(occurrences(schedule, (), WIDE))
    if not found or draw(st.booleans()):
        return schedule, ()
    chosen = draw(st.sampled_from(found))
    stop = max(chosen.window.start + HOUR, NOW + draw(st.integers(-3, 30)) * HOUR)
    return schedule, (Override(number, chosen.slot, excluded=draw(st.booleans()), stop=stop),)


@settings(max_examples=300)
@given(st.lists(edits(), max_size=14))
def test_after_any_edits_the_plan_is_that_of_all_that_is_booked(made):
    """Whatever was moved, extended, taken back or ended, nothing is planned otherwise for it."""
    agenda = Agenda()
    agenda.apply(Changes(0, (), (), (), (AULA,)), NOW)
    booked: dict[int, tuple[Schedule, tuple[Override, ...]]] = {}
    for revision, (schedule, overrides) in enumerate(made, 1):
        booked[schedule.id] = schedule, overrides
        agenda.apply(Changes(revision, (schedule,), overrides, None, None), NOW)
    everything = Wishes(
        AULA,
        tuple(schedule for schedule, _ in booked.values()),
        {number: overrides for number, (_, overrides) in booked.items()},
    )
    assert agenda.plan(AULA.key, NOW) == plan_target(everything, Window(NOW, NOW + PLANNED_AHEAD))
    there = plan_target(everything, Window(NOW, NOW + MILLISECOND))
    begun = tuple(entry.key for entry in there if entry.occurrence.window.start < NOW)
    assert agenda.unaccounted(AULA.key, NOW) == begun


def test_a_one_shot_is_found_where_its_override_takes_it():
    """Extended from long ago into today it is planned, and no longer once that is taken back."""
    talk = Schedule(
        1, "1" * 32, AULA.key, "Talk", InstantStart(NOW - 9 * DAY), HOUR, NOW - 9 * DAY, NOW
    )
    (occurrence,) = occurrences(talk, (), WIDE)
    longer = Override(1, occurrence.slot, stop=NOW + HOUR)
    agenda = Agenda()
    agenda.apply(Changes(1, (talk,), (longer,), (), (AULA,)), NOW)
    assert [entry.key for entry in agenda.plan(AULA.key, NOW)] == [(1, occurrence.slot)]
    agenda.apply(Changes(2, (talk,), (), None, None), NOW)
    assert agenda.plan(AULA.key, NOW) == ()


@pytest.mark.parametrize("length", [2 * HOUR, 5 * HOUR, DAY, DAY + HOUR, 31 * DAY])
def test_a_one_shot_is_planned_until_its_last_moment(length):
    """However long ago it began, what still lasts for a millisecond is found."""
    begun = NOW + MILLISECOND - length
    talk = Schedule(1, "1" * 32, AULA.key, "Talk", InstantStart(begun), length, begun, begun)
    agenda = Agenda()
    agenda.apply(Changes(1, (talk,), (), (), (AULA,)), NOW)
    assert [entry.schedule.id for entry in agenda.plan(AULA.key, NOW)] == [1]
    assert [number for number, _ in agenda.unaccounted(AULA.key, NOW)] == [1]
    assert agenda.plan(AULA.key, NOW + MILLISECOND) == ()
