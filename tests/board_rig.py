"""Two rooms and a channel in memory, with a clock that stands, and a day on which much happens."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tallyd.bookings import Bookings, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.model import Frequency, Outcome, Part, Recurrence, Status, Target, WallStart
from tallyd.testing.memory_store import MemoryStore

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
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
        self.bookings = Bookings(self.store, self, lambda: None, nothing_told)  # type: ignore[arg-type]

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

    async def go_to(self, hour: int, minute: int = 0, second: int = 0) -> None:
        """Put the clock."""
        self.at = NINE.replace(hour=hour, minute=minute, second=second)


@dataclass(frozen=True)
class Booked:
    """What is booked at first: a series, what it covers, and what it covers in part."""

    series: int
    covered: int
    partly: int


async def first_bookings(place: Place) -> Booked:
    """Book three schedules of one room, and one of a channel."""
    series = await place.book("rooms.a", "09:00", rule=Recurrence(Frequency.DAILY))
    covered = await place.book("rooms.a", "09:00")
    partly = await place.book("rooms.a", "09:30")
    await place.book("channels.c", "09:00")
    return Booked(series, covered, partly)


def a_day(place: Place, booked: Booked) -> tuple[Callable[[], Awaitable[object]], ...]:
    """Give what then happens, in order."""
    series, partly = booked.series, booked.partly
    return (
        lambda: place.go_to(9, 0, 1),
        lambda: place.begin(series),
        lambda: place.go_to(9, 10),
        lambda: place.bookings.edit(partly, lambda draft: replace(draft, target="rooms.b")),
        lambda: place.bookings.lock_target("rooms.b"),
        lambda: place.bookings.unlock_target("rooms.b"),
        lambda: place.finish(series),
        lambda: place.bookings.add_exception_day(NINE.date() + timedelta(days=1), "x", None),
        lambda: place.go_to(10),
        lambda: place.bookings.remove(series),
    )
