"""Stopping and extending what runs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, NotFound, Refused
from tallyd.domain.model import Outcome, Override
from tallyd.domain.window import Window

MINUTE = timedelta(minutes=1)


async def stops(desk) -> list:
    """Give the ends that operators set."""
    return [override.stop for override in await desk.overrides()]


async def test_a_run_ends_when_the_operator_says(desk):
    """Its occurrence now ends at this instant, and the daemon is told."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    run = await desk.bookings.stop_run(1)
    assert (run.id, await stops(desk), len(desk.nudges)) == (1, [desk.at(10)], 2)


async def test_stopping_twice_does_not_lengthen(desk):
    """While a slow device still closes, a second press changes nothing."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    await desk.bookings.stop_run(1)
    desk.go_to(11)
    await desk.bookings.stop_run(1)
    await desk.bookings.stop_all_runs()
    assert await stops(desk) == [desk.at(10)]


async def test_stopping_after_the_planned_end_does_not_lengthen(desk):
    """What should be over already keeps its planned end, however late the device closes."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(61)
    await desk.bookings.stop_run(1)
    assert await stops(desk) == [desk.at(60)]


async def test_a_run_that_has_not_begun_cannot_be_stopped(desk):
    """Before its start an occurrence is skipped, and the message says so."""
    await desk.book(5, 60)
    before = desk.dump()
    with pytest.raises(Refused, match="skip"):
        await desk.bookings.stop_run(1)
    assert desk.dump() == before


async def test_all_that_has_begun_is_stopped(desk):
    """`--all` ends what runs in every room, and leaves alone what begins later."""
    await desk.book(0, 60)
    await desk.book(5, 60, target="rooms.lab")
    await desk.book(12, 60, target="rooms.lab")
    desk.go_to(10)
    stopped = await desk.bookings.stop_all_runs()
    assert [run.id for run in stopped] == [1, 2]
    assert await stops(desk) == [desk.at(10), desk.at(10)]


async def test_nothing_that_is_over_or_unknown_is_stopped_or_extended(desk):
    """A run that is final, or was never there, is an error that changes nothing."""
    run = await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    await desk.finish(run, outcome=Outcome.RECORDED)
    before, nudged = desk.dump(), len(desk.nudges)
    for act in (
        desk.bookings.stop_run,
        lambda number: desk.bookings.extend_run(number, MINUTE),
    ):
        with pytest.raises(Refused, match="run 1 is finished: recorded"):
            await act(1)
        with pytest.raises(NotFound):
            await act(2)
    assert (desk.dump(), len(desk.nudges)) == (before, nudged)


async def test_an_extension_moves_the_end(desk):
    """Each extension adds to the one before, whether or not the daemon has seen it yet."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    longer = await desk.bookings.extend_run(1, 10 * MINUTE)
    assert longer == Window(desk.at(0), desk.at(70))
    longer = await desk.bookings.extend_run(1, 10 * MINUTE)
    assert longer == Window(desk.at(0), desk.at(80))
    assert await stops(desk) == [desk.at(80)]


@pytest.mark.parametrize("by", [0, -1])
async def test_an_extension_is_longer_than_nothing(desk, by):
    """An extension by zero or less is refused."""
    await desk.book(0, 60)
    with pytest.raises(InvalidBooking):
        await desk.bookings.extend_run(1, by * MINUTE)


async def test_an_extension_takes_only_free_time(desk):
    """Into the next booking it is refused, up to it it is not; with force the next gives way."""
    await desk.record(await desk.book(0, 60))
    await desk.book(70, 100, name="Next")
    desk.go_to(10)
    before = desk.dump()
    with pytest.raises(Refused, match='"Next"'):
        await desk.bookings.extend_run(1, 11 * MINUTE)
    assert desk.dump() == before
    await desk.bookings.extend_run(1, 10 * MINUTE)
    await desk.bookings.extend_run(1, 10 * MINUTE, Policy.FORCE)
    assert (await desk.reports.prospect(2)).trouble.claim == (Window(desk.at(80), desk.at(100)),)


async def test_an_extension_keeps_what_was_said_before(desk):
    """An extension changes the end, and nothing else that is known of the occurrence."""
    made = await desk.book(0, 60)
    known = Override(made.id, f"@{round(desk.at(0).timestamp() * 1000)}", paused=True)
    async with desk.store.write() as tx:
        await tx.put_override(known)
    await desk.bookings.extend_run(1, 10 * MINUTE)
    assert await desk.overrides() == [replace(known, stop=desk.at(70))]
