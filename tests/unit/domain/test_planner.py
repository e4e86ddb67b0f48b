"""What the plan lists and what it says: suspensions, unknown targets and zones, far times."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.domain.model import (
    ExceptionDay,
    Frequency,
    InstantStart,
    Outcome,
    Override,
    Part,
    Reason,
    Recurrence,
    Run,
    Schedule,
    Status,
    Target,
    Verdict,
    WallStart,
)
from tallyd.domain.planner import Planned, Wishes, plan, plan_target, worst_verdicts
from tallyd.domain.window import Window

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ROOM = Target("rooms.aula", "Aula", 1, "u", "Europe/Vienna")
WEEK = Window(MIDNIGHT, MIDNIGHT + 7 * DAY)


def once(number: int, start: float, length: float, **changes: object) -> Schedule:
    """Give a one-shot, its start and length in hours of the first of December."""
    plain = Schedule(
        id=number,
        uid=str(number),
        target=ROOM.key,
        name=f"s{number}",
        start=InstantStart(MIDNIGHT + start * HOUR),
        duration=length * HOUR,
        effective_from=MIDNIGHT - 400 * DAY,
        created=MIDNIGHT - 400 * DAY,
    )
    return replace(plain, **changes)


def at_wall(schedule: Schedule, text: str, rule: Recurrence | None = None) -> Schedule:
    """Give a schedule that begins at a wall time, such as `2026-12-01T10 Europe/Vienna`."""
    local, _, zone = text.partition(" ")
    start = WallStart(datetime.fromisoformat(local), zone or "UTC")
    return replace(schedule, start=start, recurrence=rule)


def daily(number: int, text: str, length: float) -> Schedule:
    """Give a daily series that begins at a wall time."""
    return at_wall(once(number, 0, length), text, Recurrence(Frequency.DAILY))


def slot(schedule: Schedule) -> str:
    """Give the slot of a one-shot."""
    return f"@{round(schedule.start.at.timestamp() * 1000)}"


def brief(entries: tuple[Planned, ...]) -> list[tuple[int, str, str | None]]:
    """Give of each entry schedule, verdict and reason."""
    return [(entry.schedule.id, entry.verdict, entry.reason) for entry in entries]


def wishes(*schedules: Schedule, target: Target = ROOM, **rest: object) -> Wishes:
    """Give the wishes for a room."""
    return Wishes(target, schedules, **rest)


def test_everything_of_the_period_is_listed_in_order_of_start():
    """Suspended occurrences have their line too, and two of one start come in order of id."""
    series = daily(2, "2026-12-01T10", 1)
    said = plan_target(
        wishes(
            once(3, 10, 1),
            series,
            once(1, 34, 1),
            overrides={2: (Override(2, "2026-12-02T10:00:00", excluded=True),)},
        ),
        Window(MIDNIGHT, MIDNIGHT + 2 * DAY),
    )
    assert brief(said) == [
        (2, "clear", None),
        (3, "blocked", "occupied"),
        (1, "clear", None),
        (2, "suspended", "excluded"),
    ]
    assert said[0].key == (2, "2026-12-01T10:00:00")
    assert said[3].claim == said[3].by == ()


def test_several_targets_are_planned_apart_and_listed_together():
    """Two rooms at one hour are no conflict; the list goes by start, then target, then id."""
    lab = replace(ROOM, key="rooms.lab", public_id=2)
    every = (
        wishes(once(3, 10, 1, target=lab.key), target=lab),
        wishes(once(1, 12, 1), once(2, 10, 1)),
    )
    assert brief(plan(every, WEEK)) == [(2, "clear", None), (3, "clear", None), (1, "clear", None)]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (Window(MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR), [1]),
        (Window(MIDNIGHT + 11 * HOUR, MIDNIGHT + 12 * HOUR), [2]),
        (Window(MIDNIGHT + 10.5 * HOUR, MIDNIGHT + 11.5 * HOUR), [1, 2]),
        (Window(MIDNIGHT + 9 * HOUR, MIDNIGHT + 10 * HOUR), []),
    ],
)
def test_a_period_lists_what_intersects_it(asked, ids):
    """What ends when the period begins, or begins when it ends, belongs to the neighbour."""
    said = plan_target(wishes(once(1, 10, 1), once(2, 11, 1)), asked)
    assert [entry.schedule.id for entry in said] == ids
    assert all(entry.occurrence.window.length == HOUR for entry in said)


@pytest.mark.parametrize(
    ("start", "verdict"),
    [
        ("2026-12-02T09 Europe/Vienna", "suspended"),
        ("2026-12-02T00 Europe/Vienna", "suspended"),
        ("2026-12-01T23 Europe/Vienna", "clear"),
        # The day is the room's: eight in the evening in New York is the third in Vienna.
        ("2026-12-02T20 America/New_York", "clear"),
        ("2026-12-01T20 America/New_York", "suspended"),
    ],
)
def test_an_exception_day_suspends_what_starts_on_it(start, verdict):
    """The day is read in the room's zone; what runs past midnight into it goes on."""
    (said,) = plan_target(
        wishes(
            at_wall(once(1, 0, 3), start),
            exception_days=(ExceptionDay(1, date(2026, 12, 2), "Fair"),),
        ),
        WEEK,
    )
    assert said.verdict == verdict


@pytest.mark.parametrize(
    ("target", "verdict"), [(None, "suspended"), (ROOM.key, "suspended"), ("rooms.lab", "clear")]
)
def test_an_exception_day_is_for_all_or_for_one_target(target, verdict):
    """A day off in another room changes nothing here."""
    days = (ExceptionDay(1, date(2026, 12, 1), "Fair", target),)
    (said,) = plan_target(wishes(once(1, 10, 1), exception_days=days), WEEK)
    assert said.verdict == verdict


def test_a_room_of_an_unknown_zone_reads_exception_days_in_utc():
    """A room whose zone was dropped from the database still keeps its holidays."""
    days = (ExceptionDay(1, date(2026, 12, 1), "Fair"),)
    lost = replace(ROOM, zone="Mars/Olympus")
    (said,) = plan_target(wishes(once(1, 23, 1), target=lost, exception_days=days), WEEK)
    assert said.reason is Reason.EXCEPTION_DAY


@pytest.mark.parametrize(
    "left_out",
    [
        {"overrides": {1: (Override(1, slot(once(1, 10, 48)), excluded=True),)}},
        {"exception_days": (ExceptionDay(1, date(2026, 12, 1), "Fair"),)},
    ],
)
def test_what_is_suspended_takes_no_time_from_others(left_out):
    """Of two that overlap the younger is clear once the older is left out or on a holiday."""
    both = wishes(once(1, 10, 48), once(2, 35, 48))
    assert brief(plan_target(both, WEEK)) == [(1, "clear", None), (2, "conflict", "occupied")]
    said = plan_target(replace(both, **left_out), WEEK)
    assert [entry.verdict for entry in said] == ["suspended", "clear"]


def test_a_target_that_is_gone_blocks_everything_on_it():
    """Schedules of a room that the configuration no longer has are listed, with the reason."""
    gone = replace(ROOM, known=False)
    said = plan_target(wishes(once(1, 10, 1), once(2, 12, 1), target=gone), WEEK)
    assert brief(said) == [(1, "blocked", "target_unknown"), (2, "blocked", "target_unknown")]


def test_a_zone_that_is_unknown_blocks_its_schedule_and_no_other():
    """It is listed as though it were in UTC, and takes no time from what can be placed."""
    said = plan_target(
        wishes(daily(1, "2026-12-01T10 Mars/Olympus", 1), daily(2, "2026-12-01T10", 1)), WEEK
    )
    assert brief(said)[:2] == [(1, "blocked", "zone_unknown"), (2, "clear", None)]
    assert len(said) == 14


def test_of_two_events_with_one_start_each_has_its_own_fate():
    """Two events of one start and one length are two: the run of one says nothing of the other."""
    first, second = once(1, 10, 1), once(2, 10, 1)
    failed = Run(
        1,
        ROOM.key,
        "s1",
        Window(MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR),
        1,
        slot(first),
        Status.FINISHED,
        Outcome.FAILED,
        finished_at=MIDNIGHT + 10.1 * HOUR,
    )
    said = plan_target(wishes(first, second, runs=(failed,)), WEEK)
    assert [entry.key for entry in said] == [(1, slot(first)), (2, slot(second))]
    assert [entry.claim[0].start - MIDNIGHT for entry in said] == [10 * HOUR, 10.1 * HOUR]


def test_an_event_may_be_longer_than_a_day():
    """A congress of three days holds the room throughout, and blocks what lies in the third."""
    said = plan_target(
        wishes(once(1, 10, 72), once(2, 60, 1)), Window(WEEK.start + 2 * DAY, WEEK.stop)
    )
    assert brief(said) == [(1, "clear", None), (2, "blocked", "occupied")]
    assert said[0].claim == (Window(MIDNIGHT + 10 * HOUR, MIDNIGHT + 82 * HOUR),)


@pytest.mark.parametrize("days", [25, 49, 50, 400, 5000])
def test_a_start_far_ahead_stays_far_ahead(days):
    """A start beyond 24.8 days, where 32-bit milliseconds end, is neither due now nor lost."""
    far = once(1, 24 * days, 1)
    assert plan_target(wishes(far), WEEK) == ()
    there = Window(MIDNIGHT + days * DAY, MIDNIGHT + (days + 1) * DAY)
    assert brief(plan_target(wishes(far), there)) == [(1, "clear", None)]


def test_a_conflict_in_a_far_week_blocks_nothing_now():
    """Two series that meet in a month collide there, and only there."""
    monthly, fortnightly = (Recurrence(Frequency.WEEKLY, every=weeks) for weeks in (4, 2))
    said = plan_target(
        wishes(
            at_wall(once(1, 0, 1), "2026-12-01T10", monthly),
            at_wall(once(2, 0, 1), "2026-12-15T10", fortnightly),
        ),
        Window(MIDNIGHT, MIDNIGHT + 40 * DAY),
    )
    blocked = [entry for entry in said if entry.verdict is not Verdict.CLEAR]
    assert len(said) == 4
    assert [entry.occurrence.slot for entry in blocked] == ["2026-12-29T10:00:00"]


def test_what_is_over_blocks_nothing():
    """An old event in the same room has no say in what is booked for later."""
    said = plan_target(wishes(once(1, -48, 24), once(2, -24, 1), once(3, 10, 1)), WEEK)
    assert brief(said) == [(3, "clear", None)]


def test_back_to_back_all_day_long_is_no_conflict():
    """Where each begins when the one before ends, each is clear, in the same second too."""
    said = plan_target(wishes(*(once(n, n, 1) for n in range(1, 24))), WEEK)
    assert {entry.verdict for entry in said} == {Verdict.CLEAR}
    assert len(said) == 23


def test_a_series_that_ends_before_another_begins_is_no_conflict():
    """A quarter of an hour apart, every day for a term: nobody is in anybody's way."""
    said = plan_target(
        wishes(daily(1, "2026-12-01T09", 0.75), daily(2, "2026-12-01T10", 1)),
        Window(MIDNIGHT, MIDNIGHT + 120 * DAY),
    )
    assert worst_verdicts(said) == {1: Verdict.CLEAR, 2: Verdict.CLEAR}


def test_a_second_recording_is_welcome_where_there_is_a_second_input():
    """With two inputs the second of two is clear; the third is told whom it waits for."""
    said = plan_target(
        wishes(*(once(n, 10, 1) for n in (1, 2, 3)), target=replace(ROOM, capacity=2)), WEEK
    )
    assert brief(said) == [(1, "clear", None), (2, "clear", None), (3, "blocked", "occupied")]
    assert [blocker.schedule_id for blocker in said[2].by] == [1, 2]


def test_an_occurrence_that_was_emptied_is_listed_and_holds_nothing():
    """Ended at its start, it has its line, and its hour belongs to the next."""
    emptied = (Override(1, slot(once(1, 10, 1)), stop=MIDNIGHT),)
    said = plan_target(wishes(once(1, 10, 1), once(2, 10, 1), overrides={1: emptied}), WEEK)
    assert brief(said) == [(1, "clear", None), (2, "clear", None)]
    assert [entry.claim for entry in said] == [
        (),
        (Window(MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR),),
    ]


def test_a_final_run_holds_nothing_even_before_its_start():
    """A run that was given up ahead of time leaves its whole window to the next in rank."""
    given_up = Run(
        1,
        ROOM.key,
        "s1",
        Window(MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR),
        1,
        slot(once(1, 10, 1)),
        Status.FINISHED,
        Outcome.SKIPPED,
        finished_at=MIDNIGHT + 9 * HOUR,
    )
    said = plan_target(wishes(once(1, 10, 1), once(2, 10, 1), runs=(given_up,)), WEEK)
    assert [entry.verdict for entry in said] == ["clear", "clear"]
    assert [len(entry.claim) for entry in said] == [0, 1]


def test_what_held_the_room_keeps_its_rank_in_a_look_back():
    """A recording that ran before an older neighbour began is shown as the one that ran."""
    late_comer = once(2, 9, 2, priority=0, created=MIDNIGHT)
    older = once(1, 8.5, 1)
    piece = Window(MIDNIGHT + 9 * HOUR, MIDNIGHT + 11 * HOUR)
    done = Run(
        1,
        ROOM.key,
        "s2",
        piece,
        2,
        slot(late_comer),
        Status.FINISHED,
        Outcome.RECORDED,
        finished_at=piece.stop,
        parts=(Part(1, 0, piece, "t", piece.start, first_data_at=piece.start),),
    )
    said = plan_target(wishes(older, late_comer, runs=(done,)), WEEK)
    assert brief(said) == [(1, "conflict", "occupied"), (2, "clear", None)]


@pytest.mark.parametrize("days_ago", [1, 40, 200])
def test_a_long_chain_is_followed_to_its_beginning(days_ago):
    """Two endless series that overlap all the time get the same claims whatever day is asked."""
    chain = wishes(daily(1, "2026-05-01T00", 24), daily(2, "2026-05-01T12", 24))
    asked = Window(WEEK.start - days_ago * DAY, WEEK.start - (days_ago - 1) * DAY)
    whole = plan_target(chain, Window(datetime(2026, 5, 1, tzinfo=UTC), WEEK.stop))
    inside = tuple(e for e in whole if e.occurrence.window.overlaps(asked))
    assert plan_target(chain, asked) == inside
    assert {entry.verdict for entry in inside} == {Verdict.CONFLICT}


def test_what_ousts_a_rival_weeks_ahead_counts_today():
    """A rival left with half a minute gives it up: who is asked about today holds it already."""
    half_a_minute = 1 / 120
    low = once(1, 0, 720)
    rival = once(2, 720 - half_a_minute, 2, priority=1)
    stronger = once(3, 720, 48, priority=2)
    today, month = Window(MIDNIGHT, MIDNIGHT + DAY), Window(MIDNIGHT, MIDNIGHT + 60 * DAY)
    for rivals, verdict in (((rival,), "conflict"), ((rival, stronger), "clear")):
        booked = wishes(low, *rivals)
        assert plan_target(booked, month)[:1] == plan_target(booked, today)
        assert plan_target(booked, today)[0].verdict == verdict


def test_nothing_booked_is_nothing_planned():
    """A room without schedules has an empty plan."""
    assert plan_target(wishes(), WEEK) == ()


def test_a_schedule_is_as_bad_as_its_worst_occurrence():
    """Blocked beats conflict beats clear, in whatever order they come; suspended says nothing."""
    entry = plan_target(wishes(once(1, 10, 1)), WEEK)[0]
    for verdicts, worst in {
        ("clear", "conflict", "blocked", "conflict"): "blocked",
        ("conflict", "clear", "suspended"): "conflict",
        ("suspended",): "clear",
        ("clear",): "clear",
    }.items():
        entries = [replace(entry, verdict=Verdict(verdict)) for verdict in verdicts]
        assert worst_verdicts(entries) == {1: worst}
