"""Sessions that an earlier daemon left running: whose each is, and which are nobody's any more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import anyio

from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import EndReason, Part, Run
from tallyd.engine.decisions import with_part
from tallyd.engine.fence import FencedDriver
from tallyd.engine.recovery import cut_off
from tallyd.ports.drivers import DriverError, Observation

FOUND_WITHIN_S = 3.0
"""A device that does not say within so long what it does is taken to do nothing."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A run that goes on in a session, and the facts of the part that this session makes."""

    run: Run
    part: Part


async def what_runs(drivers: Mapping[str, FencedDriver]) -> dict[str, tuple[Observation, ...]]:
    """Ask every driver, all at once, which sessions of an earlier daemon it has found again."""
    found: dict[str, tuple[Observation, ...]] = {}

    async def ask(target: str, driver: FencedDriver) -> None:
        with anyio.move_on_after(FOUND_WITHIN_S):
            try:
                found[target] = await driver.recover()
            except DriverError:
                return

    async with anyio.create_task_group() as asking:
        for target, driver in drivers.items():
            if driver.traits.survives:
                asking.start_soon(ask, target, driver)
    return found


def adopted(seen: Observation, unfinished: Iterable[Run]) -> Adopted | None:
    """Give the run that a session belongs to, with the part that it makes; None: it is nobody's.

    The daemon may have died before it could write that part down.
    """
    numbers = numbers_of(seen.token)
    run = next((run for run in unfinished if numbers and run.id == numbers[0]), None)
    if run is None or numbers is None:
        return None
    written = next((part for part in run.parts if part.token == seen.token), None)
    begun = seen.first_data_at or run.planned.start
    part = written or Part(
        number=numbers[1],
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
    others = (each for each in run.parts if each.number != part.number)
    parts = tuple(cut_off(each, EndReason.DAEMON_DIED) for each in others)
    status = advance(run.status, Event.BOOT_FOUND_RECORDING)
    return Adopted(replace(run, status=status, parts=with_part(parts, part)), part)


def numbers_of(token: str) -> tuple[int, int] | None:
    """Give the run's id and the part's number that a token names; None: it is not one of ours."""
    run_id, _, rest = token.partition("-")
    number = rest.partition("-")[0]
    if not (run_id.isdecimal() and number.isdecimal()):
        return None
    return int(run_id), int(number)
