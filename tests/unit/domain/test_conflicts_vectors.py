"""Who records what, worked out by hand: the cases that operators argue about."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.model import (
    CHANNEL_MIN_PIECE,
    MANUAL_SLOT,
    InstantStart,
    Outcome,
    Part,
    Run,
    Schedule,
    Status,
    Target,
)
from tallyd.domain.planner import Wishes, plan_target
from tallyd.domain.window import MILLISECOND, Window

DAY = datetime(2026, 12, 1, tzinfo=UTC)
ROOM = Target("rooms.aula", "Aula", 1, "u", "UTC")
IDS = {name: number for number, name in enumerate("ABCDEFGH", 1)}
LETTERS = {number: name for name, number in IDS.items()}


def clock(text: str) -> datetime:
    """Read a time of the day: 10, 10:30 or 10:30:59."""
    hours, minutes, seconds = [*map(int, text.split(":")), 0, 0][:3]
    return DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)


def span(text: str) -> Window:
    """Read a window such as 10-11:30."""
    return Window(*map(clock, text.split("-")))


@dataclass(frozen=True)
class Case:
    """Bookings `A 10-11 +1` (+1 is the priority), oldest first, and what is said of each."""

    booked: str
    said: str
    target: Target = ROOM
    runs: tuple[Run, ...] = ()
    by_hand: tuple[Schedule, ...] = ()


def booked(text: str, age: int) -> Schedule:
    """Read one booking; the older the higher its age."""
    name, window, *priority = text.split()
    return Schedule(
        id=IDS[name],
        uid=name,
        target=ROOM.key,
        name=name,
        start=InstantStart(span(window).start),
        duration=span(window).length,
        effective_from=DAY,
        created=DAY - timedelta(days=age),
        priority=int(*priority) if priority else 0,
    )


def said(case: Case) -> str:
    """Give the plan as text: name, verdict, claim, blockers, reason."""
    texts = case.booked.split(", ")
    schedules = tuple(booked(text, len(texts) - place) for place, text in enumerate(texts))
    plan = plan_target(
        Wishes(case.target, (*schedules, *case.by_hand), runs=case.runs),
        Window(DAY, DAY + timedelta(days=1)),
    )
    entries = sorted(plan, key=lambda entry: entry.schedule.id)
    return ", ".join(
        " ".join(
            [
                entry.schedule.name,
                entry.verdict,
                *(_spell(piece) for piece in entry.claim),
                *(f"by {_who(b.schedule_id, b.run_id)} {_spell(b.window)}" for b in entry.by),
                *([entry.reason] if entry.reason else []),
            ]
        )
        for entry in entries
    )


def _who(schedule_id: int | None, run_id: int | None) -> str:
    if schedule_id is not None:
        return LETTERS[schedule_id]
    return "lock" if run_id is None else f"run {run_id}"


def _spell(window: Window) -> str:
    def of(instant: datetime) -> str:
        return "..." if instant.year > 2026 else f"{instant:%H:%M:%S}".removesuffix(":00")

    return f"{of(window.start)}-{of(window.stop)}"


def run(name: str, window: str, *, confirmed: bool = True, finished: str | None = None) -> Run:
    """Give the run of a schedule that records, or has ended for good."""
    planned = span(window)
    part = Part(1, 0, planned, "t", planned.start, first_data_at=planned.start)
    return Run(
        id=IDS[name],
        target=ROOM.key,
        name=name,
        planned=planned,
        schedule_id=IDS[name],
        slot=f"@{round(planned.start.timestamp() * 1000)}",
        status=Status.FINISHED if finished else Status.STARTED,
        outcome=Outcome.FAILED if finished else None,
        finished_at=clock(finished) if finished else None,
        parts=(part,) if confirmed else (),
    )


BY_HAND = replace(booked("H 10-14", 0), manual=True, ended=clock("10") + MILLISECOND)
BY_HAND_RUN = replace(run("H", "10-14"), id=9, slot=MANUAL_SLOT)

CASES = {
    "inside another": Case(
        "A 10-11, B 10:15-10:45",
        "A clear 10:00-11:00, B blocked by A 10:15-10:45 occupied",
    ),
    "over the end of another": Case(
        "A 10-11, C 10:30-11:30",
        "A clear 10:00-11:00, C conflict 11:00-11:30 by A 10:30-11:00 occupied",
    ),
    "the same hour: the younger is blocked": Case(
        "A 10-11, D 10-11", "A clear 10:00-11:00, D blocked by A 10:00-11:00 occupied"
    ),
    "the same hour, the other way round": Case(
        "D 10-11, A 10-11", "A blocked by D 10:00-11:00 occupied, D clear 10:00-11:00"
    ),
    "the same start: the shorter is older": Case(
        "A 10-10:30, E 10-11",
        "A clear 10:00-10:30, E conflict 10:30-11:00 by A 10:00-10:30 occupied",
    ),
    "the same start: the longer is older": Case(
        "E 10-11, A 10-10:30", "A blocked by E 10:00-10:30 occupied, E clear 10:00-11:00"
    ),
    "a higher priority in the middle": Case(
        "A 10-11, F 10:20-10:30 +1",
        "A conflict 10:00-10:20 10:30-11:00 by F 10:20-10:30 occupied, F clear 10:20-10:30",
    ),
    "a higher priority goes before what runs": Case(
        "A 10-11, F 10:20-10:30 +1",
        "A conflict 10:00-10:20 10:30-11:00 by F 10:20-10:30 occupied, F clear 10:20-10:30",
        runs=(run("A", "10-11"),),
    ),
    "the same priority does not go before what runs": Case(
        "A 10-11, B 09:30-10:30",
        "A clear 10:00-11:00, B conflict 09:30-10:00 by A 10:00-10:30 occupied",
        runs=(run("A", "10-11"),),
    ),
    "what runs but was never confirmed has no privilege": Case(
        "A 10-11, B 09:30-10:30",
        "A conflict 10:30-11:00 by B 10:00-10:30 occupied, B clear 09:30-10:30",
        runs=(run("A", "10-11", confirmed=False),),
    ),
    "one that failed for good leaves the rest to the next": Case(
        "A 10-11, B 10-11",
        "A clear 10:00-10:05, B conflict 10:05-11:00 by A 10:00-10:05 occupied",
        runs=(run("A", "10-11", finished="10:05"),),
    ),
    "back to back": Case("A 10-11, B 11-12", "A clear 10:00-11:00, B clear 11:00-12:00"),
    "blocked by two, named in order": Case(
        "A 10-11, B 11-12, C 10:30-11:30 -1",
        "A clear 10:00-11:00, B clear 11:00-12:00, "
        "C blocked by A 10:30-11:00 by B 11:00-11:30 occupied",
    ),
    "a chain: each gives way to the one that starts before it": Case(
        "A 10-11, B 11-12, C 10:30-11:30",
        "A clear 10:00-11:00, B conflict 11:30-12:00 by C 11:00-11:30 occupied, "
        "C conflict 11:00-11:30 by A 10:30-11:00 occupied",
    ),
    "a rest too short is left to the next": Case(
        "A 10-11, B 10:30-11:00:59, C 10:45-11:30",
        "A clear 10:00-11:00, B blocked by A 10:30-11:00 too_short, "
        "C conflict 11:00-11:30 by A 10:45-11:00 occupied",
    ),
    "a rest of a minute is worth it": Case(
        "A 10-11, B 10:30-11:01",
        "A clear 10:00-11:00, B conflict 11:00-11:01 by A 10:30-11:00 occupied",
    ),
    "half of a short window is worth it": Case(
        "A 10-11, B 10:59:30-11:00:30",
        "A clear 10:00-11:00, B conflict 11:00-11:00:30 by A 10:59:30-11:00 occupied",
    ),
    "a short window that is whole needs no least": Case("A 10-10:00:05", "A clear 10:00-10:00:05"),
    "a channel takes any rest": Case(
        "A 10-11, B 10:30-11:00:01",
        "A clear 10:00-11:00, B conflict 11:00-11:00:01 by A 10:30-11:00 occupied",
        target=replace(ROOM, min_piece=CHANNEL_MIN_PIECE),
    ),
    "two inputs serve two": Case(
        "A 10-11, B 10-11, C 10:30-11:30",
        "A clear 10:00-11:00, B clear 10:00-11:00, "
        "C conflict 11:00-11:30 by A 10:30-11:00 by B 10:30-11:00 occupied",
        target=replace(ROOM, capacity=2),
    ),
    "two inputs are full only where two run": Case(
        "A 10-11, B 10:45-12, C 10:30-11:30",
        "A clear 10:00-11:00, B conflict 11:00-12:00 by A 10:45-11:00 by C 10:45-11:00 occupied, "
        "C clear 10:30-11:30",
        target=replace(ROOM, capacity=2),
    ),
    "a manual recording goes before everything": Case(
        "A 10-11 +100, B 13-15",
        "A blocked by run 9 10:00-11:00 occupied, "
        "B conflict 14:00-15:00 by run 9 13:00-14:00 occupied, H clear 10:00-14:00",
        runs=(BY_HAND_RUN,),
        by_hand=(BY_HAND,),
    ),
    "a manual recording goes before what began before it": Case(
        "A 9-11",
        "A conflict 09:00-10:00 by run 9 10:00-11:00 occupied, H clear 10:00-14:00",
        runs=(run("A", "9-11"), BY_HAND_RUN),
        by_hand=(BY_HAND,),
    ),
    "a manual recording without a row is named all the same": Case(
        "A 10-11",
        "A blocked by run 0 10:00-11:00 occupied, H clear 10:00-14:00",
        by_hand=(BY_HAND,),
    ),
    "a manual recording that ended holds nothing": Case(
        "A 10-11",
        "A conflict 10:30-11:00 by run 9 10:00-10:30 occupied, H clear 10:00-10:30",
        runs=(replace(run("H", "10-14", finished="10:30"), id=9, slot=MANUAL_SLOT),),
        by_hand=(BY_HAND,),
    ),
    "a lock has no end": Case(
        "A 10-11, B 20-21",
        "A conflict 10:00-10:30 by lock 10:30-11:00 locked, B blocked by lock 20:00-21:00 locked",
        target=replace(ROOM, locked_since=clock("10:30")),
    ),
    "a lock takes every input": Case(
        "A 10-11",
        "A blocked by lock 10:00-11:00 locked",
        target=replace(ROOM, capacity=2, locked_since=clock("09")),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_gets_what(case):
    """Each quarrel ends as the rank says, and names who takes what from whom."""
    assert said(case) == case.said
