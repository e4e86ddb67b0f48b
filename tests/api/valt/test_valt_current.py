"""Which occurrence VALT's clients are shown, and what counts as recording."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from sample_schedules import LONG_AGO, daily, schedule, utc, wall
from tallyd.api.valt.current import Circumstances, after, current, is_started, records
from tallyd.domain.model import (
    InstantStart,
    Override,
    Part,
    Recurrence,
    Run,
    Schedule,
    Status,
)
from tallyd.domain.recurrence import slots_from
from tallyd.domain.window import Window

NINE = utc("2026-01-05T09:00")
HOUR = timedelta(hours=1)
SERIES = schedule(wall("2026-01-05T09:00"), Recurrence(daily))
SLOT = "2026-01-05T09:00:00"


def known(booked: Schedule = SERIES, *overrides: Override, **more) -> Circumstances:
    """Give circumstances in a room whose days are those of UTC."""
    more = {"holidays": frozenset(), "zone": "UTC"} | more
    return Circumstances(booked, overrides, **more)


def run(**fields) -> Run:
    """Give the run of the first occurrence, which began and has data."""
    window = Window(NINE, NINE + HOUR)
    part = Part(1, 0, window, "t", NINE, first_data_at=NINE)
    begun = Run(1, "rooms.a", "n", window, 7, SLOT, Status.STARTED, parts=(part,))
    return replace(begun, **fields)


def shown_at(minutes: float, circumstances: Circumstances) -> str | None:
    """Give the start of what is shown some minutes after nine."""
    found = current(circumstances, NINE + timedelta(minutes=minutes))
    return None if found is None else f"{found.window.start:%d %H:%M}"


@pytest.mark.parametrize(
    ("minutes", "circumstances", "start"),
    [
        (-60, known(), "05 09:00"),
        (0, known(), "05 09:00"),
        (59, known(), "05 09:00"),
        (60, known(), "06 09:00"),
        (-60, known(SERIES, Override(7, SLOT, excluded=True)), "06 09:00"),
        (30, known(SERIES, Override(7, SLOT, stop=NINE + HOUR / 4)), "06 09:00"),
        (70, known(SERIES, Override(7, SLOT, stop=NINE + 2 * HOUR)), "05 09:00"),
        (-60, known(holidays=frozenset({date(2026, 1, 5)})), "06 09:00"),
        (-60, known(holidays=frozenset({date(2026, 1, 5)}), zone="no/zone"), "06 09:00"),
        (30, known(runs=(run(status=Status.FINISHED),)), "06 09:00"),
        (-60, known(schedule(wall("2026-01-05T09:00", "no/zone"))), "05 09:00"),
        (60, known(schedule(InstantStart(NINE))), None),
        (
            -60,
            known(schedule(InstantStart(NINE)), holidays=frozenset({date(2026, 1, 5)})),
            "05 09:00",
        ),
        (-60, known(replace(SERIES, ended=LONG_AGO)), None),
    ],
)
def test_what_is_shown(minutes, circumstances, start):
    """The running occurrence is shown, else the next one; of holidays alone, the first."""
    assert shown_at(minutes, circumstances) == start


def test_what_follows():
    """After an occurrence comes the next that may start; after the last, none."""
    first, second = (next(slots_from(SERIES, NINE + n * 24 * HOUR)) for n in (0, 1))
    assert after(known(), first, NINE - HOUR) == second
    once = replace(SERIES, recurrence=Recurrence(daily, count=1))
    assert after(known(once), first, NINE - HOUR) is None


@pytest.mark.parametrize(
    ("runs", "paused", "started"),
    [
        ((), False, False),
        ((run(status=Status.PENDING, parts=()),), False, False),
        ((run(status=Status.STARTING, parts=()),), False, False),
        ((run(),), False, True),
        ((run(status=Status.STOPPING),), False, True),
        ((run(status=Status.PENDING),), False, False),
        ((run(status=Status.PENDING),), True, True),
        ((run(status=Status.PENDING, parts=()),), True, False),
        ((run(slot="another"),), False, False),
    ],
)
def test_started(runs, paused, started):
    """A schedule is started while data flows, and while it is paused after that."""
    told = (Override(7, SLOT, paused=True),) if paused else ()
    assert is_started(next(slots_from(SERIES, NINE)), known(SERIES, *told, runs=runs)) is started


@pytest.mark.parametrize(
    ("begun", "override", "minutes", "can_be_stopped"),
    [
        (run(), None, 30, True),
        (run(), None, -1, False),
        (run(), None, 60, False),
        (run(), Override(7, SLOT, stop=NINE + 2 * HOUR), 60, True),
        (run(), Override(7, SLOT, stop=NINE + HOUR / 4), 30, False),
        (run(), Override(7, SLOT, paused=True), 30, True),
        (run(), Override(7, "another", stop=NINE), 30, True),
        (run(status=Status.STARTING, parts=()), None, 30, True),
        (run(status=Status.PENDING), None, 30, True),
        (run(status=Status.PENDING, parts=()), None, 30, False),
        (run(status=Status.FINISHED), None, 30, False),
    ],
)
def test_records(begun, override, minutes, can_be_stopped):
    """What a device was given for can be stopped until it ends; what waits for its room cannot."""
    overrides = () if override is None else (override,)
    assert records(begun, overrides, NINE + timedelta(minutes=minutes)) is can_be_stopped
