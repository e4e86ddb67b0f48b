"""A boot takes over what an earlier daemon left running, and ends what is nobody's."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import EndReason, Outcome, Reason, Status
from tallyd.ports.drivers import Observation, Salvaged, SessionState, TryAgainError
from tallyd.testing.virtual_time import START


class Survivor:
    """A device that goes on without the daemon, and a driver that finds that out."""

    def __init__(self, rig, key="rooms.a"):
        self._rig = rig
        self._key = key
        self._device = rig.device(key)
        self.stopped = []
        self.refusals = 0
        rig.drivers[key] = self

    def __getattr__(self, name):
        """Be that device in everything else."""
        return getattr(self._device, name)

    @property
    def traits(self):
        """It survives."""
        return replace(self._device.traits, survives=True)

    async def stop(self, token):
        """Note it; refuse as often as wanted."""
        self.stopped.append(token)
        if self.refusals:
            self.refusals -= 1
            raise TryAgainError(Reason.DEVICE_REFUSED, "not now")
        return await self._device.stop(token)

    async def salvage(self, files):
        """Take the last ending off."""
        return Salvaged(tuple(path.with_suffix("") for path in files), 1)

    async def recover(self):
        """Show what still runs."""
        return await self._device.observe()


async def test_a_recording_goes_on_over_two_daemons_in_one_part(rig):
    """The next daemon takes the session over, starts nothing, and ends it when it is due."""
    device = Survivor(rig)
    booked = await rig.book("lecture", 100, 600)
    async with rig.leaving():
        await rig.until(200)
    assert device.stopped == []
    await rig.until(260)
    async with rig.running():
        await rig.until(261)
        assert len(rig.log.of("run.adopted")) == 1
        assert (await rig.run_of(booked)).status is Status.STARTED
        await rig.until(800)
    run = await rig.run_of(booked)
    assert run.outcome is Outcome.RECORDED
    (part,) = run.parts
    assert part.end is EndReason.PLANNED
    assert len(rig.log.of("run.starting")) == 1


async def test_a_recording_by_hand_goes_on_over_two_daemons_in_one_part(rig):
    """The next daemon knows it by its token like any other, and lets it be stopped by hand."""
    Survivor(rig)
    wanted = ManualRecording("rooms.a", "exam")
    async with rig.leaving():
        await rig.until(100)
        run = await rig.bookings.start_recording(wanted, timedelta(hours=4))
        await rig.until(200)
    async with rig.running():
        await rig.until(300)
        await rig.bookings.stop_run(run.id)
        await rig.until(310)
    async with rig.store.read() as reader:
        run = await reader.run(run.id)
    assert (run.outcome, run.reason) == (Outcome.RECORDED, Reason.OPERATOR)
    assert [part.end for part in run.parts] == [EndReason.PLANNED]


async def test_what_ended_meanwhile_is_stopped_at_once(rig):
    """A recording whose time passed while no daemon ran is ended by the next one."""
    device = Survivor(rig)
    booked = await rig.book("lecture", 100, 600)
    async with rig.leaving():
        await rig.until(200)
    await rig.until(900)
    async with rig.running():
        await rig.until(901)
        assert await device.observe() == ()
    run = await rig.run_of(booked)
    assert run.status is Status.FINISHED
    assert run.confirmed


async def test_a_session_of_no_open_run_is_ended_until_it_has_ended(rig):
    """A device that refuses its first stop is asked again; nothing else waits for that."""
    device = Survivor(rig)
    device.refusals = 1
    gone = await rig.book("gone", 100, 600)
    async with rig.leaving():
        await rig.until(200)
    async with rig.store.write() as tx:
        run = await rig.run_of(gone)
        await tx.move_run(
            replace(run, status=Status.FINISHED, outcome=Outcome.CANCELLED), run.status
        )
    other = await rig.book("other", 300, 60, target="rooms.b")
    async with rig.running():
        await rig.until(250)
        assert [event["target"] for event in rig.log.of("recorder.stray")] == ["rooms.a"]
        assert len(device.stopped) == 2
        await rig.until(400)
    assert (await rig.run_of(other)).outcome is Outcome.RECORDED


async def test_a_device_that_does_not_say_delays_no_other(rig):
    """A boot waits a few seconds for such a device, and then goes on without it."""
    device = Survivor(rig)
    device.recover = anyio.sleep_forever
    booked = await rig.book("lecture", 2, 60, target="rooms.b")
    async with rig.running():
        await rig.until(100)
    run = await rig.run_of(booked)
    assert run.parts[0].commanded_at is not None
    assert run.confirmed


@pytest.mark.parametrize("token", ["", "x", "1", "1-", "-1-abc", "one-two-three"])
async def test_a_token_that_is_not_ours_is_a_stray(rig, token):
    """Whatever calls itself by a name that no part ever had is ended, and the boot goes on."""
    device = Survivor(rig)

    async def recover():
        return (
            Observation(
                token=token,
                input=0,
                state=SessionState.FLOWING,
                first_data_at=START,
                last_data_at=START,
            ),
        )

    device.recover = recover
    async with rig.running():
        await rig.until(10)
    assert [event["token"] for event in rig.log.of("recorder.stray")] == [token]
    assert device.stopped == [token]
