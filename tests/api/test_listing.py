"""The native list is the same as if nobody had asked before, whatever has happened since."""

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from board_rig import HOUR, NINE, Place, a_day, first_bookings
from tallyd.api.native.listing import Listing
from tallyd.domain.accounts import Caller, Role
from tallyd.notation.plain import plain
from tallyd.notation.shapes import prospect_shape
from tallyd.reports import Reports

HORIZON = timedelta(days=30)
ADMIN = Caller(None, "root", Role.ADMIN)


class Listed(Place):
    """A place with a list."""

    def __post_init__(self) -> None:
        """Build it."""
        super().__post_init__()
        self.reports = Reports(self.store, self, HORIZON)  # type: ignore[arg-type]
        services: Any = SimpleNamespace(store=self.store, clock=self, reports=self.reports)
        self.listing = Listing(services)

    async def shown(self, target: str | None = None) -> Any:
        """Give what is listed; it is what a report made now says, and is not made again."""
        written = await self.listing.written(ADMIN, target)
        assert await self.listing.written(ADMIN, target) is written
        found = await self.reports.prospects()
        own = [each for each in found if target in {None, each.schedule.target}]
        assert json.loads(written) == [plain(prospect_shape(each)) for each in own]
        return json.loads(written)


async def test_a_day_of_a_list() -> None:
    """Bookings, edits, starts, ends, locks, holidays and the mere passing of time all show."""
    place = Listed()
    await place.furnish()
    assert await place.shown() == []
    booked = await first_bookings(place)
    assert [each["verdict"] for each in await place.shown("rooms.a")] == [
        "clear",
        "blocked",
        "conflict",
    ]
    for step in a_day(place, booked):
        await step()
        await place.shown()
        await place.shown("rooms.a")
    assert [each["id"] for each in await place.shown()] == [
        booked.covered,
        booked.partly,
        booked.partly + 1,
    ]


async def test_a_clock_set_back() -> None:
    """After the clock was set back what lies ahead is next again."""
    place = Listed()
    await place.furnish()
    await place.book("rooms.a", "09:00")
    place.at = NINE + 2 * HOUR
    assert (await place.shown())[0]["next"] == []
    place.at = NINE - HOUR
    assert len((await place.shown())[0]["next"]) == 1


async def test_a_target_that_is_called_otherwise() -> None:
    """What is renamed in the configuration is listed once, by its new name."""
    place = Listed()
    await place.furnish()
    await place.book("rooms.a", "09:00")
    await place.shown()
    async with place.store.write() as tx:
        await tx.rename_target("rooms.a", "rooms.new")
    assert [each["target"] for each in await place.shown()] == ["rooms.new"]
