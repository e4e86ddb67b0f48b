"""The ledger's rows reach the disk behind the action: the newest of each, sooner or later."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from tallyd.domain.model import EndReason, Outcome, Part, Run, Status
from tallyd.engine.journal import RETRY_S, Journal
from tallyd.testing.virtual_time import START


class Desk:
    """A journal over the rig's store, and what it tells."""

    def __init__(self, rig) -> None:
        self.settled: list[Run] = []
        self.journal = Journal(rig.store, rig.clock, rig.log, self.settled.append)
        self.writes = 0
        self.write_takes_s = 0.0


@pytest.fixture
async def desk(rig) -> AsyncIterator[Desk]:
    """Give a journal that writes."""
    desk = Desk(rig)
    write = rig.store.write

    @asynccontextmanager
    async def counted():
        desk.writes += 1
        await rig.clock.sleep(desk.write_takes_s)
        async with write() as tx:
            yield tx

    rig.store.write = counted
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.journal.run)
        yield desk
        tasks.cancel_scope.cancel()


def part_of(run: Run, number: int = 1, **facts: object) -> Part:
    """Give a part of a run."""
    token = f"{run.id}-{number}-x"
    return replace(Part(number, 0, run.planned, token, commanded_at=run.planned.start), **facts)


async def due(rig, desk: Desk, start_s: float = 100) -> tuple:
    """Book something that starts soon; gives its schedule and the row that it has already."""
    schedule = await rig.book("lecture", start_s, 60)
    run = await rig.run_of(schedule)
    desk.journal.known(run)
    return schedule, run


async def test_what_happened_is_on_the_disk_when_it_says_so(rig, desk):
    """A state with the part that changed is found in the ledger as it was recorded."""
    schedule, run = await due(rig, desk)
    part = part_of(run, first_data_at=START, bytes=7)
    desk.journal.record(replace(run, status=Status.STARTED, parts=(part,)), part)
    assert desk.journal.waiting == 1
    await desk.journal.flushed()
    assert desk.journal.waiting == 0
    found = await rig.run_of(schedule)
    assert (found.status, found.parts) == (Status.STARTED, (part,))


async def test_only_the_newest_state_is_written(rig, desk):
    """What changed three times before the disk had time costs one transaction, not three."""
    schedule, run = await due(rig, desk)
    before = desk.writes
    for status in (Status.STARTING, Status.STARTED, Status.STOPPING):
        desk.journal.record(replace(run, status=status), part_of(run, detail=status))
    await desk.journal.flushed()
    assert desk.writes == before + 1
    found = await rig.run_of(schedule)
    assert (found.status, found.parts[0].detail) == (Status.STOPPING, "stopping")


async def test_every_part_that_changed_is_written(rig, desk):
    """A next part does not make the last words of the one before it lost."""
    schedule, run = await due(rig, desk)
    desk.journal.record(run, part_of(run, 1, end=EndReason.DIED))
    desk.journal.record(replace(run, status=Status.STARTING), part_of(run, 2))
    await desk.journal.flushed()
    assert [p.end for p in (await rig.run_of(schedule)).parts] == [EndReason.DIED, None]


async def test_what_has_no_row_yet_gets_one_and_its_id(rig, desk):
    """A start that was quicker than its row is in the ledger all the same, once."""
    schedule, run = await due(rig, desk)
    desk.journal.record(replace(run, id=0, status=Status.STARTED), part_of(run))
    await desk.journal.flushed()
    assert (await rig.run_of(schedule)).status is Status.STARTED
    assert [settled.id for settled in desk.settled] == [run.id]


async def test_a_run_that_was_final_can_come_back(rig, desk):
    """A clock that was set back, or a booking made again, reopens the same row."""
    schedule, run = await due(rig, desk)
    over = replace(run, status=Status.FINISHED, outcome=Outcome.CANCELLED, sentence="x")
    desk.journal.record(replace(over, finished_at=START))
    await desk.journal.flushed()
    desk.journal.record(run)
    await desk.journal.flushed()
    assert (await rig.run_of(schedule)).status is Status.PENDING


async def test_a_disk_that_refuses_is_tried_again_and_named_once(rig, desk):
    """A full disk is one line when it begins and one when it is over, and costs no row."""
    schedule, run = await due(rig, desk)
    begun = rig.clock.now()
    with rig.store.refusing():
        desk.journal.record(replace(run, status=Status.STARTING), part_of(run))
        await rig.clock.sleep(sum(RETRY_S) + 20)
        desk.journal.record(replace(run, status=Status.STARTED), part_of(run, detail="newer"))
        assert desk.journal.waiting
    await desk.journal.flushed()
    assert rig.clock.now() - begun < timedelta(seconds=sum(RETRY_S) + 20 + RETRY_S[-1] + 0.1)
    (failed,), (recovered,) = rig.log.of("store.failed"), rig.log.of("store.recovered")
    assert failed["waiting"] == 1
    assert recovered["attempts"] > len(RETRY_S)
    found = await rig.run_of(schedule)
    assert (found.status, found.parts[0].detail) == (Status.STARTED, "newer")


async def test_what_changes_while_a_write_fails_is_newer_than_what_failed(rig, desk):
    """An old state that has to be written again never takes the place of a newer one."""
    schedule, run = await due(rig, desk)
    desk.write_takes_s = 0.05
    with rig.store.refusing():
        desk.journal.record(replace(run, status=Status.STARTING), part_of(run, detail="older"))
        await rig.clock.sleep(0.02)
        desk.journal.record(replace(run, status=Status.STARTED), part_of(run, detail="newer"))
        await rig.clock.sleep(0.05)
    await desk.journal.flushed()
    found = await rig.run_of(schedule)
    assert (found.status, found.parts[0].detail) == (Status.STARTED, "newer")


async def test_two_troubles_are_two_lines(rig, desk):
    """A disk that fails, recovers and fails again is heard of each time."""
    _, run = await due(rig, desk)
    for status in (Status.STARTING, Status.STARTED):
        with rig.store.refusing():
            desk.journal.record(replace(run, status=status))
            await rig.clock.sleep(1)
        await desk.journal.flushed()
    assert len(rig.log.of("store.failed")) == len(rig.log.of("store.recovered")) == 2


async def test_with_nothing_to_write_it_is_flushed_at_once(desk):
    """An idle daemon ends without waiting for its disk."""
    with anyio.move_on_after(0.001) as waiting:
        await desk.journal.flushed()
    assert not waiting.cancelled_caught
