"""The simulated recorder and feed: every latency and fault, on a clock of our own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tallyd.domain.model import EndReason
from tallyd.domain.window import Window
from tallyd.drivers.feeds.simulated import SimulatedFeed
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    GiveUpError,
    SessionState,
    StartOrder,
    TryAgainError,
)

PART = "t1"
START = datetime(2026, 12, 1, 8, tzinfo=UTC)


class HandClock:
    """A clock that moves only when somebody sleeps on it or moves it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """Give the time that was set."""
        return self.at

    def monotonic(self) -> float:
        """Give the same on a steady scale."""
        return (self.at - START).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.at += timedelta(seconds=seconds)
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that costs no time."""
    return HandClock()


def order(token: str = PART, on_input: int = 0) -> StartOrder:
    """Order a part of an hour."""
    piece = Window(START, START + timedelta(hours=1))
    return StartOrder("rooms.aula", on_input, token, "Lecture", piece, Path("/nowhere/at/all"))


@pytest.fixture(params=[SimulatedRecorder, SimulatedFeed])
def make(request: pytest.FixtureRequest, clock: HandClock):
    """Make a recorder, then a feed, with options."""

    def make(capacity: int = 1, **options):
        context = DriverContext("rooms.aula", capacity, clock, lambda _task: None)
        return request.param(context, request.param.Options(**options))

    return make


async def test_without_options_it_is_prompt_and_faultless(make, clock: HandClock):
    """It starts, runs for hours and stops without touching anything."""
    device = make()
    started = await device.start(order())
    assert (started.first_data_at, started.state) == (START, SessionState.FLOWING)
    clock.at += timedelta(hours=1)
    (shown,) = await device.observe()
    assert shown.last_data_at == clock.at
    stopped = await device.stop("t1")
    assert (stopped.state, stopped.files, stopped.end) == (SessionState.ENDED, (), None)
    assert await device.observe() == ()


async def test_latency_and_jitter_pass_on_the_clock(make, clock: HandClock):
    """A start takes its time, with a jitter that is the same for the same part."""
    device = make(start_ms=200, stop_ms=100, jitter_ms=50)
    assert device.traits.lead_ms == 225
    first = (await device.start(order())).first_data_at - START
    assert timedelta(milliseconds=200) <= first <= timedelta(milliseconds=250)
    before = clock.at
    await device.stop("t1")
    assert clock.at - before >= timedelta(milliseconds=100)
    before = clock.at
    assert (await device.start(order())).first_data_at - before == first


async def test_faults_end_or_silence_a_session(make, clock: HandClock):
    """A session dies, or falls silent, exactly when it was told to, and its bytes stand still."""
    dying = make(die_after_s=10, bytes_per_s=100)
    silent = make(go_silent_after_s=5, bytes_per_s=100)
    await dying.start(order())
    await silent.start(order())
    clock.at += timedelta(seconds=9)
    assert (await dying.observe())[0].state is SessionState.FLOWING
    (shown,) = await silent.observe()
    assert (shown.state, shown.bytes) == (SessionState.SILENT, 500)
    assert shown.last_data_at == START + timedelta(seconds=5)
    clock.at += timedelta(seconds=9)
    (shown,) = await dying.observe()
    assert (shown.state, shown.end, shown.bytes) == (SessionState.ENDED, EndReason.DIED, 1000)
    assert (await dying.stop("t1")).end is EndReason.DIED


async def test_a_device_that_lies_says_that_it_started(make):
    """It returns from the start, and shows no data."""
    started = await make(no_data=True).start(order())
    assert (started.state, started.first_data_at) == (SessionState.SILENT, None)


async def test_so_many_starts_fail_and_the_next_works(make):
    """The first two fail with a reason to try again, the third flows."""
    device = make(fail_starts=2)
    for _ in range(2):
        with pytest.raises(TryAgainError):
            await device.start(order())
    assert (await device.start(order())).state is SessionState.FLOWING


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"refuse": True}, GiveUpError),
        ({"blocked_by": "the evening class"}, DeviceBlockedError),
        ({"unreachable": True}, TryAgainError),
    ],
)
async def test_refusals_are_of_the_kind_that_was_set(make, options: dict, error: type):
    """Each fault raises what the engine tells apart."""
    with pytest.raises(error):
        await make(**options).start(order())


async def test_an_unreachable_device_does_not_answer(make):
    """Neither the probe nor the question what runs is answered."""
    device = make(unreachable=True)
    for question in (device.probe, device.observe):
        with pytest.raises(TryAgainError):
            await question()


async def test_hanging_calls_hang_until_they_are_cancelled(make):
    """A start and a stop that hang leave the session as it was."""
    device = make(hang_start=True)
    with anyio.move_on_after(0.01) as scope:
        await device.start(order())
    assert scope.cancelled_caught
    device = make(hang_stop=True)
    await device.start(order())
    with anyio.move_on_after(0.01) as scope:
        await device.stop("t1")
    assert scope.cancelled_caught
    assert len(await device.observe()) == 1


async def test_more_capacity_than_inputs_is_refused(make):
    """Two at once need two inputs; with them they run side by side."""
    with pytest.raises(GiveUpError, match="needs `inputs` = 2"):
        make(capacity=2, inputs=1)
    device = make(capacity=2, inputs=2)
    await device.start(order("t1", 0))
    await device.start(order("t2", 1))
    assert [o.input for o in await device.observe()] == [0, 1]


async def test_only_the_last_stopped_are_remembered(make):
    """A device that runs for years does not grow."""
    device = make()
    for number in range(40):
        await device.start(order(f"t{number}"))
        await device.stop(f"t{number}")
    assert (await device.stop("t39")).first_data_at == START
    assert (await device.stop("t0")).first_data_at is None


async def test_a_device_can_be_gone_for_a_while(make, clock: HandClock):
    """It answers and starts nothing then; what it said it heard before, it still says after."""
    device = make(gone_after_s=10, gone_for_s=20, bytes_per_s=1)
    await device.probe()
    await device.start(order())
    clock.at = START + timedelta(seconds=15)
    for call in (device.probe(), device.observe(), device.start(order("t2", 0))):
        with pytest.raises(TryAgainError, match="does not answer"):
            await call
    assert (await device.stop("t1")).last_data_at == START + timedelta(seconds=10)
    clock.at = START + timedelta(seconds=30)
    assert await device.probe() == "a simulated device"
    await device.start(order("t3"))


async def test_a_device_can_be_gone_for_good(make, clock: HandClock):
    """Without a time to be back it never is."""
    device = make(gone_after_s=10)
    clock.at = START + timedelta(days=10)
    with pytest.raises(TryAgainError):
        await device.probe()


async def test_a_probe_can_hang(make):
    """For whoever sets a deadline on it."""
    with pytest.raises(TimeoutError), anyio.fail_after(0.01):
        await make(hang_probe=True).probe()


def test_it_says_how_fast_its_files_would_grow(make):
    """So that the room on a disk can be tried out."""
    assert make(bytes_per_s=7).traits.bytes_per_s == 7
