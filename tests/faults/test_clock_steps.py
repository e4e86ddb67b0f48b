"""Rows 23 to 26 of the fault catalogue: a boot without the time, and a clock that is set."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_rig import VIRTUAL_TIME, Rig, room, two_rooms, unhurried
from tallyd.domain.drafts import Draft
from tallyd.domain.health import ClockHealth
from tallyd.domain.model import (
    EndReason,
    Frequency,
    Outcome,
    Reason,
    Recurrence,
    Run,
    Schedule,
    Status,
    WallStart,
)
from tallyd.engine import bookkeeping, trust
from tallyd.engine.launches import Launches
from tallyd.ports.drivers import Observation, StartOrder
from tallyd.ports.store import Reader
from tallyd.testing.virtual_time import START

FULL = os.environ.get("FULL_FAULTS") == "1"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOWHEN = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run every test here on virtual time."""
    return VIRTUAL_TIME


@pytest.fixture(name="rig")
async def _rig() -> Rig:
    """Give two rooms with prompt devices, and no time server."""
    rig = await two_rooms()
    rig.clock.keeps_right = None
    return rig


async def series(rig: Rig, name: str, local: str, length: timedelta, **more: Any) -> Schedule:
    """Book a daily series in UTC."""
    made = await rig.bookings.add(
        lambda _now: Draft(
            target=more.pop("target", "rooms.a"),
            name=name,
            start=WallStart(datetime.fromisoformat(local), "UTC"),
            duration=length,
            recurrence=Recurrence(Frequency.DAILY),
            **more,
        )
    )
    assert made.after is not None
    return made.after


async def runs_of(rig: Rig, schedule: Schedule) -> list[Run]:
    """Give all runs of a schedule, in order of their start."""
    async with rig.store.read() as reader:
        found = [run for run in await reader.runs() if run.schedule_id == schedule.id]
    return sorted(found, key=lambda run: run.planned.start)


def told(rig: Rig, *names: str) -> list[str]:
    """Give the events that were said, of these names, in order."""
    return [name for name, _ in rig.log.events if name in names]


def started_by(rig: Rig, schedule: Schedule) -> list[dict[str, object]]:
    """Give the lines that tell of starts of a schedule."""
    return [line for line in rig.log.of("run.started") if line["schedule_id"] == schedule.id]


async def boot_without_the_time(rig: Rig, shows: datetime) -> tuple[Schedule, Schedule, list[str]]:
    """Record for a while, lose the power for three days, and boot with a clock that shows this.

    The next booking is made by the wrong clock; after half an hour of it somebody sets it. Gives
    the daily series, that booking, and what was said by the wrong clock.
    """
    daily = await series(rig, "daily", "2026-12-01T09:00", 2 * HOUR)
    async with rig.until_the_power_goes():
        await rig.until(90 * 60)
    was_at = rig.clock.now()
    rig.boot_at(shows, trusted_until=was_at)
    begun = len(rig.log.events)
    async with rig.running():
        await rig.clock.sleep(10)
        wrongly = await rig.book("by the wrong clock", (shows - START).total_seconds() + 60, 600)
        await rig.clock.sleep(1790)
        said = [name for name, _ in rig.log.events[begun:]]
        rig.clock.step(was_at + 3 * DAY - rig.clock.now())
        await rig.clock.sleep(3 * 3600)
    return daily, wrongly, said


WRONG = [
    pytest.param(NOWHEN, id="1970"),
    pytest.param(START + timedelta(minutes=50), id="shortly before the power went"),
]


@pytest.mark.parametrize("shows", WRONG)
async def test_row_23_a_boot_without_the_time_does_nothing_until_it_is_right(
    rig: Rig, shows: datetime
) -> None:
    """Row 23: nothing starts, nothing is judged; then what still runs starts, the rest is told."""
    daily, wrongly, said = await boot_without_the_time(rig, shows)
    assert not {"run.starting", "run.started", "run.finished"} & {*said}
    assert told(rig, "clock.doubted", "clock.trusted") == ["clock.doubted", "clock.trusted"]
    first, *off, today = await runs_of(rig, daily)
    assert (first.outcome, first.reason) == (Outcome.PARTIAL, Reason.POWER_OFF)
    assert first.parts[0].end is EndReason.POWER_OFF
    assert [(run.outcome, run.reason) for run in off] == [(Outcome.MISSED, Reason.POWER_OFF)] * 2
    assert (today.outcome, today.reason) == (Outcome.PARTIAL, Reason.CLOCK)
    assert today.sentence is not None
    assert today.sentence.startswith("Recorded 1 h 30 min")
    assert started_by(rig, wrongly) == []


@pytest.mark.parametrize("shows", WRONG)
async def test_row_23_control_who_trusts_any_clock_records_by_a_wrong_one(
    rig: Rig, shows: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 23, control: with every clock trusted, what was booked by a wrong one is recorded."""
    monkeypatch.setattr(trust, "judge_clock", lambda *_args, **_more: ClockHealth())
    _, wrongly, _ = await boot_without_the_time(rig, shows)
    assert len(started_by(rig, wrongly)) == 1


async def an_hour_ahead(rig: Rig, back_after_s: float) -> tuple[Run, Run]:
    """Set the clock an hour ahead in a recording of two, over another booking, and back again."""
    lecture = await rig.book("lecture", 600, 7200)
    talk = await rig.book("talk", 1800, 600, target="rooms.b")
    async with rig.running():
        await rig.until(1200)
        rig.clock.step(HOUR)
        await rig.clock.sleep(back_after_s)
        rig.clock.step(-HOUR)
        await rig.until(8000)
    return await rig.run_of(lecture), await rig.run_of(talk)


async def test_row_24_an_hour_ahead_ends_by_the_wall_and_starts_nothing_twice(rig: Rig) -> None:
    """Row 24: the recording goes on to its end on the wall, in one part, and it is told."""
    lecture = await rig.book("lecture", 600, 7200)
    async with rig.running():
        await rig.until(1200)
        rig.clock.step(HOUR)
        await rig.until(9000)
    run = await rig.run_of(lecture)
    (part,) = run.parts
    assert part.stopped_at is not None
    assert abs(part.stopped_at - run.planned.stop) < timedelta(seconds=1)
    assert run.status is Status.FINISHED
    (line,) = rig.log.of("alarm.clock_stepped")
    assert line["by_ms"] == 3_600_000


async def test_row_24_a_mistake_that_is_mended_within_the_minute_costs_nothing(rig: Rig) -> None:
    """Row 24: what an hour ahead passed over is not called missed for a minute, and is recorded."""
    runs = await an_hour_ahead(rig, 50)
    assert [run.outcome for run in runs] == [Outcome.RECORDED] * 2
    assert {line["outcome"] for line in rig.log.of("run.finished")} == {Outcome.RECORDED}


async def test_row_24_control_who_judges_at_once_calls_missed_what_is_recorded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 24, control: without that minute a lecture is reported as missed that lies ahead."""
    monkeypatch.setattr(trust, "SETTLES_WITHIN_S", 0.0)
    await an_hour_ahead(rig, 50)
    assert Outcome.MISSED in {line["outcome"] for line in rig.log.of("run.finished")}


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let days pass in a second."""
    unhurried(monkeypatch)


async def recorded_twice(rig: Rig, back: timedelta, days: int) -> bool:
    """Record a series for some days, go back, go through them again; tells whether it did too."""
    daily = await series(rig, "daily", "2026-12-01T09:00", HOUR)
    async with rig.running():
        await rig.clock.sleep_until(START + days * DAY)
        before = await runs_of(rig, daily)
        rig.clock.step(-back)
        await rig.clock.sleep_until(START + days * DAY)
        after = await runs_of(rig, daily)
    assert {run.outcome for run in before} == {Outcome.RECORDED}
    starts = [line["slot"] for line in rig.log.of("run.starting")]
    return len(starts) != len({*starts}) or after != before


@pytest.mark.parametrize(
    ("back", "days"),
    [
        (2 * HOUR, 1),
        (2 * DAY, 3),
        pytest.param(3 * DAY, 4, marks=pytest.mark.full_set),
        pytest.param(20 * DAY, 4, marks=pytest.mark.full_set),
    ],
)
async def test_row_25_what_was_recorded_is_not_made_again_when_the_clock_goes_back(
    rig: Rig, back: timedelta, days: int
) -> None:
    """Row 25: hours or days that come twice are recorded once, and the ledger stays as it was."""
    rig.clock.keeps_right = True
    assert not await recorded_twice(rig, back, days)


async def test_row_25_control_who_forgets_the_ledger_records_twice(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 25, control: who does not read what is final makes it again, over the old rows."""

    async def unfinished(reader: Reader, _now: datetime) -> tuple[Run, ...]:
        return await reader.unfinished_runs()

    monkeypatch.setattr(bookkeeping, "rows_of_present", unfinished)
    assert await recorded_twice(rig, 2 * DAY, 3)


def starts_around_a_step(step_s: float, at_s: float, capacity: int = 1) -> tuple[int, Run]:
    """Set the clock by so much, so long after a planned start; gives how often it was started."""

    async def live() -> tuple[int, Run]:
        rig = await two_rooms()
        await rig.configure(room("rooms.a", capacity=capacity), room("rooms.b"))
        device = rig.device("rooms.a", inputs=capacity)
        commands: list[StartOrder] = []
        start = device.start

        async def counted(order: StartOrder) -> Observation:
            commands.append(order)
            return await start(order)

        device.start = counted
        lecture = await rig.book("lecture", 600, 120)
        async with rig.running():
            await rig.until(600 + at_s)
            rig.clock.step(timedelta(seconds=step_s))
            await rig.clock.sleep(300)
        return len(commands), await rig.run_of(lecture)

    _, options = VIRTUAL_TIME
    return anyio.run(live, backend_options=options)


@settings(max_examples=500 if FULL else 30)
@given(step_s=st.floats(-1.0, 1.0), at_s=st.floats(-1.5, 1.5))
def test_row_26_a_step_at_a_boundary_makes_exactly_one_start(step_s: float, at_s: float) -> None:
    """Row 26: a time server that corrects half a second where something starts changes nothing."""
    count, run = starts_around_a_step(step_s, at_s)
    assert count == 1
    assert run.outcome is Outcome.RECORDED
    assert len(run.parts) == 1


def test_row_26_control_who_goes_by_the_clock_alone_starts_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Row 26, control: whoever does not remember what was started makes it again."""
    monkeypatch.setattr(Launches, "_waits", lambda _self, _run: True)
    count, _ = starts_around_a_step(-0.8, 0.3, capacity=2)
    assert count > 1
