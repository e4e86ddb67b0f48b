"""Which targets have to be planned anew since somebody looked last. Plans nothing itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tallyd.domain.model import Run, Status
from tallyd.domain.window import MILLISECOND
from tallyd.ports.store import Reader

Mark = tuple[str, int, bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """How things were at one look: the wishes' revision, what runs, where each schedule was."""

    revision: int = -1
    marks: frozenset[Mark] = frozenset()
    homes: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class Look:
    """How things are: the runs of now, and the `targets` that changed; None where it may be any."""

    seen: Seen
    runs: tuple[Run, ...]
    targets: frozenset[str] | None


async def look(reader: Reader, before: Seen, now: datetime) -> Look:
    """Look at what has changed since `before`; from `Seen()` on everything has."""
    revision = await reader.revision()
    runs = await _runs_now(reader, now)
    marks = _marks(runs)
    touched = {target for target, *_ in marks ^ before.marks}
    if revision == before.revision:
        return Look(Seen(revision, marks, before.homes), runs, frozenset(touched))
    changes = await reader.changes_since(before.revision)
    homes = {schedule.id: schedule.target for schedule in changes.schedules}
    touched |= {*homes.values(), *(before.homes[each] for each in homes if each in before.homes)}
    seen = Seen(revision, marks, {**before.homes, **homes})
    any_of_them = changes.targets is not None or changes.exception_days is not None
    return Look(seen, runs, None if any_of_them else frozenset(touched))


async def _runs_now(reader: Reader, now: datetime) -> tuple[Run, ...]:
    """Give the runs that are under way, and those that ended before their time."""
    around = await reader.runs(start=now, stop=now + MILLISECOND)
    every = {run.id: run for run in (*await reader.unfinished_runs(), *around)}
    return tuple(every.values())


def _marks(runs: Iterable[Run]) -> frozenset[Mark]:
    """Give what of runs decides about plans: a row that only waits decides nothing."""
    return frozenset(
        (run.target, run.id, run.status is Status.FINISHED)
        for run in runs
        if run.confirmed or run.status is Status.FINISHED
    )
