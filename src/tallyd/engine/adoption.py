"""Sessions that an earlier daemon left running: whose each is, and which are nobody's any more."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

import anyio
import anyio.abc

from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import Part, Run
from tallyd.engine.decisions import with_part
from tallyd.engine.fence import FencedDriver
from tallyd.engine.tokens import is_of, number_in
from tallyd.ports.drivers import DriverError, Observation

FOUND_WITHIN_S = 3.0
"""A device that does not say within so long what it does is taken to do nothing."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A run that goes on in a session, the facts of the part that this makes, and its bound."""

    run: Run
    part: Part
    ends_by: datetime | None


async def what_runs(
    drivers: Mapping[str, FencedDriver], tasks: anyio.abc.TaskGroup
) -> dict[str, tuple[Observation, ...]]:
    """Ask every driver, all at once, which sessions of an earlier daemon it has found again.

    They are asked by `tasks`: one that takes no heed of its deadline holds nobody up.
    """
    found: dict[str, tuple[Observation, ...]] = {}
    answered = [
        await tasks.start(_ask, driver, found, target)
        for target, driver in drivers.items()
        if driver.traits.survives
    ]
    with anyio.move_on_after(FOUND_WITHIN_S):
        for each in answered:
            await each.wait()
    return dict(found)


async def _ask(
    driver: FencedDriver,
    found: dict[str, tuple[Observation, ...]],
    target: str,
    *,
    task_status: anyio.abc.TaskStatus[anyio.Event],
) -> None:
    answered = anyio.Event()
    task_status.started(answered)
    with anyio.move_on_after(FOUND_WITHIN_S), suppress(DriverError):
        found[target] = await driver.recover()
    answered.set()


def adopted(seen: Observation, unfinished: Iterable[Run]) -> Adopted | None:
    """Give the run that a session belongs to, with the part that it makes; None: it is nobody's.

    The daemon may have died before it could write that part down.
    """
    run = next((run for run in unfinished if is_of(seen.token, run)), None)
    if run is None:
        return None
    begun = seen.first_data_at or run.planned.start
    part = next((part for part in run.parts if part.token == seen.token), None) or Part(
        number=free_number(run, seen.token),
        input=seen.input,
        piece=replace(run.planned, start=min(max(begun, run.planned.start), run.planned.stop)),
        token=seen.token,
        commanded_at=begun,
    )
    part = replace(
        part,
        first_data_at=part.first_data_at or seen.first_data_at,
        last_data_at=seen.last_data_at or part.last_data_at,
        reference=seen.reference,
        end=None,
        stopped_at=None,
    )
    status = advance(run.status, Event.BOOT_FOUND_RECORDING)
    parts = with_part(run.parts, part)
    return Adopted(replace(run, status=status, parts=parts), part, seen.ends_by)


def free_number(run: Run, token: str, in_use: Collection[int] = ()) -> int:
    """Give the number of a part that a run does not know of: its own, unless that is taken.

    What was tried and brought no data keeps no number; what is `in_use` does.
    """
    wanted = number_in(token) or 1
    taken = {part.number for part in run.parts if part.first_data_at is not None}.union(in_use)
    return max(taken) + 1 if wanted in taken else wanted
