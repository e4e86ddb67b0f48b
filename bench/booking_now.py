"""How soon a booking for now starts that another process makes while the daemon runs."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.figures import Row, row
from bench.house import House, running_house
from tallyd import nudge
from tallyd.bookings import Bookings
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart
from tallyd.domain.window import MILLISECOND

FULL, QUICK = 200, 50
LENGTH = timedelta(seconds=1)
APART_S = (0.05, 0.11, 0.17, 0.23)
"""Pauses between bookings, of different length: nothing in the daemon may keep step with them."""


async def measure(*, quick: bool) -> Iterator[Row]:
    """Book room after room for now; from each nudge to the call of the room's driver."""
    count = QUICK if quick else FULL
    rooms = {f"r{number}": 'driver = "simulated"' for number in range(count)}
    async with running_house(rooms) as house:
        nudged = {room: await _book(house, room) for room in rooms}
        runs = await house.finished_runs(count, within_s=30)
    commanded = {run.target: run.parts[0].commanded_at for run in runs}
    waits_ms = [(commanded[f"rooms.{room}"] - at) / MILLISECOND for room, at in nudged.items()]
    return iter([row("booking_now: nudge -> driver called", waits_ms, "p95 <= 50")])


async def _book(house: House, room: str) -> datetime:
    sent: list[datetime] = []

    def tell() -> None:
        sent.append(house.clock.now())
        nudge.send(house.settings.appliance.run_dir)

    bookings = Bookings(house.store, house.clock, tell)
    await bookings.add(lambda now: Draft(f"rooms.{room}", room, InstantStart(now), LENGTH))
    await house.clock.sleep(APART_S[len(room) % len(APART_S)])
    return sent[0]
