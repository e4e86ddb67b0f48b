"""Judges a simulation by what was promised and what devices did: gives every broken invariant.

Pure, and no use of the engine's own judgement. Here is what was promised (a), that what fell due
has one outcome (b), and that a restart changes nothing (f); `deeds` has (c) and (d), `truth` (e),
`by_hand` (h).
"""

from collections.abc import Iterator
from datetime import timedelta

from simulation.by_hand import ByHand
from simulation.deeds import Deeds
from simulation.evidence import Evidence, spell
from simulation.history import History, Ledger
from simulation.truth import Truth
from tallyd.domain.model import Outcome, Run, Status

_AHEAD = timedelta(minutes=66)


def check(history: History, ledger: Ledger, restarted: Ledger) -> list[str]:
    """Give the invariants that are broken, one sentence each; none is what is wanted."""
    evidence = Evidence(history, ledger)
    return [
        *history.broken,
        *_promises(evidence),
        *_outcomes(evidence),
        *Deeds(evidence).broken(),
        *Truth(evidence).broken(),
        *ByHand(evidence).broken(),
        *_restart(ledger, restarted),
    ]


def _promises(evidence: Evidence) -> Iterator[str]:
    """Compare (a) what was acknowledged with what is stored."""
    history, ledger = evidence.history, evidence.ledger
    stored = {schedule.id: schedule for schedule in ledger.schedules}
    for schedule_id, wishes in history.wishes.items():
        if stored.get(schedule_id) != wishes[-1].schedule:
            yield f"(a) schedule {schedule_id} is not as it was acknowledged"
        overrides = tuple(o for o in ledger.overrides if o.schedule_id == schedule_id)
        if overrides != wishes[-1].overrides:
            yield f"(a) the overrides of schedule {schedule_id} are not as acknowledged"
    if stored.keys() - history.wishes.keys():
        yield "(a) there is a schedule that nobody booked"
    if ledger.days != (history.days[-1][1] if history.days else ()):
        yield "(a) the exception days are not as acknowledged"
    locked = {lock.target for lock in history.locks if lock.to_s is None}
    if locked != ledger.locked:
        yield f"(a) locked are {sorted(ledger.locked)}, not {sorted(locked)}"


def _outcomes(evidence: Evidence) -> Iterator[str]:
    """(b) What fell due has one row with one outcome."""
    rows: dict[tuple[int | None, str | None], list[Run]] = {}
    for run in evidence.ledger.runs:
        rows.setdefault((run.schedule_id, run.slot), []).append(run)
    due, possible = _due(evidence)
    for key in sorted(due):
        found = rows.get(key, [])
        if len(found) != 1:
            yield f"(b) occurrence {key} fell due and has {len(found)} rows"
    for slot, runs in rows.items():
        if slot not in possible:
            yield f"(b) run {runs[0].id} belongs to no occurrence: {slot}"
    for run in evidence.ledger.runs:
        if run.status is not Status.FINISHED or run.outcome is None:
            yield f"(b) run {run.id} {spell(run)} has no outcome: {run.status}"
        elif run.outcome is not Outcome.RECORDED and (not run.reason or not run.sentence):
            yield f"(b) run {run.id} {spell(run)} is {run.outcome} and nobody says why"


def _due(evidence: Evidence) -> tuple[set[tuple[int, str]], set[tuple[int | None, str | None]]]:
    due: set[tuple[int, str]] = set()
    possible: set[tuple[int | None, str | None]] = set()
    for schedule_id, known in evidence.known.items():
        for each in known:
            _, reached = evidence.history.walls(each.wish.since_s, each.to_s)
            for occurrence in each.occurrences:
                key = schedule_id, occurrence.slot
                if occurrence.window.start < reached:
                    due.add(key)
                if occurrence.window.start <= reached + _AHEAD:
                    possible.add(key)
    return due, possible


def _restart(ledger: Ledger, restarted: Ledger) -> Iterator[str]:
    if ledger != restarted:
        yield "(f) a restart of what had settled changed the store"
