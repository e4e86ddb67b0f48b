"""A recorder that would end before its recording does is relieved by the next one in time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.domain.lifecycle import Event
from tallyd.domain.model import EndReason, Outcome, Status
from tallyd.engine.relief import status_after
from tallyd.testing.virtual_time import seconds

LIMIT = timedelta(seconds=120)


class Bounded:
    """A device whose sessions end by themselves two minutes after they should have."""

    def __init__(self, rig, *, overlap=True):
        self._device = rig.device("rooms.a", overlap=overlap)
        self._clock = rig.clock
        self._bounds = {}
        self.refuses = False
        rig.drivers["rooms.a"] = self

    def __getattr__(self, name):
        """Be that device in everything else."""
        return getattr(self._device, name)

    async def start(self, order):
        """Note when it will end."""
        if self.refuses:
            self._device._options = self._device._options.model_copy(update={"fail_starts": 99})
        self._bounds[order.token] = order.piece.stop + LIMIT
        return self._shown(await self._device.start(order))

    async def observe(self):
        """Show what its bounds have left."""
        return tuple(map(self._shown, await self._device.observe()))

    def _shown(self, seen):
        ends_by = self._bounds[seen.token]
        if self._clock.now() < ends_by:
            return replace(seen, ends_by=ends_by)
        return replace(seen, state="ended", end=EndReason.DIED, detail="its time was over")


async def extended(rig, by_s):
    """Have a recording of ten minutes that is extended in its midst."""
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(300)
        run = await rig.run_of(booked)
        await rig.bookings.extend_run(run.id, timedelta(seconds=by_s))
        await rig.until(900 + by_s)
    return await rig.run_of(booked)


async def test_an_extension_past_the_bound_opens_the_next_part_first(rig):
    """Two parts that overlap, and not a second missing: the recorder's bound is no surprise."""
    Bounded(rig)
    run = await extended(rig, 1_000)
    assert run.outcome is Outcome.RECORDED
    first, second = run.parts
    assert [part.end for part in run.parts] == [EndReason.PLANNED, EndReason.PLANNED]
    assert second.first_data_at <= first.last_data_at
    assert seconds(first.stopped_at) < 302
    assert seconds(second.stopped_at) == pytest.approx(1_700, abs=1)


async def test_an_extension_within_the_bound_changes_nothing(rig):
    """A recorder that lasts long enough goes on."""
    Bounded(rig)
    run = await extended(rig, 100)
    assert run.outcome is Outcome.RECORDED
    assert len(run.parts) == 1


async def test_where_nothing_may_overlap_it_is_done_back_to_back(rig):
    """A device that can be opened only once is closed first, and opened again at once."""
    Bounded(rig, overlap=False)
    run = await extended(rig, 1_000)
    assert run.outcome is Outcome.RECORDED
    first, second = run.parts
    assert second.commanded_at >= first.stopped_at
    assert second.first_data_at - first.last_data_at < timedelta(seconds=1)


async def test_the_one_that_records_goes_on_while_no_successor_comes_up(rig):
    """What cannot be started anew is not given up for that: it is tried until the bound."""
    device = Bounded(rig)
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(300)
        device.refuses = True
        await rig.bookings.extend_run((await rig.run_of(booked)).id, timedelta(seconds=1_000))
        await rig.until(700)
        run = await rig.run_of(booked)
        assert run.status is Status.STARTED
        assert run.parts[0].end is None
        device.refuses = False
        device._device._options = device._device._options.model_copy(update={"fail_starts": 0})
        await rig.until(1_900)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    assert len(rig.log.of("run.retrying")) >= 1


async def test_both_are_ended_where_the_recording_is_stopped_meanwhile(rig):
    """A stop that comes while one takes over from the other leaves nothing running."""
    device = Bounded(rig)
    device._device._options = device._device._options.model_copy(update={"start_ms": 5_000})
    booked = await rig.book("lecture", 100, 600)
    async with rig.running():
        await rig.until(300)
        run = await rig.run_of(booked)
        await rig.bookings.extend_run(run.id, timedelta(seconds=1_000))
        await rig.until(302)
        await rig.bookings.remove_and_stop(booked.id)
        await rig.until(330)
        assert await device.observe() == ()
    assert (await rig.run_of(booked)).status is Status.FINISHED


class Other:
    """Another session of the run."""

    def __init__(self, *, ending=False, flows=True):
        self.ending, self.flows = ending, flows


@pytest.mark.parametrize(
    ("status", "event", "others", "after"),
    [
        (Status.STARTED, Event.DIED, [], Status.STOPPING),
        (Status.STARTED, Event.DATA, [Other()], Status.STARTED),
        (Status.STARTED, Event.ATTEMPT_FAILED, [Other()], Status.STARTED),
        (Status.STARTED, Event.PIECE_OVER, [Other()], Status.STARTED),
        (Status.STARTED, Event.DIED, [Other(flows=False)], Status.STARTING),
        (Status.STARTED, Event.WITHDRAWN, [Other(ending=True)], Status.STOPPING),
        (Status.STOPPING, Event.WITHDRAWN, [Other(ending=True)], Status.STOPPING),
        (Status.STARTED, Event.OVER, [Other(ending=True)], Status.STARTED),
        (Status.STARTING, Event.DATA, [Other(ending=True)], Status.STARTED),
    ],
)
def test_a_run_stands_as_its_sessions_make_it(status, event, others, after):
    """While one of two records the run does, whatever becomes of the other."""
    assert status_after(status, event, others) is after
