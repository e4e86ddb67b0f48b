"""What every store promises about transactions: all or nothing, in turn, never half-way."""

from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest


class Mishap(Exception):  # noqa: N818 - what goes wrong in the middle of a block
    """Anything that a caller may raise."""


async def test_a_block_that_raises_changes_nothing(store, wish, booked, run_of):
    """A booking that fails half-way leaves no half of itself, and the next one works."""
    async with store.read() as reader:
        before = await reader.changes_since(-1)

    async def stumble():
        async with store.write() as tx:
            await tx.add_schedule(wish())
            await tx.insert_runs([run_of()])
            raise Mishap

    with pytest.raises(Mishap):
        await stumble()
    async with store.read() as reader:
        assert await reader.changes_since(-1) == before
        assert await reader.runs() == ()
    async with store.write() as tx:
        added = await tx.add_schedule(wish())
    assert added.id == booked.id + 1


async def test_a_transaction_sees_its_own_writes_and_nobody_else_does(store, other, wish):
    """Until it is durable a change is visible to its maker alone."""
    async with store.write() as tx:
        added = await tx.add_schedule(wish())
        assert await tx.schedule(added.id) == added
        for each in (store, other):
            async with each.read() as reader:
                assert await reader.schedules() == ()
    for each in (store, other):
        async with each.read() as reader:
            assert await reader.schedules() == (added,)


async def test_a_look_stays_as_it_was(store, other, wish):
    """Two questions in one look get answers that fit together, whoever writes meanwhile."""
    async with store.read() as reader:
        revision = await reader.revision()
        async with other.write() as tx:
            await tx.add_schedule(wish())
        assert await reader.schedules() == ()
        assert await reader.revision() == revision


async def test_writers_take_turns(store, other):
    """What one writer read is still true when it writes: no change gets lost between two."""
    names = []

    async def rename(mine, letter):
        async with mine.write() as tx:
            (aula, _) = await tx.targets()
            names.append(letter)
            await tx.change_target(replace(aula, name=aula.name + letter))

    async with anyio.create_task_group() as tasks:
        for index, letter in enumerate("bcdefghi"):
            tasks.start_soon(rename, (store, other)[index % 2], letter)
    async with store.read() as reader:
        (aula, _) = await reader.targets()
    assert aula.name == "Aula" + "".join(names)


async def test_a_transaction_once_begun_is_not_cancelled(store, other, wish):
    """A task told to give up in the middle finishes its transaction, and nothing stays locked."""
    finished = []

    async def book():
        async with store.write() as tx:
            scope.cancel()
            for _ in range(20):
                await tx.add_schedule(wish())
                await anyio.lowlevel.checkpoint()
            finished.append(True)

    with anyio.CancelScope() as scope:
        await book()
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert finished
    with anyio.fail_after(10):
        async with other.write() as tx:
            assert len(await tx.schedules()) == 20


async def test_a_task_that_waits_for_its_turn_can_give_up(store, wish):
    """Who is cancelled before its turn came has changed nothing and blocks nobody."""
    async with store.write() as tx:
        with anyio.move_on_after(0.05) as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_book, store, wish())
        assert scope.cancelled_caught
        added = await tx.add_schedule(wish())
    async with store.read() as reader:
        assert await reader.schedules() == (added,)


async def _book(store, schedule):
    async with store.write() as tx:
        await tx.add_schedule(schedule)


async def test_a_cancelled_look_holds_nothing_back(store, wish):
    """A reader that was cancelled in its question leaves the next one a fresh look."""
    async with store.write() as tx:
        for _ in range(300):
            await tx.add_schedule(wish())
    with anyio.CancelScope() as scope:
        async with store.read() as reader:
            scope.cancel()
            await reader.schedules()
    async with store.write() as tx:
        await tx.add_schedule(wish())
    async with store.read() as reader:
        assert len(await reader.schedules()) == 301


async def test_the_data_version_tells_of_others(store, other, wish):
    """The number changes when another process wrote, and stays while nobody does."""
    before = await store.data_version()
    assert await store.data_version() == before
    async with other.write() as tx:
        await tx.add_schedule(wish())
    assert await store.data_version() != before
