"""Rows 30 and 47 of the fault catalogue: nobody is there for seconds, or for a week.

Every occurrence of that time has its one outcome, with its own cause.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine_rig import VIRTUAL_TIME, Rig, room, two_rooms, unhurried
from process_rig import Processes, processes, until
from tallyd.bookings import Policy
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    EndReason,
    Frequency,
    Outcome,
    Reason,
    Recurrence,
    Run,
    Status,
    Verdict,
    WallStart,
)
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.engine import recovery
from tallyd.reports import Reports
from tallyd.testing.virtual_time import FakeClock

DAY = timedelta(days=1)
WEDNESDAY = datetime(2027, 3, 24, 8, tzinfo=UTC)
"""Four days before Berlin goes to summer time."""

OFF = WEDNESDAY + timedelta(days=1, hours=2, minutes=20)
ON = OFF + timedelta(days=7, minutes=30)
BERLIN = "Europe/Berlin"


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run every test here on virtual time."""
    return VIRTUAL_TIME


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let days pass in a second."""
    unhurried(monkeypatch)


# Row 30

TWO_ROOMS = """
[rooms.long]
driver = "simulated"
[rooms.short]
driver = "simulated"
"""
BEGINS_IN_S = 4.0
SHORT_S = 2.0
ASLEEP_S = 3.5
HASTY = """
from tallyd.engine import past, trust
past.ASLEEP_AFTER_S, trust.LOOK_AGAIN_S = 2.5, 1.0
"""
PUNCTUAL_ONLY = """
from datetime import timedelta
from tallyd.engine import launches
launches.worth_starting = lambda entry, piece, now, least: now < piece.start + timedelta(seconds=1)
"""


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Processes]:
    """Give an installation with two rooms."""
    with processes(tmp_path, TWO_ROOMS) as made:
        yield made


def sleep_over_two_starts(place: Processes, broken: str = "") -> tuple[int, int]:
    """Let a daemon sleep while a booking of minutes begins, and one of seconds begins and ends."""
    place.start(HASTY + broken)
    begins = datetime.now(UTC) + timedelta(seconds=BEGINS_IN_S)
    long = place.book_here("long", begins, timedelta(minutes=10))
    short = place.book_here("short", begins, timedelta(seconds=SHORT_S))
    until(lambda: place.said("plan.changed", targets=["rooms.short"]))
    place.signal(signal.SIGSTOP)
    time.sleep((begins - datetime.now(UTC)).total_seconds() + ASLEEP_S)
    place.signal(signal.SIGCONT)
    until(lambda: place.said("run.finished", schedule_id=short))
    return long, short


def test_row_30_what_began_in_a_sleep_is_recorded_from_its_end_on(place: Processes) -> None:
    """Row 30: one start, late, and loudly; what was over by then is missed for that reason."""
    long, short = sleep_over_two_starts(place)
    until(lambda: place.said("run.started", schedule_id=long))
    assert len(place.said("run.starting")) == 1
    missed = place.run_of(short)
    assert (missed["outcome"], missed["reason"]) == ("missed", "daemon_down")


def test_row_30_control_who_starts_on_time_or_never_records_nothing(place: Processes) -> None:
    """Row 30, control: a scheduler that lets a late start pass loses the whole recording."""
    long, _ = sleep_over_two_starts(place, PUNCTUAL_ONLY)
    other = place.book_here("short", datetime.now(UTC) + timedelta(seconds=2), timedelta(minutes=1))
    until(lambda: place.said("run.started", schedule_id=other))
    assert place.said("run.started", schedule_id=long) == []


# Row 47

EVERY_HOUR = range(24)


async def daily(
    rig: Rig, target: str, name: str, local: datetime, minutes: int, **more: Any
) -> int:
    """Book a series of a room, in Berlin's time, and give its id."""
    rule = more.pop("rule", Recurrence(Frequency.DAILY))
    made = await rig.bookings.add(
        lambda _now: Draft(
            target=target,
            name=name,
            start=WallStart(local, BERLIN),
            duration=timedelta(minutes=minutes),
            recurrence=rule,
            **more,
        ),
        Policy.REPORT,
    )
    assert made.after is not None
    return made.after.id


async def ledger(rig: Rig) -> list[Run]:
    """Give every row, in order of its start."""
    async with rig.store.read() as reader:
        return sorted(await reader.runs(), key=lambda run: (run.planned.start, run.id))


async def six_weeks_off(rig: Rig) -> list[Run]:
    """Miss a thousand recordings of an hourly series in one room, and two of another's; boot."""
    for hour in EVERY_HOUR:
        local = datetime(2027, 3, 24, hour)  # noqa: DTZ001 - wall time
        await daily(rig, "rooms.a", f"hour {hour}", local, 40)
    for name, priority in (("rector", 10), ("lecture", 0)):
        await daily(rig, "rooms.b", name, datetime(2027, 3, 24, 11, 30), 60, priority=priority)  # noqa: DTZ001
    async with rig.until_the_power_goes():
        await rig.clock.sleep(3600)
    rig.boot_at(
        WEDNESDAY + 42 * DAY + timedelta(hours=2, minutes=10), trusted_until=rig.clock.now()
    )
    async with rig.running():
        await rig.clock.sleep(30)
        return await ledger(rig)


@pytest.fixture(name="rig")
async def _rig() -> Rig:
    """Give two rooms, from a Wednesday morning on."""
    return await two_rooms(FakeClock(WEDNESDAY))


async def test_row_47_of_a_thousand_missed_only_what_still_runs_is_started(rig: Rig) -> None:
    """Row 47: one start in each room, by priority; each of the others has one row, and says why."""
    before = rig.clock.now()
    runs = await six_weeks_off(rig)
    keys = Counter((run.schedule_id, run.slot) for run in runs)
    assert max(keys.values()) == 1
    off = [run for run in runs if before + timedelta(hours=1) < run.planned.start < rig.off_until]
    missed = [run for run in off if run.outcome is not None]
    assert len(missed) > 1_000
    told = Counter((run.outcome, run.reason) for run in missed)
    assert told.keys() == {
        (Outcome.MISSED, Reason.POWER_OFF),
        (Outcome.BLOCKED, Reason.OCCUPIED),
    }
    # The lecture of each day, and once the hour that two o'clock was moved to.
    assert told[Outcome.BLOCKED, Reason.OCCUPIED] == 42 + 1
    started = {run.name: run.status for run in off if run.outcome is None}
    assert started == {
        "hour 12": Status.STARTED,
        "rector": Status.STARTED,
        "lecture": Status.PENDING,
    }
    latest = [line for line in rig.log.of("run.starting") if line["start"] >= rig.off_until - DAY]
    assert sorted(str(line["name"]) for line in latest) == ["hour 12", "rector"]


async def test_row_47_control_who_looks_only_ahead_explains_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 47, control: a ledger that does not go back to where it ended has no such rows."""
    monkeypatch.setattr(recovery, "due_runs", lambda *_: ())
    runs = await six_weeks_off(rig)
    assert len(runs) < 100


# A week without power


async def book_a_week(rig: Rig) -> None:
    """Book four rooms: what is blocked, cut, left out, on a day off, monthly, at odd hours."""

    def local(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2027, 3, day, hour, minute)  # noqa: DTZ001 - wall time

    weekly = Recurrence(Frequency.WEEKLY, weekdays=frozenset({1, 3, 5}))
    monthly = Recurrence(Frequency.MONTHLY, last_day=True)
    await daily(rig, "rooms.a", "lecture", local(24, 10), 90)
    await daily(rig, "rooms.a", "rival", local(24, 10, 30), 60)
    await daily(rig, "rooms.a", "cut", local(24, 11), 90, rule=weekly)
    left_out = await daily(rig, "rooms.b", "seminar", local(24, 14), 60)
    await rig.bookings.skip(left_out, "2027-03-27")
    await daily(rig, "rooms.b", "night", local(24, 2, 30), 30)
    await daily(rig, "rooms.b", "month's end", local(24, 20), 60, rule=monthly)
    await daily(rig, "rooms.c", "rehearsal", local(24, 11), 5 * 60)
    await rig.bookings.add_exception_day(date(2027, 3, 26), "Good Friday", None)
    await rig.bookings.add_exception_day(date(2027, 3, 29), "Easter Monday", "rooms.c")
    await rig.bookings.add(
        lambda _now: Draft("rooms.d", "retreat", WallStart(local(24, 12), BERLIN), 8 * DAY)
    )


def told(entry: Planned) -> set[tuple[Outcome, Reason]]:
    """Give what is to be told of an occurrence of a week without power."""
    assert entry.reason is not None or entry.verdict is Verdict.CLEAR
    match entry.verdict:
        case Verdict.SUSPENDED:
            return {(Outcome.SKIPPED, entry.reason or Reason.OPERATOR)}
        case Verdict.BLOCKED:
            return {(Outcome.BLOCKED, Reason.OCCUPIED)}
        case _:
            return {(Outcome.MISSED, Reason.POWER_OFF)}


Week = tuple[list[Planned], dict[tuple[int | None, str | None], Run]]
"""What was planned of a week, and the rows of the ledger afterwards."""


async def a_week_off(rig: Rig) -> Week:
    """Record for a day, lose the power for a week, boot; gives the plan of before, and the rows."""
    await rig.configure(*(room(f"rooms.{name}") for name in "abcd"))
    for name in "abcd":
        rig.device(f"rooms.{name}")
    await book_a_week(rig)
    async with rig.until_the_power_goes():
        await rig.clock.sleep_until(OFF)
    planned = await Reports(rig.store, rig.clock).plan(Window(OFF, ON))
    rig.boot_at(ON, trusted_until=OFF)
    async with rig.running():
        await rig.clock.sleep(6 * 3_600)
        runs = await ledger(rig)
    assert len({(run.schedule_id, run.slot) for run in runs}) == len(runs)
    return [*planned], {(run.schedule_id, run.slot): run for run in runs}


@pytest.fixture(scope="module")
def week() -> Week:
    """Live through that week, once for all who look at what became of it."""

    async def live() -> Week:
        return await a_week_off(await two_rooms(FakeClock(WEDNESDAY)))

    _, options = VIRTUAL_TIME
    with pytest.MonkeyPatch.context() as patch:
        unhurried(patch)
        return anyio.run(live, backend_options=options)


def test_row_47_every_occurrence_of_a_week_without_power_is_explained(week: Week) -> None:
    """Row 47: blocked, cut, left out, a day off, monthly, at an hour that is not: each its own."""
    planned, runs = week
    over = [
        e for e in planned if e.occurrence.window.start >= OFF and e.occurrence.window.stop < ON
    ]
    assert {entry.verdict for entry in over} == set(Verdict)
    assert {entry.schedule.name for entry in over} >= {"rival", "cut", "night", "month's end"}
    wrong = [
        (entry.schedule.name, entry.occurrence.slot, run.outcome, run.reason)
        for entry in over
        if ((run := runs[entry.key]).outcome, run.reason) not in told(entry)
    ]
    assert wrong == []
    assert all(runs[entry.key].sentence for entry in over)


def test_row_47_what_the_power_cut_goes_on_and_says_so(week: Week) -> None:
    """Row 47: a recording of eight days has a part before and one after, and says what it lacks."""
    planned, runs = week
    (retreat,) = (runs[entry.key] for entry in planned if entry.schedule.name == "retreat")
    assert [part.end for part in retreat.parts] == [EndReason.POWER_OFF, EndReason.PLANNED]
    assert (retreat.outcome, retreat.reason) == (Outcome.PARTIAL, Reason.POWER_OFF)
    assert retreat.parts[1].first_data_at is not None
    assert retreat.parts[1].first_data_at - ON < timedelta(seconds=2)
    cut = [run for run in runs.values() if run.planned.holds(OFF) and run.name == "lecture"]
    assert [(run.outcome, run.reason) for run in cut] == [(Outcome.PARTIAL, Reason.POWER_OFF)]
    assert cut[0].sentence is not None
    assert cut[0].sentence.endswith("the appliance was off.")
    late = [run for run in runs.values() if run.planned.holds(ON) and run.name == "rehearsal"]
    assert [(run.outcome, run.reason) for run in late] == [(Outcome.PARTIAL, Reason.POWER_OFF)]


@pytest.mark.full_set
async def test_row_47_control_who_stops_the_watermark_at_the_boot_explains_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 47, control: a ledger that begins anew at each boot has nothing of that week."""
    monkeypatch.setattr(recovery, "due_runs", lambda *_: ())
    planned, runs = await a_week_off(rig)
    over = [
        e for e in planned if e.occurrence.window.start >= OFF and e.occurrence.window.stop < ON
    ]
    assert [entry for entry in over if entry.key not in runs]
