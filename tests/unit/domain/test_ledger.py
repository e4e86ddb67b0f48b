"""Which rows the ledger must have, for any way of cutting time into periods."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.ledger import due_runs
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Override,
    Recurrence,
    Run,
    Schedule,
    Status,
    WallStart,
)
from tallyd.domain.window import Window

DAY_ONE = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DAILY = Schedule(
    id=1,
    uid="a",
    target="rooms.aula",
    name="Lecture",
    start=WallStart(datetime(2026, 12, 1, 9), "UTC"),  # noqa: DTZ001 - a wall time
    duration=2 * HOUR,
    effective_from=DAY_ONE,
    created=DAY_ONE,
    recurrence=Recurrence(Frequency.DAILY),
)
ONCE = replace(DAILY, id=2, start=InstantStart(DAY_ONE + 10 * HOUR), recurrence=None)


def rows(schedule: Schedule, start: datetime, stop: datetime, *overrides: Override) -> list[Run]:
    """Give the rows for what starts in a period."""
    return list(due_runs((schedule,), {schedule.id: overrides}, Window(start, stop)))


def test_a_row_is_pending_and_tells_what_is_planned():
    """The row that is written ahead of a start is the whole intent of that start."""
    (row,) = rows(ONCE, DAY_ONE, DAY_ONE + DAY)
    start = DAY_ONE + 10 * HOUR
    assert row == Run(
        id=0,
        target="rooms.aula",
        name="Lecture",
        planned=Window(start, start + 2 * HOUR),
        schedule_id=2,
        slot=f"@{int(start.timestamp()) * 1000}",
        status=Status.PENDING,
    )


@pytest.mark.parametrize(
    ("start", "stop", "days"),
    [
        (9 * HOUR, 9 * HOUR + timedelta(milliseconds=1), [1]),
        (9 * HOUR + timedelta(milliseconds=1), DAY + 9 * HOUR, []),
        (0 * HOUR, 9 * HOUR, []),
        (10 * HOUR, 3 * DAY, [2, 3]),
        (-30 * DAY, DAY, [1]),
    ],
)
def test_only_what_starts_in_the_period_gets_a_row(start, stop, days):
    """What merely runs into a period has its row from the period in which it started."""
    found = rows(DAILY, DAY_ONE + start, DAY_ONE + stop)
    assert [run.planned.start.day for run in found] == days


@pytest.mark.parametrize(
    ("changed", "days"),
    [
        (replace(DAILY, effective_from=DAY_ONE + DAY + 9 * HOUR), [2, 3]),
        (replace(DAILY, effective_from=DAY_ONE + DAY + 10 * HOUR), [3]),
        (replace(DAILY, ended=DAY_ONE + DAY + 9 * HOUR), [1]),
        (replace(DAILY, ended=DAY_ONE + DAY + 10 * HOUR), [1, 2]),
        (replace(DAILY, recurrence=Recurrence(Frequency.DAILY, count=2)), [1, 2]),
        (replace(DAILY, recurrence=Recurrence(Frequency.DAILY, until=date(2026, 12, 1))), [1]),
        (replace(DAILY, start=WallStart(DAILY.start.local, "Mars/Olympus")), [1, 2, 3]),
    ],
)
def test_rows_follow_the_life_of_a_schedule(changed, days):
    """Nothing is owed before a schedule took effect nor after its end; no zone hides a start."""
    assert [run.planned.start.day for run in rows(changed, DAY_ONE, DAY_ONE + 3 * DAY)] == days


def test_what_is_left_out_gets_a_row_all_the_same():
    """Excluded, shortened and emptied occurrences fell due too, and will be explained."""
    overrides = (
        Override(1, "2026-12-01T09:00:00", excluded=True),
        Override(1, "2026-12-02T09:00:00", stop=DAY_ONE + DAY + 10 * HOUR),
        Override(1, "2026-12-03T09:00:00", stop=DAY_ONE),
    )
    found = rows(DAILY, DAY_ONE, DAY_ONE + 3 * DAY, *overrides)
    assert [run.planned.length for run in found] == [2 * HOUR, HOUR, 0 * HOUR]


hours = st.integers(-30, 200).map(lambda hour: DAY_ONE + hour * HOUR)


@given(st.lists(hours, min_size=2, max_size=8), st.sampled_from([1, 2, 24, 30]))
def test_any_split_of_a_period_gives_the_same_rows(cuts, length):
    """However often the daemon looks, each start gets one row: none twice, none forgotten."""
    schedule = replace(DAILY, duration=length * HOUR)
    edges = sorted(cuts)
    overrides = (Override(1, "2026-12-04T09:00:00", stop=DAY_ONE + 5 * DAY),)
    pieces = [
        run for start, stop in pairwise(edges) for run in rows(schedule, start, stop, *overrides)
    ]
    assert pieces == rows(schedule, edges[0], edges[-1], *overrides)
