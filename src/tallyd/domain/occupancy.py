"""Who holds a target at one instant. Pure; the plan decides, this only looks at it."""

from dataclasses import dataclass
from datetime import datetime

from tallyd.domain.model import Run, Target
from tallyd.domain.planner import Planned, Wishes, plan_target
from tallyd.domain.window import MILLISECOND, Window


@dataclass(frozen=True, slots=True)
class Holder:
    """An occurrence that holds a target, the piece that it holds, and its run.

    While it is `paused` it holds on. `run` is None only where no row was written of it yet.
    """

    entry: Planned
    piece: Window
    run: Run | None
    paused: bool


@dataclass(frozen=True, slots=True)
class Occupancy:
    """A target and who holds it, in order of start; an operator's lock is the target's."""

    target: Target
    holders: tuple[Holder, ...]

    @property
    def is_full(self) -> bool:
        """Whether as many hold it as it has inputs."""
        return len(self.holders) >= self.target.capacity


def occupancy(wishes: Wishes, now: datetime) -> Occupancy:
    """Tell who holds a target now: whose claim it is, whether or not data flows."""
    runs = {(run.schedule_id, run.slot): run for run in wishes.runs}
    holders = tuple(
        Holder(entry, piece, runs.get(entry.key), _is_paused(wishes, entry))
        for entry in plan_target(wishes, Window(now, now + MILLISECOND))
        for piece in entry.claim
        if piece.holds(now)
    )
    return Occupancy(wishes.target, holders)


def _is_paused(wishes: Wishes, entry: Planned) -> bool:
    schedule_id, slot = entry.key
    return any(o.paused for o in wishes.overrides.get(schedule_id, ()) if o.slot == slot)
