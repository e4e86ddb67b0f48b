"""The board shows the same as one that looks for the first time, whatever has happened since."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tallyd.api.valt.board import Board
from tallyd.bookings import Bookings
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Frequency,
    Outcome,
    Part,
    Recurrence,
    Status,
    Target,
    Verdict,
    WallStart,
)
from tallyd.domain.window import Window
from tallyd.testing.memory_store import MemoryStore

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
HORIZON = timedelta(days=30)
HOUR = timedelta(hours=1)


@dataclass
class Place:
    """Two rooms and a channel, with a clock that stands where it is put."""

    at: datetime = NINE - timedelta(minutes=10)

    def now(self) -> datetime:
        """Give the instant that the clock was put to."""
        return self.at

    def __post_init__(self) -> None:
        """Build it."""
        self.store = MemoryStore()
        self.bookings = Bookings(self.store, self, lambda: None)  # type: ignore[arg-type]
        self.board = self.fresh()

    def fresh(self) -> Board:
        """Give a board that has never looked."""
        return Board(self.store, self, HORIZON)  # type: ignore[arg-type]

    async def furnish(self) -> None:
        """Put the targets there."""
        async with self.store.write() as tx:
            for number, key in enumerate(("rooms.a", "rooms.b", "channels.c"), start=1):
                await tx.add_target(Target(key, key, number, str(number) * 32, "UTC"))

    async def book(self, target: str, start: str, *, rule: Recurrence | None = None) -> int:
        """Book an hour on the first of December, or from then on."""
        wall = WallStart(datetime.fromisoformat(f"2026-12-01T{start}"), "UTC")
        draft = Draft(target, f"{target} {start}", wall, HOUR, rule)
        return (await self.bookings.add(lambda _: draft)).after.id

    async def begin(self, schedule_id: int) -> None:
        """Have the first occurrence of a schedule recorded from its start."""
        async with self.store.write() as tx:
            (run,) = (r for r in await tx.unfinished_runs() if r.schedule_id == schedule_id)
            start = run.planned.start
            part = Part(1, 0, run.planned, "t", start, first_data_at=start)
            await tx.put_part(run.id, part)
            await tx.move_run(replace(run, status=Status.STARTED), run.status)

    async def finish(self, schedule_id: int) -> None:
        """Have what a schedule records fail for good."""
        async with self.store.write() as tx:
            (run,) = (r for r in await tx.unfinished_runs() if r.schedule_id == schedule_id)
            final = replace(
                run, status=Status.FINISHED, outcome=Outcome.PARTIAL, finished_at=self.at
            )
            await tx.move_run(final, run.status)

    async def shown(self) -> dict[int, tuple[Window, bool, Verdict]]:
        """Give what the board shows; it is the same as a new one would show, and shown again."""
        standings = await self.board.look()
        assert await self.board.look() is standings
        first = await self.fresh().look()
        assert [_seen(each) for each in standings] == [_seen(each) for each in first]
        return {each.schedule.id: _seen(each) for each in standings}


def _seen(standing) -> tuple[Window, bool, Verdict]:
    return standing.occurrence.window, standing.started, standing.verdict


async def test_a_day_of_a_board():
    """Bookings, edits, starts, ends, locks, holidays and the mere passing of time all show."""
    place = Place()
    await place.furnish()
    assert await place.shown() == {}
    series = await place.book("rooms.a", "09:00", rule=Recurrence(Frequency.DAILY))
    covered = await place.book("rooms.a", "09:00")
    partly = await place.book("rooms.a", "09:30")
    await place.book("channels.c", "09:00")
    assert _verdicts(await place.shown()) == {
        series: Verdict.CLEAR,
        covered: Verdict.BLOCKED,
        partly: Verdict.CONFLICT,
    }
    steps = (
        lambda: _at(place, 9, 0, 1),
        lambda: place.begin(series),
        lambda: _at(place, 9, 10),
        lambda: place.bookings.edit(partly, lambda draft: replace(draft, target="rooms.b")),
        lambda: place.bookings.lock_target("rooms.b"),
        lambda: place.bookings.unlock_target("rooms.b"),
        lambda: place.finish(series),
        lambda: place.bookings.add_exception_day(NINE.date() + timedelta(days=1), "x", None),
        lambda: _at(place, 10),
        lambda: place.bookings.remove(series),
    )
    seen = [await place.shown()]
    for step in steps:
        await step()
        seen.append(await place.shown())
    changed = [before != later for before, later in pairwise(seen)]
    assert changed == [False, True, False, True, True, True, True, True, True, True]
    assert seen[2][series][1] is True
    assert set(seen[-1]) == {partly}


async def test_a_clock_set_back():
    """After the clock was set back the board shows what lies ahead again."""
    place = Place()
    await place.furnish()
    booked = await place.book("rooms.a", "09:00")
    place.at = NINE + 2 * HOUR
    assert await place.shown() == {}
    place.at = NINE - HOUR
    assert set(await place.shown()) == {booked}


async def _at(place: Place, hour: int, minute: int = 0, second: int = 0) -> None:
    place.at = NINE.replace(hour=hour, minute=minute, second=second)


def _verdicts(shown: dict[int, tuple[Window, bool, Verdict]]) -> dict[int, Verdict]:
    return {schedule_id: seen[2] for schedule_id, seen in shown.items()}
