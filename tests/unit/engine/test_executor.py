"""An answer is no start and no stop: what a device shows decides, and nothing is left running."""

from dataclasses import replace

import pytest

from tallyd.domain.model import EndReason, Outcome, Reason, Status
from tallyd.ports.drivers import SessionState


async def test_a_device_that_only_says_that_it_started_has_not(rig):
    """Without data there is no start, whatever the device answers: it is ended and tried again."""
    device = rig.device("rooms.a", no_data=True)
    booked = await rig.book("lecture", 100, 120)
    async with rig.running() as engine:
        await rig.until(105)
        assert engine.snapshot()["targets"]["rooms.a"]["status"] == "starting"
        assert (await rig.run_of(booked)).status is Status.STARTING
        await rig.until(400)
        assert await device.observe() == ()
    assert rig.log.of("run.started") == []
    assert len(rig.log.of("run.retrying")) == 1
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.FAILED, Reason.DEVICE_TIMEOUT)
    assert "no data within 10 s" in run.sentence


async def test_data_that_comes_after_the_answer_is_the_start(rig):
    """A device that answers first and delivers later has started when it delivers."""
    rig.drivers["rooms.a"] = late = _Later(rig.device("rooms.a"), rig.clock, after_s=3)
    booked = await rig.book("lecture", 100, 60)
    async with rig.running():
        await rig.until(102)
        assert rig.log.of("run.started") == []
        await rig.until(200)
    (started,) = rig.log.of("run.started")
    assert started["late_ms"] == pytest.approx(3_000, abs=500)
    assert late.starts == 1
    assert (await rig.run_of(booked)).parts[0].end is EndReason.PLANNED


async def test_a_start_that_is_withdrawn_before_its_data_is_stopped(rig):
    """A booking that is removed while its device comes up leaves nothing running."""
    device = rig.device("rooms.a", no_data=True)
    booked = await rig.book("lecture", 100, 120)
    async with rig.running():
        await rig.until(105)
        assert await device.observe() != ()
        await rig.bookings.remove(booked.id)
        await rig.until(110)
        assert await device.observe() == ()
    assert (await rig.run_of(booked)).status is Status.FINISHED


@pytest.mark.parametrize("options", [{}, {"no_data": True}], ids=["recording", "starting"])
async def test_a_daemon_that_falls_takes_its_sessions_down(rig, options):
    """Whatever ends the engine's tasks, a device is told to stop before they are gone."""
    device = rig.device("rooms.a", **options)
    await rig.book("lecture", 100, 60)
    with pytest.RaisesGroup(RuntimeError):
        async with rig.running():
            await rig.until(105)
            raise RuntimeError("the roof came down")
    assert await device.observe() == ()


class _Later:
    """A device whose answer to a start shows no data yet."""

    def __init__(self, device, clock, after_s: float) -> None:
        self._device, self._clock, self._after_s = device, clock, after_s
        self.starts = 0
        self._began = 0.0

    def __getattr__(self, name: str):
        return getattr(self._device, name)

    async def start(self, order):
        """Answer at once, and say that nothing flows."""
        self.starts += 1
        seen = await self._device.start(order)
        self._began = self._clock.monotonic()
        return _silent(seen)

    async def observe(self):
        """Show data only after a while."""
        flows = self._clock.monotonic() - self._began >= self._after_s
        shown = await self._device.observe()
        if not flows:
            return tuple(_silent(seen) for seen in shown)
        now = self._clock.now()
        return tuple(replace(seen, first_data_at=now, last_data_at=now) for seen in shown)


def _silent(seen):
    return replace(seen, state=SessionState.SILENT, first_data_at=None, last_data_at=None)
