"""Expansion against an oracle that shares none of its code, and laws that hold for every rule."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import DAILY, MO, MONTHLY, WEEKLY, rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyd.domain.model import (
    DstGap,
    DstOverlap,
    Frequency,
    Override,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.recurrence import instant_of, local_date, occurrences, slots_from
from tallyd.domain.window import FAR_FUTURE, Window

# Zones with a day near which their clocks, or their calendar, do something.
EDGES = [
    ("UTC", "2026-03-29"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Europe/Dublin", "2026-03-29"),
    ("America/New_York", "2026-11-01"),
    ("America/St_Johns", "2006-04-02"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Sao_Paulo", "2019-02-17"),
    ("America/Santiago", "2026-09-06"),
    ("America/Havana", "2026-11-01"),
    ("America/Caracas", "2007-12-09"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Gaza", "2026-10-24"),
    ("Asia/Tehran", "2022-03-22"),
    ("Asia/Kathmandu", "1986-01-01"),
    ("Asia/Pyongyang", "2018-05-05"),
    ("Africa/El_Aaiun", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Antarctica/Casey", "2020-10-04"),
    ("Antarctica/Troll", "2026-03-29"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Chatham", "2026-09-27"),
    ("Pacific/Kiritimati", "1994-12-31"),
    ("Pacific/Kwajalein", "1969-09-30"),
    ("Pacific/Kwajalein", "1993-08-21"),
]
MIDNIGHT = time()
LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


@st.composite
def rules(draw: st.DrawFn, anchor: date) -> Recurrence:
    """Draw a rule that ends by count, by date or never."""
    frequency = draw(st.sampled_from(Frequency))
    count, until = None, None
    ending = draw(st.sampled_from(["never", "count", "until"]))
    if ending == "count":
        count = draw(st.integers(1, 60))
    elif ending == "until":
        until = anchor + timedelta(days=draw(st.integers(0, 400)))
    return Recurrence(
        frequency,
        every=draw(st.one_of(st.just(1), st.integers(1, 13))),
        weekdays=draw(st.frozensets(st.integers(1, 7)))
        if frequency is Frequency.WEEKLY
        else frozenset(),
        last_day=frequency is Frequency.MONTHLY and draw(st.booleans()),
        count=count,
        until=until,
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, list[Override], Window]:
    """Draw a schedule, its overrides and a period, all near an edge of its zone."""
    zone, edge_text = draw(st.sampled_from(EDGES))
    edge = date.fromisoformat(edge_text)
    anchor = edge - timedelta(days=draw(st.one_of(st.integers(-2, 45), st.integers(0, 1500))))
    clock = draw(
        st.one_of(
            st.sampled_from([time(0), time(0, 30), time(2), time(2, 15), time(2, 30), time(3)]),
            st.times(),
        )
    ).replace(microsecond=0)
    born = _instant_near(draw, anchor, st.integers(-30, 60))
    schedule = Schedule(
        id=1,
        uid="u",
        target="rooms.a",
        name="n",
        start=WallStart(datetime.combine(anchor, clock), zone),
        duration=timedelta(milliseconds=draw(st.integers(1, 31 * 86_400_000))),
        effective_from=draw(st.sampled_from([LONG_AGO, born])),
        created=LONG_AGO,
        recurrence=draw(st.one_of(st.none(), rules(anchor))),
        dst_gap=draw(st.sampled_from(DstGap)),
        dst_overlap=draw(st.sampled_from(DstOverlap)),
        ended=draw(st.one_of(st.none(), st.just(_instant_near(draw, edge, st.integers(-30, 60))))),
    )
    begin = _instant_near(draw, edge, st.integers(-40, 40))
    period = Window(begin, begin + timedelta(hours=draw(st.integers(0, 24 * 40))))
    return schedule, draw(overrides(schedule)), period


@st.composite
def overrides(draw: st.DrawFn, schedule: Schedule) -> list[Override]:
    """Draw ends for some of the first slots: earlier than their start, or far beyond their end."""
    slots = [each.slot for each in itertools.islice(slots_from(schedule, LONG_AGO), 60)]
    chosen = draw(st.sets(st.sampled_from(slots), max_size=4)) if slots else set()
    return [
        Override(
            1,
            slot,
            stop=instant_of(schedule, slot) + timedelta(hours=draw(st.integers(-3, 24 * 60))),
        )
        for slot in sorted(chosen)
    ]


def _instant_near(draw: st.DrawFn, day: date, days: st.SearchStrategy[int]) -> datetime:
    midnight = datetime.combine(day, MIDNIGHT, tzinfo=UTC)
    return midnight + timedelta(days=draw(days), minutes=draw(st.integers(0, 1439)))


def oracle(
    schedule: Schedule, stops: list[Override], period: Window
) -> Iterator[tuple[str, datetime, datetime]]:
    """Expand by brute force from the anchor, with dateutil and zoneinfo."""
    assert isinstance(schedule.start, WallStart)
    zone = ZoneInfo(schedule.start.zone)
    moved = {override.slot: override.stop for override in stops}
    for wall in _walls(schedule, schedule.start.local, zone):
        early = wall.replace(tzinfo=zone, fold=0)
        late = early.replace(fold=1)
        # In a gap, PEP 495 reads fold=0 with the offset before it: that is the shift forward.
        second = schedule.dst_overlap is DstOverlap.SECOND and _is_shown(wall, zone)
        start = (late if second else early).astimezone(UTC)
        if start > period.stop + timedelta(days=2):
            return
        stop = max(start, moved.get(wall.isoformat()) or start + schedule.duration)
        alive = schedule.effective_from <= start < (schedule.ended or FAR_FUTURE)
        if alive and start < period.stop and (stop > period.start or start == period.start):
            yield wall.isoformat(), start, stop


def _walls(schedule: Schedule, local: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    rule = schedule.recurrence
    walls: Iterator[datetime] = iter([local] if rule is None else _rrule(rule, local))
    if schedule.dst_gap is DstGap.SKIP:
        walls = (wall for wall in walls if _is_shown(wall, zone))
    return itertools.islice(walls, rule.count) if rule and rule.count else walls


def _is_shown(wall: datetime, zone: ZoneInfo) -> bool:
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


def _rrule(rule: Recurrence, local: datetime) -> rrule:
    options: dict[str, object] = {}
    if rule.frequency is Frequency.WEEKLY and rule.weekdays:
        options["byweekday"] = [day - 1 for day in rule.weekdays]
    if rule.frequency is Frequency.MONTHLY:
        options["bymonthday"] = -1 if rule.last_day else local.day
    if rule.until is not None:
        options["until"] = datetime.combine(rule.until, time.max)
    frequency = {
        Frequency.DAILY: DAILY,
        Frequency.WEEKLY: WEEKLY,
        Frequency.MONTHLY: MONTHLY,
    }[rule.frequency]
    return rrule(frequency, dtstart=local, interval=rule.every, wkst=MO, **options)


@settings(deadline=None, max_examples=400)
@given(cases())
def test_expansion_agrees_with_an_independent_oracle(case):
    """Two implementations that share no code find the same occurrences, in every zone."""
    schedule, stops, period = case
    found = [
        (each.slot, each.window.start, each.window.stop)
        for each in occurrences(schedule, stops, period)
    ]
    assert found == [*oracle(schedule, stops, period)]


@settings(deadline=None)
@given(cases(), st.floats(0, 1))
def test_a_period_in_two_pieces_shows_the_same(case, share):
    """Reading a plan in pages shows nothing that one page would not, and misses nothing."""
    schedule, stops, period = case
    middle = period.start + period.length * share
    halves = [Window(period.start, middle), Window(middle, period.stop)]
    pages = [[*occurrences(schedule, stops, half)] for half in halves]
    again = {each.slot for each in pages[0]}
    joined = pages[0] + [each for each in pages[1] if each.slot not in again]
    assert joined == [*occurrences(schedule, stops, period)]


@settings(deadline=None)
@given(cases())
def test_a_window_far_on_shows_what_counting_from_the_anchor_would(case):
    """The jump to a period lands where a walk from the first slot arrives."""
    schedule, _, period = case
    reached = itertools.takewhile(
        lambda each: each.window.start < period.stop, slots_from(schedule, LONG_AGO)
    )
    walked = [
        each
        for each in reached
        if each.window.overlaps(period) or each.window.start == period.start
    ]
    assert [*occurrences(schedule, (), period)] == walked


@settings(deadline=None)
@given(cases())
def test_order_identity_and_way_back(case):
    """Starts come in order, no slot comes twice, and each slot leads back to its start."""
    schedule, stops, period = case
    found = [*occurrences(schedule, stops, period)]
    starts = [each.window.start for each in found]
    assert starts == sorted(starts)
    assert len({each.slot for each in found}) == len(found)
    for each in found:
        assert instant_of(schedule, each.slot) == each.window.start


@settings(deadline=None)
@given(cases())
def test_a_clock_on_the_wall_shows_the_slot(case):
    """At the instant of a start, the room's clock shows the booked time, unless it skipped it."""
    schedule, _, period = case
    assert isinstance(schedule.start, WallStart)
    zone = schedule.start.zone
    for each in occurrences(schedule, (), period):
        wall = datetime.fromisoformat(each.slot)
        shown = each.window.start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if _is_shown(wall, ZoneInfo(zone)):
            assert shown == wall
        else:
            assert schedule.dst_gap is DstGap.SHIFT
            assert wall < shown <= wall + timedelta(days=1)
        assert local_date(each.window.start, zone) == shown.date()
