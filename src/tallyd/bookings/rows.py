"""Single rows that a change is about, and the overrides laid over them; decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from tallyd.domain.errors import NotFound, Refused
from tallyd.domain.ledger import AHEAD, due_runs
from tallyd.domain.model import Override, Run, Schedule, Status, Target
from tallyd.domain.window import MILLISECOND, Window
from tallyd.ports.store import Transaction


async def known_targets(tx: Transaction, wanted: str) -> tuple[str, ...]:
    """Give the keys of the targets that are configured; of `wanted` alone where it is one of them.

    The others are there to be proposed in its place.
    """
    found = await tx.target(wanted)
    if found is not None and found.known:
        return (wanted,)
    return tuple(target.key for target in await tx.targets() if target.known)


async def target_of(tx: Transaction, key: str) -> Target:
    """Give a target.

    Raises:
        NotFound: there is none of that key.
    """
    found = await tx.target(key)
    if found is None:
        raise NotFound("target", key)
    return found


async def standing_schedule(tx: Transaction, schedule_id: int) -> Schedule:
    """Give a schedule that was not removed.

    Raises:
        NotFound: there is none of that id.
    """
    schedule = await tx.schedule(schedule_id)
    if schedule is None or schedule.ended is not None:
        raise NotFound("schedule", str(schedule_id))
    return schedule


async def open_run(tx: Transaction, run_id: int) -> Run:
    """Give a run that has no outcome yet.

    Raises:
        NotFound: there is none of that id.
        Refused: it is finished.
    """
    run = await tx.run(run_id)
    if run is None:
        raise NotFound("run", str(run_id))
    if run.status is Status.FINISHED:
        raise Refused(f"run {run_id} is finished: {run.outcome}")
    return run


async def begun_runs(
    tx: Transaction, now: datetime, schedule_id: int | None = None
) -> tuple[Run, ...]:
    """Give the runs, of one schedule or of all, that fell due and have no outcome yet."""
    return tuple(
        run
        for run in await tx.unfinished_runs()
        if run.planned.start <= now and schedule_id in {None, run.schedule_id}
    )


async def leave_out(tx: Transaction, run: Run) -> None:
    """Take from the occurrence of a run what it still could have held."""
    await tx.put_override(replace(await known_override(tx, run), excluded=True))


async def end_by(tx: Transaction, run: Run, now: datetime) -> None:
    """Let the occurrence of a run end now, unless its end has passed already."""
    known = await known_override(tx, run)
    await tx.put_override(replace(known, stop=min(now, known.stop or run.planned.stop)))


async def known_override(tx: Transaction, run: Run) -> Override:
    """Give what was said of the occurrence of a run before, or an override that says nothing."""
    return override_of(await tx.overrides({run.schedule_id}), run.schedule_id, run.slot)


def override_of(overrides: Iterable[Override], schedule_id: int, slot: str) -> Override:
    """Give the override of an occurrence, or one that says nothing."""
    return next((o for o in overrides if o.slot == slot), Override(schedule_id, slot))


async def materialise(
    tx: Transaction,
    schedules: Iterable[Schedule],
    overrides: Mapping[int, tuple[Override, ...]],
    now: datetime,
) -> None:
    """Write the rows of what starts soon: that also is the intent of a start for now."""
    until = max(now + AHEAD, await tx.watermark() or now)
    for schedule in schedules:
        begun = now - schedule.duration + MILLISECOND  # what started before that is over
        since = min(now, max(schedule.effective_from, begun))
        await tx.insert_runs(due_runs((schedule,), overrides, Window(since, until + MILLISECOND)))


async def write_due(tx: Transaction, schedule: Schedule, now: datetime) -> None:
    """Write the rows of what fell due under the old wishes, before they change."""
    since = await tx.watermark() or schedule.effective_from
    if since <= now:
        overrides = {schedule.id: await tx.overrides({schedule.id})}
        starts = Window(since, now + MILLISECOND)
        await tx.insert_runs(due_runs((schedule,), overrides, starts))
