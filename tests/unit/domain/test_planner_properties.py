"""Laws of the plan, for any week of schedules, overrides, exception days, runs and locks."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

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
from tallyd.domain.planner import Planned, Wishes, plan_target
from tallyd.domain.recurrence import in_utc, occurrences
from tallyd.domain.shelf import Shelf
from tallyd.domain.window import MILLISECOND, Window, full_where, subtract

MONDAY = datetime(2026, 10, 19, tzinfo=UTC)  # the clocks of Vienna change on the Sunday after
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WIDE = Window(MONDAY - 60 * DAY, MONDAY + 60 * DAY)
ZONES = ("UTC", "Europe/Vienna", "Europe/Vienna", "Mars/Olympus")

hours = st.integers(0, 167)


@st.composite
def schedules(draw: st.DrawFn, number: int) -> Schedule:
    """Draw a one-shot or a series that begins in that week."""
    start = MONDAY + draw(hours) * HOUR
    rule = draw(st.sampled_from([None, None, Frequency.DAILY, Frequency.WEEKLY]))
    longest = 24 if rule is Frequency.DAILY else 168 if rule else 31 * 24
    length = draw(st.one_of(st.integers(1, 12), st.integers(1, longest)))
    wall = WallStart(start.replace(tzinfo=None), draw(st.sampled_from(ZONES)))
    instant = rule is None and draw(st.booleans())
    return Schedule(
        id=number,
        uid=str(number),
        target="rooms.aula",
        name=f"s{number}",
        start=InstantStart(start) if instant else wall,
        duration=length * HOUR,
        effective_from=MONDAY - DAY,
        created=MONDAY - draw(st.integers(1, 3)) * DAY,
        recurrence=Recurrence(rule, count=draw(st.integers(1, 9))) if rule else None,
        priority=draw(st.integers(-1, 1)),
        ended=draw(st.sampled_from([None, None, None, MONDAY + 5 * DAY])),
    )


@st.composite
def recordings_by_hand(draw: st.DrawFn) -> Schedule:
    """Draw four hours by hand in that week."""
    start = MONDAY + draw(hours) * HOUR
    return Schedule(
        id=99,
        uid="99",
        target="rooms.aula",
        name="by hand",
        start=InstantStart(start),
        duration=4 * HOUR,
        effective_from=start,
        created=start,
        ended=start + MILLISECOND,
        manual=True,
    )


@st.composite
def wishes(draw: st.DrawFn) -> Wishes:
    """Draw all that can decide who holds a room."""
    booked = tuple(draw(schedules(number)) for number in range(1, draw(st.integers(0, 6)) + 1))
    if draw(st.integers(0, 4)) == 0:
        booked += (draw(recordings_by_hand()),)
    target = Target(
        "rooms.aula",
        "Aula",
        1,
        "u",
        "Europe/Vienna",
        capacity=draw(st.sampled_from([1, 1, 2])),
        min_piece=draw(st.sampled_from([0, 1, 3])) * HOUR,
        known=draw(st.sampled_from([True] * 9 + [False])),
        locked_since=draw(st.sampled_from([None, None, None, MONDAY + 3 * DAY, MONDAY + 20 * DAY])),
    )
    bare = Wishes(target, booked)
    found = [(s, o) for s in booked for o in _expanded(s, (), WIDE)]
    overrides: dict[int, tuple[Override, ...]] = {}
    runs: list[Run] = []
    for schedule, occurrence in found:
        if draw(st.integers(0, 4)) == 0:
            override = Override(
                schedule.id,
                occurrence.slot,
                excluded=draw(st.booleans()),
                stop=occurrence.window.start + draw(st.integers(-1, 40)) * HOUR,
            )
            overrides[schedule.id] = (*overrides.get(schedule.id, ()), override)
        if draw(st.integers(0, 4)) == 0:
            runs.append(_run(draw, len(runs) + 1, schedule.id, occurrence.slot, occurrence.window))
    offs = draw(st.sets(st.integers(19, 26), max_size=2))
    days = tuple(ExceptionDay(n, date(2026, 10, day), "off") for n, day in enumerate(offs, 1))
    return replace(bare, overrides=overrides, exception_days=days, runs=tuple(runs))


def _run(draw: st.DrawFn, number: int, schedule_id: int, slot: str, window: Window) -> Run:
    part = Part(1, 0, window, f"t{number}", window.start)
    confirmed = replace(part, first_data_at=window.start)
    parts = draw(st.sampled_from([(), (part,), (confirmed,)]))
    after = draw(st.one_of(st.none(), st.integers(-1, 30)))
    return Run(
        number,
        "rooms.aula",
        "run",
        window,
        schedule_id,
        slot,
        Status.PENDING if after is None else Status.FINISHED,
        None if after is None else Outcome.PARTIAL,
        finished_at=None if after is None else window.start + after * HOUR,
        parts=parts,
    )


def _expanded(schedule: Schedule, overrides: tuple[Override, ...], period: Window):
    unknown = isinstance(schedule.start, WallStart) and schedule.start.zone.startswith("Mars")
    return list(occurrences(in_utc(schedule) if unknown else schedule, overrides, period))


periods = st.tuples(st.integers(-48, 400), st.integers(1, 400)).map(
    lambda pair: Window(MONDAY + pair[0] * HOUR, MONDAY + (pair[0] + pair[1]) * HOUR)
)


@given(wishes(), periods)
def test_every_occurrence_has_exactly_one_verdict(wished, period):
    """Nothing that is due is silently absent from a plan, and nothing is in it twice."""
    due = [
        (occurrence.window, schedule.id, occurrence.slot)
        for schedule in wished.schedules
        for occurrence in _expanded(schedule, wished.overrides.get(schedule.id, ()), period)
    ]
    planned = [(e.occurrence.window, *e.key) for e in plan_target(wished, period)]
    assert sorted(planned) == sorted(due)


@given(wishes(), periods, st.integers(0, 2**32))
def test_a_plan_does_not_depend_on_the_order_of_rows(wished, period, seed):
    """However the database lists its rows, and however often it is asked, the plan is one."""
    random = Random(seed)  # noqa: S311 - shuffles a test
    shuffled = Wishes(
        wished.target,
        _shuffled(wished.schedules, random),
        {
            number: _shuffled(wished.overrides[number], random)
            for number in _shuffled(tuple(wished.overrides), random)
        },
        _shuffled(wished.exception_days, random),
        _shuffled(wished.runs, random),
    )
    assert plan_target(wished, period) == plan_target(wished, period)
    assert plan_target(shuffled, period) == plan_target(wished, period)


def _shuffled(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    return tuple(mixed)


@settings(max_examples=300)
@given(wishes(), periods)
def test_a_plan_from_a_shelf_is_the_plan(wished, period):
    """Where one-shots are looked up by their hour, everything gets the verdict that it had."""
    shelf = Shelf()
    for schedule in wished.schedules:
        shelf.put(schedule, wished.overrides.get(schedule.id, ()))
    shelved = replace(wished, schedules=shelf.standing(), shelf=shelf)
    assert plan_target(shelved, period) == plan_target(wished, period)


@settings(max_examples=300)
@given(wishes(), periods)
def test_a_verdict_does_not_depend_on_the_period_asked_for(wished, period):
    """A report over an hour says of each occurrence what a report over the term says of it."""
    wide = plan_target(wished, WIDE)
    inside = tuple(entry for entry in wide if _in(entry.occurrence.window, period))
    assert plan_target(wished, period) == inside


def _in(window: Window, period: Window) -> bool:
    return window.overlaps(period) or period.holds(window.start)


@given(wishes())
def test_no_room_is_held_by_more_than_it_has_inputs(wished):
    """Whatever ran, was extended or is locked: claims never overlap beyond the capacity."""
    entries = plan_target(wished, WIDE)
    pieces = [piece for entry in entries for piece in entry.claim]
    assert full_where(pieces, wished.target.capacity + 1) == ()
    since = wished.target.locked_since
    assert since is None or all(piece.stop <= since for piece in pieces)


@given(wishes())
def test_a_recording_by_hand_is_cut_by_nothing_but_a_lock(wished):
    """Whatever is booked and at what priority, and also on a day off."""
    for entry in plan_target(wished, WIDE):
        if entry.schedule.manual and entry.verdict is not Verdict.CLEAR:
            locked, known = wished.target.locked_since, wished.target.known
            excluded = entry.reason is Reason.EXCLUDED
            assert (
                excluded
                or not known
                or (locked is not None and locked < entry.occurrence.window.stop)
            )


@given(wishes())
def test_what_is_suspended_takes_no_time_from_others(wished):
    """Without what is suspended the plan of all others is the same."""
    entries = plan_target(wished, WIDE)
    left_out = {e.key for e in entries if e.verdict is Verdict.SUSPENDED}
    alone = [e.schedule.id for e in entries if e.key in left_out]
    gone = {number for number in alone if all(e.key in left_out for e in _of(entries, number))}
    kept = tuple(schedule for schedule in wished.schedules if schedule.id not in gone)
    others = tuple(entry for entry in entries if entry.schedule.id not in gone)
    assert plan_target(replace(wished, schedules=kept), WIDE) == others
    assert not any(entry.claim for entry in entries if entry.key in left_out)


def _of(entries: tuple[Planned, ...], number: int) -> list[Planned]:
    return [entry for entry in entries if entry.schedule.id == number]


COMPETED = frozenset({Reason.OCCUPIED, Reason.LOCKED, Reason.TOO_SHORT})


@given(wishes(), periods)
def test_every_verdict_says_why(wished, period):
    """Clear holds its time; all else names a reason, and who took the time names itself."""
    for entry in plan_target(wished, period):
        parts = set(subtract(entry.occurrence.window, entry.claim))
        if entry.verdict is Verdict.CLEAR:
            assert (entry.reason, entry.by) == (None, ())
        elif entry.verdict is Verdict.SUSPENDED:
            assert entry.reason in {Reason.EXCLUDED, Reason.EXCEPTION_DAY}
        elif entry.reason in COMPETED:
            assert entry.by
            assert parts
            assert bool(entry.claim) is (entry.verdict is Verdict.CONFLICT)
        else:
            assert (entry.verdict, entry.claim) == (Verdict.BLOCKED, ())
            assert entry.reason in {Reason.TARGET_UNKNOWN, Reason.ZONE_UNKNOWN}
