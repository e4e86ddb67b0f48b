"""The board shows the same as one that looks for the first time, whatever has happened since."""

from datetime import timedelta
from itertools import pairwise

from board_rig import HOUR, NINE, Place, a_day, first_bookings
from tallyd.api.valt.board import Board
from tallyd.domain.model import Verdict
from tallyd.domain.window import Window
from tallyd.reports import Reports

HORIZON = timedelta(days=30)


class Boarded(Place):
    """A place with a board."""

    def __post_init__(self) -> None:
        """Build it."""
        super().__post_init__()
        self.board = self.fresh()
        self.reports = Reports(self.store, self, HORIZON)  # type: ignore[arg-type]

    def fresh(self) -> Board:
        """Give a board that has never looked."""
        return Board(self.store, self, HORIZON)  # type: ignore[arg-type]

    async def shown(self) -> dict[int, tuple[Window, bool, Verdict]]:
        """Give what the board shows; it is the same as a new one would show, and shown again."""
        standings = await self.board.look()
        assert await self.board.look() is standings
        first = await self.fresh().look()
        assert [_seen(each) for each in standings] == [_seen(each) for each in first]
        for there in await self.board.occupancies():
            assert there == await self.reports.occupancy(there.target.key)
        return {each.schedule.id: _seen(each) for each in standings}


def _seen(standing) -> tuple[Window, bool, Verdict]:
    return standing.occurrence.window, standing.started, standing.verdict


async def test_a_day_of_a_board():
    """Bookings, edits, starts, ends, locks, holidays and the mere passing of time all show."""
    place = Boarded()
    await place.furnish()
    assert await place.shown() == {}
    booked = await first_bookings(place)
    assert _verdicts(await place.shown()) == {
        booked.series: Verdict.CLEAR,
        booked.covered: Verdict.BLOCKED,
        booked.partly: Verdict.CONFLICT,
    }
    seen = [await place.shown()]
    for step in a_day(place, booked):
        await step()
        seen.append(await place.shown())
    changed = [before != later for before, later in pairwise(seen)]
    assert changed == [False, True, False, True, True, True, True, True, True, True]
    assert seen[2][booked.series][1] is True
    assert set(seen[-1]) == {booked.partly}


async def test_a_clock_set_back():
    """After the clock was set back the board shows what lies ahead again."""
    place = Boarded()
    await place.furnish()
    booked = await place.book("rooms.a", "09:00")
    place.at = NINE + 2 * HOUR
    assert await place.shown() == {}
    place.at = NINE - HOUR
    assert set(await place.shown()) == {booked}


def _verdicts(shown: dict[int, tuple[Window, bool, Verdict]]) -> dict[int, Verdict]:
    return {schedule_id: seen[2] for schedule_id, seen in shown.items()}
