"""How soon a booking for now starts that another process makes while the daemon runs."""

from collections.abc import Iterator
from datetime import timedelta

from bench.figures import Row, row
from bench.house import house

FULL, QUICK = 200, 25
LENGTH = timedelta(seconds=1)
APART_S = (0.05, 0.11, 0.17, 0.23)
"""Pauses between bookings, of different length: nothing in the daemon may keep step with them."""


async def measure(*, quick: bool) -> Iterator[Row]:
    """Book room after room for now; from each nudge to the call of the room's driver."""
    rooms = [f"r{number}" for number in range(QUICK if quick else FULL)]
    nudged_ns: dict[str, int] = {}
    async with house(dict.fromkeys(rooms, 'driver = "simulated"')) as made:
        async with made.daemon():
            for number, room in enumerate(rooms):
                nudged_ns[room] = await made.book_now(room, room, LENGTH)
                await made.clock.sleep(APART_S[number % len(APART_S)])
        called_ns = {call.name: call.called_ns for call in made.calls()}
    waits_ms = [(called_ns[room] - at) / 1e6 for room, at in nudged_ns.items()]
    return iter([row("booking_now: nudge -> driver called", waits_ms, "p95 <= 50")])
