"""How long a daemon's event loop does one thing while everything else waits."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bench import samples
from bench.figures import Row, row
from bench.house import House, house
from tallyd import nudge
from tallyd.bookings import Bookings, nothing_told
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart

SCHEDULES = 10_000
FULL_S, QUICK_S = 120, 10
SETTLES_S = 5
EDIT_EVERY_S = 0.1
STARTS = "starts"
START_EVERY = timedelta(seconds=1)
START_LASTS = timedelta(milliseconds=400)
LENGTH = timedelta(minutes=45)


async def measure(*, quick: bool) -> Iterator[Row]:
    """Book, change and remove ten times a second while a room starts each second."""
    for_s = QUICK_S if quick else FULL_S
    async with house({**samples.rooms(SCHEDULES), STARTS: 'driver = "simulated"'}) as made:
        await made.book(samples.drafts(SCHEDULES, made.clock.now()))
        await made.book(_starts(made.clock.now() + timedelta(seconds=SETTLES_S), for_s))
        async with made.daemon("bench.turns"):
            await made.clock.sleep(SETTLES_S)
            begun_ns = time.monotonic_ns()
            await _edit(made, for_s)
            ended_ns = time.monotonic_ns()
        turns: Iterator[list[int]] = map(json.loads, made.noted())
        took_ms = [took / 1e6 for at, took in turns if begun_ns <= at < ended_ns]
    name = f"loop stalls at {SCHEDULES:,}: one turn of the loop"
    return iter([row(name, took_ms, "p99.9 <= 5")])


def _starts(opening: datetime, for_s: int) -> Iterator[Draft]:
    for number in range(for_s + SETTLES_S):
        at = InstantStart(opening + number * START_EVERY)
        yield Draft(f"rooms.{STARTS}", f"start {number}", at, START_LASTS)


async def _edit(made: House, for_s: int) -> None:
    """Book a wish, move it, remove it; each time in another room."""
    run_dir = made.settings.appliance.run_dir
    bookings = Bookings(made.store, made.clock, lambda: nudge.send(run_dir), nothing_told)
    rooms = SCHEDULES // samples.PER_ROOM
    begun = made.clock.monotonic()
    turn = 0
    while made.clock.monotonic() - begun < for_s:
        at = made.clock.now() + timedelta(days=2, minutes=turn)
        booked = await bookings.add(
            _always(Draft(f"rooms.r{turn % rooms}", "edited", InstantStart(at), LENGTH))
        )
        await made.clock.sleep(EDIT_EVERY_S)
        await bookings.edit(booked.after.id, _longer)
        await made.clock.sleep(EDIT_EVERY_S)
        await bookings.remove(booked.after.id)
        await made.clock.sleep(EDIT_EVERY_S)
        turn += 1


def _always(draft: Draft) -> Callable[[datetime], Draft]:
    return lambda _now: draft


def _longer(draft: Draft) -> Draft:
    return replace(draft, duration=2 * LENGTH)
