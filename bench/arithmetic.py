"""The pure part, beside the libraries that do the same: rules to instants, wishes to claims."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import intervaltree  # type: ignore[import-untyped] # it ships none
from dateutil import rrule

from bench.figures import Row, row
from tallyd.domain.conflicts import Contender, Rank, Rules, settle
from tallyd.domain.model import Frequency, InstantStart, Recurrence, Schedule, Target, WallStart
from tallyd.domain.recurrence import occurrences
from tallyd.domain.window import Window
from tallyd.engine.agenda import Agenda
from tallyd.ports.store import Changes

FULL, QUICK = 60, 12
ZONE = "Europe/Berlin"
ANCHOR = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - a wall time
BORN = datetime(2026, 1, 1, tzinfo=UTC)
LENGTH = timedelta(minutes=90)
RULES = {
    "weekly": (Recurrence(Frequency.WEEKLY), rrule.WEEKLY),
    "daily": (Recurrence(Frequency.DAILY), rrule.DAILY),
    "monthly": (Recurrence(Frequency.MONTHLY), rrule.MONTHLY),
}
NEAR = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC))
FAR = Window(datetime(2036, 3, 3, tzinfo=UTC), datetime(2036, 3, 10, tzinfo=UTC))
CONTENDERS = 1_000
CHANNEL = Target("channels.one", "One", 1, "c" * 32, "UTC")
ENTRIES = 100_000
ENTRY = timedelta(minutes=5)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


async def measure(*, quick: bool) -> Iterator[Row]:
    """Take turns, so that both see the same machine."""
    times = QUICK if quick else FULL
    rows: list[Row] = []
    for name, (rule, frequency) in RULES.items():
        for what, period, promise in (
            ("two years", NEAR, "no slower than dateutil"),
            ("a week ten years on", FAR, "<= 0.2"),
        ):
            own = _expander(rule, period)
            peer = _peer_expander(frequency, period)
            if (mine := own()) != (other := peer()):
                raise RuntimeError(f"{name}, {what}: {mine} and {other} occurrences")
            rows += _duel(f"expansion, {name}, {what}", (own, peer), "dateutil", times, promise)
    pair = (_claims, _peer_claims)
    rows += _duel(f"claims of {CONTENDERS:,}", pair, "intervaltree", times, "")
    return iter([*rows, *_channel(times)])


def _channel(times: int) -> Iterator[Row]:
    """Plan a channel anew after one of its many entries has changed, half of which are over."""
    first = NOON - ENTRIES // 2 * ENTRY
    entries = tuple(
        Schedule(
            id=number,
            uid=f"{number:032x}",
            target=CHANNEL.key,
            name="Clip",
            start=InstantStart(first + number * ENTRY),
            duration=ENTRY,
            effective_from=first,
            created=first,
        )
        for number in range(ENTRIES)
    )
    agenda = Agenda()
    agenda.apply(Changes(0, entries, (), (), (CHANNEL,)), NOON)
    took_ms: tuple[list[float], list[float]] = ([], [])
    for revision in range(1, times + 1):
        changes = Changes(revision, (entries[ENTRIES // 2 + revision],), (), None, None)
        begun = time.perf_counter()
        agenda.apply(changes, NOON)
        applied = time.perf_counter()
        agenda.plan(CHANNEL.key, NOON)
        took_ms[0].append((applied - begun) * 1000)
        took_ms[1].append((time.perf_counter() - applied) * 1000)
    yield row(f"a change among {ENTRIES:,} one-shots: taken in", took_ms[0], "<= 1")
    yield row(f"a change among {ENTRIES:,} one-shots: a day planned anew", took_ms[1], "<= 20")


def _duel(
    name: str, pair: Sequence[Callable[[], object]], against: str, times: int, promise: str
) -> Iterator[Row]:
    took_ms: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for call, took in zip(pair, took_ms, strict=True):
            begun = time.perf_counter()
            call()
            took.append((time.perf_counter() - begun) * 1000)
    peer = row(f"{name}: {against}", took_ms[1], "")
    yield row(f"{name}: tallyd", took_ms[0], promise).against(peer, against)
    yield peer


def _expander(rule: Recurrence, period: Window) -> Callable[[], int]:
    schedule = Schedule(
        id=1, uid="u", target="rooms.a", name="n", start=WallStart(ANCHOR, ZONE), duration=LENGTH,
        effective_from=BORN, created=BORN, recurrence=rule,
    )  # fmt: skip
    return lambda: sum(1 for _ in occurrences(schedule, (), period))


def _peer_expander(frequency: int, period: Window) -> Callable[[], int]:
    def expand() -> int:
        zone = ZoneInfo(ZONE)
        rule = rrule.rrule(cast("Any", frequency), dtstart=ANCHOR.replace(tzinfo=zone))
        found = rule.between(period.start - LENGTH, period.stop)
        return sum(1 for at in found if at.astimezone(UTC) + LENGTH > period.start)

    return expand


def _windows() -> list[Window]:
    """Give windows of which each third meets the one before."""
    day = timedelta(hours=2)
    return [
        Window(at := BORN + number * day, at + LENGTH + timedelta(hours=number % 3 // 2))
        for number in range(CONTENDERS)
    ]


def _claims() -> object:
    contenders = [
        Contender(
            Rank(
                scheduled=True,
                negated_priority=-(number % 3),
                waiting=True,
                start=window.start,
                created=BORN,
                id=number,
                slot="",
            ),
            window,
            schedule_id=number,
        )
        for number, window in enumerate(_windows())
    ]
    return settle(contenders, Rules(1, timedelta(minutes=1)))


def _peer_claims() -> object:
    """Give each window what those of higher rank have left: no verdicts, no blockers."""
    taken = intervaltree.IntervalTree()
    claims: list[list[tuple[datetime, datetime]]] = []
    ranked = sorted(enumerate(_windows()), key=lambda each: (-(each[0] % 3), each[1].start))
    for number, window in ranked:
        begin, pieces = window.start, []
        for rival in sorted(taken.overlap(window.start, window.stop)):
            if rival.begin > begin:
                pieces.append((begin, rival.begin))
            begin = max(begin, rival.end)
        if begin < window.stop:
            pieces.append((begin, window.stop))
        for piece in pieces:
            taken.addi(*piece, number)
        claims.append(pieces)
    return claims
