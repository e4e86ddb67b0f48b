"""The suite that every driver must pass, for its author's own tests; it needs no test framework.

With pytest and anyio's plugin::

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    async def test_conformance(check, tmp_path):
        make = lambda context: MyRecorder(context, MyOptions())
        await verify(check, Subject(make=make, clock=SystemClock(), directory=tmp_path))
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path  # noqa: TC003 - as everywhere here

import anyio

from tallyd.domain.model import EndReason, Reason
from tallyd.ports.drivers import DriverError, SessionState, StartOrder, Traits, WarmsUp
from tallyd.testing import survival
from tallyd.testing.bench import EARLIEST, Bench, Check, NonConformity, Subject, expect, verify

__all__ = ["CHECKS", "Bench", "Check", "NonConformity", "Subject", "verify"]

_LONGEST_LEAD_MS = 60_000


async def traits_are_sane(bench: Bench) -> None:
    """Check that the traits never change and hold figures that the engine can work with."""
    traits: Traits = bench.driver.traits
    expect(traits == bench.driver.traits, "traits change")
    expect(0 <= traits.lead_ms <= _LONGEST_LEAD_MS, "lead_ms lies outside 0..60000")
    expect(0 <= traits.spread_ms <= _LONGEST_LEAD_MS, "spread_ms lies outside 0..60000")
    expect(traits.inputs >= bench.subject.capacity, "it has fewer inputs than were configured")
    for name in ("first_data", "stall", "stop", "call"):
        expect(getattr(traits, f"{name}_timeout_ms") > 0, f"{name}_timeout_ms is not positive")


async def probe_says_what_it_is(bench: Bench) -> None:
    """Check that a probe gives a few words on one line, and starts nothing."""
    words = await bench.driver.probe()
    expect(words.strip() and "\n" not in words, "probe gives no line of words")
    expect(not await bench.driver.observe(), "probe started something")


async def probe_harms_nothing(bench: Bench) -> None:
    """Check that a probe, answered, refused or broken off, leaves a session and a start alone."""
    await _broken_off(bench.driver.probe)
    expect(not await bench.driver.observe(), "a probe that was broken off started something")
    order = bench.order("t1")
    await bench.driver.start(order)
    with suppress(DriverError):  # what is in use may say so
        await bench.driver.probe()
    await _broken_off(bench.driver.probe)
    await bench.run()
    shown = await bench.shown("t1")
    expect(shown is not None, "a probe ended the session beside it")
    expect(shown is None or shown.state is SessionState.FLOWING, "a probe cost a session its data")
    await bench.driver.stop("t1")


async def warm_up_starts_nothing(bench: Bench) -> None:
    """Check that warming up, where the driver can, shows no session and hinders no start."""
    if not isinstance(bench.driver, WarmsUp):
        return
    await bench.driver.warm_up()
    await _broken_off(bench.driver.warm_up)
    expect(not await bench.driver.observe(), "warming up started something")
    await bench.driver.start(bench.order("t1"))
    await bench.driver.stop("t1")


async def start_returns_with_data(bench: Bench) -> None:
    """Check that a start returns what was ordered, with data that flows since a likely instant."""
    order = bench.order("t1")
    commanded = bench.subject.clock.now()
    started = await bench.driver.start(order)
    now = bench.subject.clock.now()
    expect((started.token, started.input) == ("t1", 0), "start answers for another order")
    expect(started.state is SessionState.FLOWING, f"start returned while {started.state}")
    first = started.first_data_at
    if first is None or first.utcoffset() != timedelta(0):
        raise NonConformity("start returned without an aware UTC first_data_at")
    expect(commanded - EARLIEST <= first <= now, "first_data_at lies outside the call of start")
    await bench.driver.stop("t1")


async def observe_shows_what_runs(bench: Bench) -> None:
    """Check that what runs is shown once, with data that is no older than at its start."""
    order = bench.order("t1")
    started = await bench.driver.start(order)
    await bench.run()
    shown = [o for o in await bench.driver.observe() if o.token == order.token]
    expect(len(shown) == 1, f"observe shows a running session {len(shown)} times")
    expect(shown[0].state is SessionState.FLOWING, f"a running session is {shown[0].state}")
    if started.last_data_at is None or shown[0].last_data_at is None:
        raise NonConformity("a session that flows has no last_data_at")
    expect(shown[0].last_data_at >= started.last_data_at, "last_data_at went back")
    await bench.driver.stop("t1")


async def stop_leaves_whole_files(bench: Bench) -> None:
    """Check that a stop leaves files that are there, and a session that is shown no more."""
    await bench.driver.start(bench.order("t1"))
    await bench.run()
    stopped = await bench.driver.stop("t1")
    expect(stopped.state is SessionState.ENDED, f"stop returned while {stopped.state}")
    for file in stopped.files:
        path = anyio.Path(file)
        expect(file.is_absolute() and await path.is_file(), f"{file} is not there")
        expect((await path.stat()).st_size > 0, f"{file} is empty")
        expect(file.suffix != ".part", f"{file} has no final name")
    expect(await bench.shown("t1") is None, "a stopped session is still shown")


async def stop_is_idempotent(bench: Bench) -> None:
    """Check that a second stop tells the same, and that one of what never ran is no error."""
    await bench.driver.start(bench.order("t1"))
    first = await bench.driver.stop("t1")
    second = await bench.driver.stop("t1")
    expect(second == first, "a second stop tells something else")
    unknown = await bench.driver.stop("never-started")
    expect(unknown.state is SessionState.ENDED, "what never ran has not ended")


async def cancelled_start_leaves_nothing(bench: Bench) -> None:
    """Check that a start cancelled early or late leaves no session, no file and no harm."""
    for number, after_s in enumerate((0.0, 0.01, 0.05)):
        with anyio.move_on_after(after_s) as scope:
            await bench.driver.start(bench.order(f"c{number}"))
        if not scope.cancelled_caught:
            await bench.driver.stop(f"c{number}")
            continue
        expect(await bench.shown(f"c{number}") is None, "a cancelled start is shown as a session")
        left = [path.name async for path in anyio.Path(bench.subject.directory).glob(f"c{number}*")]
        expect(not left, f"a cancelled start left {left}")
    await bench.driver.start(bench.order("after"))
    await bench.driver.stop("after")


async def inputs_run_side_by_side(bench: Bench) -> None:
    """Check that every input that is configured runs a session of its own at the same time."""
    inputs = range(bench.subject.capacity)
    for number in inputs:
        await bench.driver.start(bench.order(f"t{number}", on_input=number))
    await bench.run()
    shown = {o.input for o in await bench.driver.observe() if o.state is SessionState.FLOWING}
    expect(shown == set(inputs), f"of the inputs {list(inputs)} only {sorted(shown)} run")
    for number in inputs:
        await bench.driver.stop(f"t{number}")


async def overlap_is_as_declared(bench: Bench) -> None:
    """Check that a second session on one input opens or is refused as the traits say."""
    await bench.driver.start(bench.order("t1"))
    try:
        await bench.driver.start(bench.order("t2"))
    except DriverError as error:
        expect(not bench.driver.traits.overlap, f"an overlapping start was refused: {error}")
    else:
        expect(bench.driver.traits.overlap, "it says that it cannot overlap, and does")
        await bench.driver.stop("t2")
    await bench.driver.stop("t1")


async def files_are_never_overwritten(bench: Bench) -> None:
    """Check that a second part with the same output leaves the files of the first alone."""
    kept: dict[Path, bytes] = {}
    for token in ("t1", "t2"):
        await bench.driver.start(bench.order(token, name="same"))
        await bench.run()
        stopped = await bench.driver.stop(token)
        expect(not kept.keys() & set(stopped.files), "a second part took the name of the first")
        for path, content in kept.items():
            expect(await anyio.Path(path).read_bytes() == content, f"{path} was overwritten")
        kept |= {path: await anyio.Path(path).read_bytes() for path in stopped.files}


async def impossible_orders_are_refused(bench: Bench) -> None:
    """Check that a missing input and a token that runs are refused, with reason and sentence."""
    await _expect_refusal(bench, bench.order("t1", on_input=bench.driver.traits.inputs))
    await bench.driver.start(bench.order("t1"))
    await _expect_refusal(bench, bench.order("t1"))
    expect(await bench.shown("t1") is not None, "a refused order took a running session with it")
    await bench.driver.stop("t1")


async def ended_session_is_shown_until_stopped(bench: Bench) -> None:
    """Check that a session that ends by itself is shown, with its cause, until it is stopped."""
    if bench.subject.break_session is None:
        return
    started = await bench.driver.start(bench.order("t1"))
    await bench.subject.break_session(started)
    shown = await bench.shown("t1")
    while shown is not None and shown.state is not SessionState.ENDED:
        await bench.run()
        shown = await bench.shown("t1")
    expect(shown is not None, "a session that ended by itself is forgotten")
    expect(shown is not None and shown.end is EndReason.DIED, "its end is not `died`")
    expect(shown is not None and shown.detail, "nothing is said of why it ended")
    stopped = await bench.driver.stop("t1")
    expect(stopped.end is EndReason.DIED, "once stopped, its end is no longer known")
    expect(await bench.shown("t1") is None, "it is shown although it was stopped")


CHECKS: tuple[Check, ...] = (
    traits_are_sane,
    probe_says_what_it_is,
    probe_harms_nothing,
    warm_up_starts_nothing,
    start_returns_with_data,
    observe_shows_what_runs,
    stop_leaves_whole_files,
    stop_is_idempotent,
    cancelled_start_leaves_nothing,
    inputs_run_side_by_side,
    overlap_is_as_declared,
    files_are_never_overwritten,
    impossible_orders_are_refused,
    ended_session_is_shown_until_stopped,
    survival.sessions_survive_their_process,
    survival.what_survives_keeps_its_input,
    survival.what_was_cut_off_is_salvaged,
)


async def _broken_off(call: Callable[[], Awaitable[object]]) -> None:
    """Cancel a call at once and a moment later: it may have answered by then."""
    for after_s in (0.0, 0.01):
        with anyio.move_on_after(after_s), suppress(DriverError):
            await call()


async def _expect_refusal(bench: Bench, order: StartOrder) -> None:
    try:
        await bench.driver.start(order)
    except DriverError as error:
        expect(str(error.reason) in set(Reason), "an error has no reason code")
        expect(error.sentence.strip() and "\n" not in error.sentence, "an error says nothing")
    else:
        raise NonConformity(f"an impossible order was taken: {order}")
