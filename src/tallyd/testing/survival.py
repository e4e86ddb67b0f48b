"""What a driver must keep whose sessions outlive the process that started them."""

from contextlib import suppress

import anyio

from tallyd.ports.drivers import DriverError, Observation, Recovers, SessionState
from tallyd.testing.bench import EARLIEST, Bench, NonConformity, expect

_PATIENCE = 100


async def sessions_survive_their_process(bench: Bench) -> None:
    """Check that what survives is found again, once, goes on, and ends with whole files."""
    if not bench.driver.traits.survives:
        return
    started = await bench.driver.start(bench.order("t1"))
    await bench.run()
    heir = bench.succeed()
    recovered = [o for o in await _recover(heir) if o.token == "t1"]  # noqa: S105 - no secret
    expect(len(recovered) == 1, f"a session that survives is found {len(recovered)} times")
    expect((recovered[0].input, recovered[0].files) == (0, started.files), "it is found as another")
    await bench.run()
    shown = await heir.shown("t1")
    expect(shown is not None and shown.state is SessionState.FLOWING, "it does not go on")
    if shown is None or shown.first_data_at is None or started.first_data_at is None:
        raise NonConformity("a session that was found again says not when it began")
    moved = abs(shown.first_data_at - started.first_data_at)
    expect(moved < EARLIEST, f"its beginning has moved by {moved}")
    stopped = await heir.driver.stop("t1")
    for file in stopped.files:
        expect((await anyio.Path(file).stat()).st_size > 0, f"{file} is empty")
        expect(file.suffix != ".part", f"{file} has no final name")
    expect(not await _recover(heir.succeed()), "what was stopped is found again")


async def what_survives_keeps_its_input(bench: Bench) -> None:
    """Check that nobody starts beside a session whose process has died, known or not."""
    if not bench.driver.traits.survives:
        return
    await bench.driver.start(bench.order("t1"))
    heir = bench.succeed()  # which does not look what is there
    with suppress(DriverError):
        await heir.driver.start(bench.order("t2"))
        raise NonConformity("a second session was started on an input that was in use")
    await _recover(heir)
    for shown in await heir.driver.observe():
        await heir.driver.stop(shown.token)
    await heir.driver.start(bench.order("t3"))
    await heir.driver.stop("t3")


async def what_was_cut_off_is_salvaged(bench: Bench) -> None:
    """Check that files of a session that died alone get final names, whole, and keep them."""
    if not bench.driver.traits.survives or bench.subject.break_session is None:
        return
    started = await bench.driver.start(bench.order("t1"))
    while not all([(await anyio.Path(file).stat()).st_size for file in started.files]):
        await bench.run()
    await bench.subject.break_session(started)
    await _ended(bench)
    heir = bench.succeed()
    expect(not await _recover(heir), "what is dead is found as running")
    if not isinstance(heir.driver, Recovers):
        raise NonConformity("its sessions survive, and it cannot salvage their files")
    done = await heir.driver.salvage(started.files)
    expect(len(done.files) == len(started.files), "a file that was cut off is lost")
    for file in done.files:
        expect((await anyio.Path(file).stat()).st_size > 0, f"{file} is empty")
        expect(file.suffix != ".part", f"{file} has no final name")
    expect((await heir.driver.salvage(done.files)).files == done.files, "a finished file is moved")
    expect(not (await heir.driver.salvage(started.files)).files, "a file that is gone is named")


async def _ended(bench: Bench) -> None:
    for _ in range(_PATIENCE):
        shown = await bench.shown("t1")
        if shown is None or shown.state is SessionState.ENDED:
            return
        await bench.run()
    raise NonConformity("a session that was broken does not end")


async def _recover(bench: Bench) -> tuple[Observation, ...]:
    if not isinstance(bench.driver, Recovers):
        raise NonConformity("its sessions survive, and it cannot find them again")
    return await bench.driver.recover()
