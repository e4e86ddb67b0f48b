"""A clock that is not trusted starts nothing and judges nothing; one that is wakes everything."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.health import ClockTrust
from tallyd.domain.model import Outcome, Reason, Status
from tallyd.testing.virtual_time import START

HOUR = timedelta(hours=1)
IN_1970 = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


def told(rig, *names: str) -> list[str]:
    """Give the events that were said, of these names, in order."""
    return [name for name, _ in rig.log.events if name in names]


async def watermark(rig) -> datetime | None:
    """Give until when the ledger has its rows."""
    async with rig.store.read() as reader:
        return await reader.watermark()


@pytest.mark.parametrize("after_min", [2, 8])
async def test_a_time_server_is_waited_for(rig, after_min):
    """With `synchronised` nothing starts until the kernel says so; then at once, and it is told."""
    rig.clock_trust = ClockTrust.SYNCHRONISED
    rig.clock.keeps_right = False
    booked = await rig.book("lecture", 60, 3600)
    over = await rig.book("over", 10, 30, target="rooms.b")
    async with rig.running() as engine:
        await rig.until(60 * after_min)
        assert rig.log.of("run.starting") == []
        assert rig.log.of("run.finished") == []
        assert engine.snapshot()["clock"]["trusted"] is False
        assert rig.service.sentence.startswith("clock not trusted, nothing starts; ")
        rig.clock.keeps_right = True
        await rig.until(60 * after_min + 2)
        assert (await rig.run_of(booked)).status is Status.STARTED
    assert told(rig, "clock.doubted", "clock.trusted") == ["clock.doubted", "clock.trusted"]
    (doubted,) = rig.log.of("clock.doubted")
    assert "10 minutes at most" in doubted["next"]
    (trusted,) = rig.log.of("clock.trusted")
    assert abs(trusted["doubted_ms"] - 60_000 * after_min) < 2_000
    missed = await rig.run_of(over)
    assert (missed.outcome, missed.reason) == (Outcome.MISSED, Reason.CLOCK)


@pytest.mark.parametrize("says", [False, None])
async def test_a_time_server_that_never_comes_is_waited_for_ten_minutes(rig, says):
    """Then everything starts all the same, loudly; so it is where the kernel may not be asked."""
    rig.clock_trust = ClockTrust.SYNCHRONISED
    rig.clock.keeps_right = says
    booked = await rig.book("lecture", 60, 3600)
    async with rig.running():
        await rig.until(599)
        assert rig.log.of("run.starting") == []
        await rig.until(602)
        assert (await rig.run_of(booked)).status is Status.STARTED
        await rig.until(4000)
    (line,) = rig.log.of("clock.wait_ended")
    assert line["level"] == "warning"
    assert abs(line["waited_ms"] - 600_000) < 1_000
    assert told(rig, "clock.doubted", "clock.trusted") == ["clock.doubted"]
    run = await rig.run_of(booked)
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.CLOCK)
    assert run.sentence.startswith("Recorded 51 min")


async def test_what_was_synchronised_once_is_not_waited_for_again(rig):
    """A time server that goes away later stops nothing: the clock does not go wrong at once."""
    rig.clock_trust = ClockTrust.SYNCHRONISED
    booked = await rig.book("lecture", 600, 60)
    async with rig.running():
        await rig.until(60)
        rig.clock.keeps_right = False
        await rig.until(700)
    assert (await rig.run_of(booked)).outcome is Outcome.RECORDED
    (line,) = rig.log.of("clock.doubted")
    assert line["trusted"] is True
    assert line["next"] == "everything starts by it all the same"


async def test_a_clock_behind_the_last_work_is_not_believed(rig):
    """A machine that wakes up in the past waits until somebody sets its clock."""
    await rig.book("before", 60, 60)
    async with rig.running():
        await rig.until(7200)
    rig.boot_at(START + HOUR)
    rig.clock.keeps_right = None
    again = await rig.book("by the wrong clock", 3660, 60)
    async with rig.running():
        await rig.clock.sleep(1800)
        assert (await rig.run_of(again)).status is Status.PENDING
        assert await watermark(rig) < START + timedelta(hours=2, minutes=20)
        rig.clock.step(HOUR)
        await rig.clock.sleep(120)
    (line,) = rig.log.of("clock.doubted")
    assert "this appliance has worked until 2026-12-01 10:00 UTC already" in line["detail"]
    assert len(rig.log.of("clock.trusted")) == 1
    run = await rig.run_of(again)
    assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.POWER_OFF)


@pytest.mark.parametrize(
    ("behind", "keeps_right", "seen_before", "started"),
    [
        pytest.param(timedelta(minutes=4), None, None, True, id="a clock that goes a bit slow"),
        pytest.param(timedelta(minutes=30), None, None, False, id="one that is far behind"),
        pytest.param(timedelta(minutes=30), True, None, True, id="a time server says it is right"),
        pytest.param(timedelta(minutes=30), None, timedelta(minutes=31), True, id="set back"),
    ],
)
async def test_what_outweighs_the_ledger(rig, behind, keeps_right, seen_before, started):
    """A ledger written by a clock that was ahead does not stop an appliance for good."""
    async with rig.running():
        await rig.until(7200)
    now = rig.clock.now()
    rig.boot_at(now - behind, trusted_until=None if seen_before is None else now - seen_before)
    rig.clock.keeps_right = keeps_right
    made = await rig.book("now", -3600, 600)
    async with rig.running():
        await rig.clock.sleep(5)
        assert bool(rig.log.of("run.started")) == started
    assert (await rig.run_of(made)).confirmed == started


async def test_a_recording_is_not_stopped_by_a_clock_that_falls_into_the_past(rig):
    """It goes on through 1970, and ends when the time is right again and it is over."""
    booked = await rig.book("lecture", 60, 3600)
    async with rig.running():
        await rig.until(600)
        right = rig.clock.now()
        rig.clock.step(IN_1970 - right)
        await rig.clock.sleep(600)
        assert (await rig.run_of(booked)).status is Status.STARTED
        assert rig.log.of("run.part_ended") == []
        rig.clock.step(right - IN_1970)
        await rig.until(3700)
    run = await rig.run_of(booked)
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1)
    assert told(rig, "clock.doubted", "clock.trusted") == ["clock.doubted", "clock.trusted"]


async def test_a_recording_goes_on_where_the_clock_goes_back_by_days(rig):
    """Its window lies ahead again, further than is planned for; nobody stops it for that."""
    booked = await rig.book("lecture", 60, 3600)
    waiting = await rig.book("next", 4000, 60)
    async with rig.running():
        await rig.until(3600)
        rig.clock.step(timedelta(days=-10))
        await rig.clock.sleep(3600)
        assert (await rig.run_of(booked)).status is Status.STARTED
        assert (await rig.run_of(waiting)).status is Status.PENDING
        rig.clock.step(timedelta(days=10))
        await rig.clock.sleep(100)
    assert (await rig.run_of(booked)).outcome is Outcome.RECORDED
    assert not rig.log.of("task.failed")


async def test_a_device_that_is_tried_again_is_so_after_the_clock_went_back(rig):
    """An hour taken back is no hour more to wait for the next attempt."""
    rig.device("rooms.a", fail_starts=1)
    booked = await rig.book("lecture", 60, 7200)
    async with rig.running():
        await rig.until(60.1)
        rig.clock.step(timedelta(minutes=-1))
        await rig.clock.sleep(70)
        assert (await rig.run_of(booked)).status is Status.STARTED


async def test_a_bad_disk_holds_no_start_up_after_a_step(rig):
    """What the clock jumped into begins within a second or so, whatever the ledger would say."""
    booked = await rig.book("lecture", 3600, 3600)
    async with rig.running():
        await rig.until(100)
        with rig.store.refusing():
            rig.clock.step(timedelta(minutes=90))
            await rig.clock.sleep(1.5)
            (line,) = rig.log.of("run.started")
            assert line["name"] == "lecture"
    assert (await rig.run_of(booked)).confirmed


async def test_every_start_after_a_step_has_its_row(rig):
    """A run is known by its number from its start on: a next daemon finds it by that."""
    async with rig.running():
        await rig.until(10)
        booked = await rig.book("lecture", 3600, 3600)
        rig.clock.step(timedelta(minutes=90))
        await rig.clock.sleep(5)
        (line,) = rig.log.of("run.starting")
        run = await rig.run_of(booked)
        assert line["run_id"] == run.id != 0
        assert run.parts[0].token.startswith(f"{run.id}-1-")


async def test_the_watermark_stands_for_a_minute_after_a_large_step(rig):
    """A clock that is set a year ahead and back within the minute leaves nothing behind."""
    async with rig.running():
        await rig.until(10)
        before = await watermark(rig)
        rig.clock.step(timedelta(days=365))
        await rig.clock.sleep(50)
        assert await watermark(rig) == before
        rig.clock.step(timedelta(days=-365))
        await rig.clock.sleep(400)
    assert await watermark(rig) < START + HOUR
