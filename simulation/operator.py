"""What operators, devices and the world do to an appliance, as data: a script made from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tallyd.bookings import Policy
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Content,
    ContentKind,
    DstOverlap,
    Frequency,
    InstantStart,
    Recurrence,
    WallStart,
)
from tallyd.domain.recurrence import wall_time

ZONES = ("Europe/Berlin", "America/New_York")
DAYS = 14.0
_MEAN_PAUSE_S = 3_000.0
_FIRST_BOOKINGS = 15
_NIGHT_SHARE = 0.15
_LIVE_SHARE = 0.3


class Act(StrEnum):
    """All that a script can ask for."""

    BOOK = "book"
    BOOK_NOW = "book_now"
    RECORD_NOW = "record_now"
    EDIT = "edit"
    REMOVE = "remove"
    REMOVE_AND_STOP = "remove_and_stop"
    SKIP = "skip"
    STOP_RUN = "stop_run"
    EXTEND_RUN = "extend_run"
    PAUSE_RUN = "pause_run"
    LOCK = "lock"
    ADD_EXCEPTION = "add_exception"
    REMOVE_EXCEPTION = "remove_exception"
    FAIL_STARTS = "fail_starts"
    REFUSE = "refuse"
    DIE = "die"
    FALL_SILENT = "fall_silent"
    HANG_STARTS = "hang_starts"
    HANG_STOPS = "hang_stops"
    GO_AWAY = "go_away"
    STEP_CLOCK = "step_clock"
    RESTART = "restart"
    KILL = "kill"
    REFUSE_WRITES = "refuse_writes"
    RELOAD = "reload"
    TAKE_AWAY = "take_away"


@dataclass(frozen=True, slots=True)
class Step:
    """One act, so many seconds after the one before it.

    `room` and `pick` choose, modulo what there is; `size`, 0 to 1, is how long or how much.
    """

    after_s: float
    act: Act
    room: int = 0
    pick: int = 0
    size: float = 0.5


_WEIGHTS: dict[Act, int] = {
    Act.BOOK: 30,
    Act.BOOK_NOW: 24,
    Act.RECORD_NOW: 10,
    Act.EDIT: 14,
    Act.REMOVE: 9,
    Act.REMOVE_AND_STOP: 4,
    Act.SKIP: 8,
    Act.STOP_RUN: 6,
    Act.EXTEND_RUN: 8,
    Act.PAUSE_RUN: 8,
    Act.LOCK: 4,
    Act.ADD_EXCEPTION: 1,
    Act.REMOVE_EXCEPTION: 1,
    Act.FAIL_STARTS: 6,
    Act.REFUSE: 3,
    Act.DIE: 8,
    Act.FALL_SILENT: 4,
    Act.HANG_STARTS: 4,
    Act.HANG_STOPS: 4,
    Act.GO_AWAY: 4,
    Act.STEP_CLOCK: 4,
    Act.RESTART: 3,
    Act.KILL: 3,
    Act.REFUSE_WRITES: 4,
    Act.RELOAD: 10,
    Act.TAKE_AWAY: 3,
}


def script(seed: int, days: float = DAYS) -> Iterator[Step]:
    """Give what happens within so many days, always the same for a seed."""
    chance = random.Random(f"script {seed}")  # noqa: S311 - it must repeat, not be secret
    for _ in range(_FIRST_BOOKINGS):
        yield _step(chance, 1.0, Act.BOOK)
    left_s = days * 86_400
    while (pause_s := round(chance.expovariate(1 / _MEAN_PAUSE_S), 3)) < left_s:
        left_s -= pause_s
        (act,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        yield _step(chance, pause_s, act)


def _step(chance: random.Random, after_s: float, act: Act) -> Step:
    return Step(after_s, act, chance.randrange(60), chance.randrange(10**9), chance.random())


def between(low_s: float, high_s: float, size: float) -> timedelta:
    """Give a length from low (size 0) to high (size 1), short ones as often as long ones."""
    return timedelta(milliseconds=round(1_000 * low_s * (high_s / low_s) ** size))


def draft(step: Step, name: str, target: str, now: datetime) -> tuple[Draft, Policy]:
    """Give what is booked: for now, or for the next days, once or as a series."""
    chance = random.Random(f"draft {step.pick} {step.size}")  # noqa: S311 - as above
    policy = chance.choice((Policy.REPORT, Policy.REPORT, Policy.REJECT, Policy.FORCE))
    start, rule = _start(chance, now)
    if step.act is Act.BOOK_NOW:
        start, rule = InstantStart(now + timedelta(seconds=chance.choice((0, 0, 5, 90)))), None
    return Draft(
        target=target,
        name=name,
        start=start,
        duration=between(60, 5 * 3_600, step.size),
        recurrence=rule,
        priority=chance.choice((-10, 0, 0, 0, 10)),
        dst_overlap=chance.choice(tuple(DstOverlap)),
        content=_content(chance) if target.startswith("channels.") else None,
    ), policy


def _content(chance: random.Random) -> Content:
    """Give what a channel plays: something live, or an asset from somewhere in it on."""
    if chance.random() < _LIVE_SHARE:
        return Content(ContentKind.LIVE, "studio")
    return Content(ContentKind.ASSET, "film", offset=timedelta(minutes=chance.randrange(30)))


def _start(
    chance: random.Random, now: datetime
) -> tuple[WallStart | InstantStart, Recurrence | None]:
    zone = chance.choice(ZONES)
    day = wall_time(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = chance.randrange(1, 4) if chance.random() < _NIGHT_SHARE else chance.randrange(7, 21)
    local = day + timedelta(
        days=chance.randrange(1, 4), hours=hour, minutes=chance.choice((0, 0, 15, 30, 45))
    )
    frequency = chance.choice((None, None, Frequency.DAILY, Frequency.WEEKLY))
    if frequency is None:
        return WallStart(local, zone), None
    days = frozenset(chance.sample(range(1, 8), 3)) if frequency is Frequency.WEEKLY else None
    count = chance.choice((None, None, 3, 8))
    return WallStart(local, zone), Recurrence(frequency, weekdays=days or frozenset(), count=count)


def edited(before: Draft, step: Step) -> Draft:
    """Give what an edit makes of a draft: longer, shorter, later, or of another rank."""
    chance = random.Random(f"edit {step.pick} {step.size}")  # noqa: S311 - as above
    match chance.randrange(3):
        case 0:
            return replace(before, duration=between(60, 5 * 3_600, step.size))
        case 1:
            return replace(before, priority=chance.choice((-10, 0, 10)))
        case _:
            later = timedelta(minutes=chance.choice((-45, -15, 15, 60)))
            start = before.start
            moved: WallStart | InstantStart = (
                WallStart(start.local + later, start.zone)
                if isinstance(start, WallStart)
                else InstantStart(start.at + later)
            )
            return replace(before, start=moved)
