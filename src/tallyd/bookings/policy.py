"""What a change may do to others, and the guard that holds it to that."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum

from tallyd.catalogue import load_wishes, with_changes
from tallyd.domain.errors import Refused, Victim
from tallyd.domain.impact import victims, worsened
from tallyd.domain.planner import HORIZON, Wishes
from tallyd.domain.recurrence import in_utc, slots_from
from tallyd.domain.window import Window
from tallyd.ports.store import Transaction

_NAMED_AT_MOST = 5


class Policy(StrEnum):
    """What a booking may do to others.

    `report` stores what overlaps and says so, but cuts nothing that runs now; `reject` stores
    nothing that overlaps; `force` stores whatever it does to others.
    """

    REPORT = "report"
    REJECT = "reject"
    FORCE = "force"


@asynccontextmanager
async def guarded(
    tx: Transaction,
    policy: Policy,
    now: datetime,
    targets: Collection[str],
    new_at: int | None = None,
) -> AsyncGenerator[None]:
    """Refuse the change made inside where the policy forbids what it does to others.

    `new_at` is the priority of a schedule where adding that is the whole change.
    """
    if policy is Policy.FORCE:
        yield
        return
    looked_at = targets
    if policy is Policy.REPORT:
        looked_at = await _at_stake(tx, targets, new_at)
    # Also what is final already: it holds nothing of what is left of its window.
    before = [await load_wishes(tx, key, now) for key in sorted(looked_at)]
    yield
    if not before:
        return
    changes = await tx.changed()
    for then in before:
        after = with_changes(then, changes)
        _refuse_victims(then, after, now)
        if policy is Policy.REJECT:
            _refuse_overlap(then, after, now)


async def _at_stake(
    tx: Transaction, targets: Collection[str], new_at: int | None
) -> Collection[str]:
    """Give the targets on which something runs that the change may cut.

    What is new cuts nothing that runs at its priority or a higher one: running goes first.
    """
    running = [run for run in await tx.unfinished_runs(targets) if run.confirmed]
    if new_at is None:
        return {run.target for run in running}
    holders = await tx.schedules_of({run.schedule_id for run in running})
    outranked = {schedule.id for schedule in holders if schedule.priority < new_at}
    return {run.target for run in running if run.schedule_id in outranked}


def _refuse_victims(before: Wishes, after: Wishes, now: datetime) -> None:
    cut = victims(before, after, now)
    if cut:
        names = ", ".join(
            f'run {victim.run_id} "{victim.name}" ({_maker(victim)}) from '
            f"{victim.loses.start:%Y-%m-%d %H:%M:%S} to {victim.loses.stop:%H:%M:%S} UTC"
            for victim in cut
        )
        brief = "it would cut what is recording now"
        raise Refused(f"{brief}: {names}", cut, brief)


def _maker(victim: Victim) -> str:
    return "by hand" if victim.schedule_id is None else f"schedule {victim.schedule_id}"


def _refuse_overlap(before: Wishes, after: Wishes, now: datetime) -> None:
    short = worsened(before, after, _looked_at(before, after, now))
    if short:
        listed = ", ".join(
            f'"{entry.schedule.name}" (schedule {entry.schedule.id}) at '
            f"{entry.occurrence.window.start:%Y-%m-%d %H:%M:%S} UTC"
            for entry in short[:_NAMED_AT_MOST]
        )
        more = len(short) - _NAMED_AT_MOST
        tail = f" and {more} more" if more > 0 else ""
        brief = "the time is not free"
        sentence = f"{brief}; this would not have all of its time: {listed}{tail}"
        raise Refused(sentence, brief=brief)


def _looked_at(before: Wishes, after: Wishes, now: datetime) -> Window:
    """Give the horizon, and beyond it the first occurrence of what is new, however far off."""
    known = {schedule.id: schedule for schedule in before.schedules}
    changed = (each for each in after.schedules if known.get(each.id) != each)
    firsts = (next(slots_from(in_utc(schedule), now), None) for schedule in changed)
    day = timedelta(days=1)
    return Window(now, max([now + HORIZON, *(each.window.stop + day for each in firsts if each)]))
