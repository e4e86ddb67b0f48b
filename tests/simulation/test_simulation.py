"""Seeds of the simulation, and proofs that its checker sees what it is there to see."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from simulation.checker import check
from simulation.history import Hold, Ledger
from simulation.operator import Act, Step, script
from simulation.verdict import judge
from simulation.world import Report, simulate

from tallyd.domain import planner
from tallyd.domain.model import Outcome, Reason, Run, Status
from tallyd.engine import executor, launches, orders, reconciler, recovery
from tallyd.engine.agenda import Agenda
from tallyd.ports.store import Changes
from tallyd.testing import memory_store

ROOT = Path(__file__).parents[2]
CHANNEL = 5
URGENT = 4
"""The pick of a booking for now that is forced and of the highest priority."""
LATER = Step(5 * 86_400, Act.REMOVE_EXCEPTION)
"""Days in which nothing more is asked for."""


@pytest.fixture(scope="module")
def report() -> Report:
    """Two days of seed 1, without a fault in the ledger."""
    report = simulate(1, script(1, days=4))
    assert any(run.outcome is Outcome.RECORDED for run in report.ledger.runs)
    return report


def findings(report: Report, ledger: Ledger | None = None) -> list[str]:
    """Check a report, perhaps with another ledger than the store gave."""
    return check(report.history, ledger or report.ledger, ledger or report.restarted)


def tampered(report: Report, change: "dict[str, object]") -> Ledger:
    """Give the ledger with the first recorded run changed."""
    run = first_recorded(report)
    changed = replace(run, **change)  # type: ignore[arg-type] - fields of a run by name
    runs = tuple(changed if each is run else each for each in report.ledger.runs)
    return replace(report.ledger, runs=runs)


def first_recorded(report: Report) -> Run:
    """Give a run whose device recorded all of it."""
    return next(run for run in report.ledger.runs if run.outcome is Outcome.RECORDED)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_few_days_of_a_seed_break_no_invariant(seed: int) -> None:
    """Whatever happens to five rooms, each recording that was promised is made or explained."""
    assert judge(seed, days=3).broken == ()


def test_a_seed_replays_byte_for_byte() -> None:
    """The log of a failing seed can be printed again, in another process, exactly as it was."""
    command = [sys.executable, "-m", "simulation", "--seed", "5", "--days", "2", "--verbose"]
    logs = [
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            check=False,
        ).stdout.rpartition(b"\n1 seeds")[0]
        for hashes in ("1", "2")
    ]
    assert logs[0] == logs[1]
    assert len(logs[0]) > 1_000


def test_an_untouched_report_has_nothing_to_find(report: Report) -> None:
    """The controls below fail for what they change, not for what was there."""
    assert findings(report) == []


def test_a_second_row_for_one_slot_is_caught(report: Report) -> None:
    """Negative control: two runs for one slot."""
    second = replace(first_recorded(report), id=9_999)
    ledger = replace(report.ledger, runs=(*report.ledger.runs, second))
    assert any("has 2 rows" in found for found in findings(report, ledger))


def test_a_missing_row_is_caught(report: Report) -> None:
    """Negative control: an occurrence fell due and the ledger says nothing of it."""
    gone = first_recorded(report)
    runs = tuple(run for run in report.ledger.runs if run is not gone)
    ledger = replace(report.ledger, runs=runs)
    assert any("has 0 rows" in found for found in findings(report, ledger))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"status": Status.PENDING, "outcome": None}, "has no outcome"),
        ({"outcome": Outcome.MISSED, "reason": None}, "nobody says why"),
        ({"outcome": Outcome.MISSED}, "yet its device recorded"),
        ({"outcome": Outcome.FAILED}, "failed, which its device does not confirm"),
        ({"parts": ()}, "nobody wrote down"),
        ({"slot": "2001-01-01T00:00:00"}, "belongs to no occurrence"),
    ],
)
def test_an_outcome_that_is_missing_or_untrue_is_caught(
    report: Report, change: dict[str, object], found: str
) -> None:
    """Negative control: the ledger must say what became of a run, and say the truth."""
    assert any(found in each for each in findings(report, tampered(report, change)))


def test_a_lost_change_is_caught(report: Report) -> None:
    """Negative control: an acknowledged booking is no longer in the store."""
    ledger = replace(report.ledger, schedules=report.ledger.schedules[1:])
    assert any(found.startswith("(a)") for found in findings(report, ledger))


def test_a_lock_that_nobody_set_is_caught(report: Report) -> None:
    """Negative control: a target is locked in the store though its lock was taken away."""
    ledger = replace(report.ledger, locked=frozenset({"rooms.a"}))
    assert "(a) locked are ['rooms.a'], not []" in findings(report, ledger)


def test_a_start_in_a_room_that_is_gone_is_caught(report: Report) -> None:
    """Negative control: only what had begun before its room went may go on there."""
    session = next(each for each in report.history.sessions if each.asked.s > 3_600)
    gone = Hold(session.target, session.asked.s - 3_000, session.asked.s + 60)
    history = replace(report.history, absences=[*report.history.absences, gone])
    found = check(history, report.ledger, report.restarted)
    assert any("though its target was not configured" in each for each in found)


@pytest.mark.parametrize(
    "reason", ["locked", "paused", "target_unknown", "power_off", "daemon_down", "clock"]
)
def test_a_reason_that_is_not_true_is_caught(reason: str) -> None:
    """Negative control: an operator, the power or the clock is blamed for what it never did."""
    report = simulate(1, [Step(1, Act.BOOK_NOW), LATER])
    ledger = tampered(report, {"outcome": Outcome.PARTIAL, "reason": Reason(reason)})
    assert any(f"{reason} is not true" in found for found in findings(report, ledger))


def test_a_restart_that_changes_something_is_caught(report: Report) -> None:
    """Negative control: booting once more must leave the store as it was."""
    changed = replace(report.restarted, runs=report.restarted.runs[1:])
    found = check(report.history, report.ledger, changed)
    assert found == ["(f) a restart of what had settled changed the store"]


def test_a_store_without_unique_slots_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: without the key of the ledger one slot gets two rows."""
    insert = memory_store._Transaction.insert_runs

    async def insert_again(tx: memory_store._Transaction, runs: Iterable[Run]) -> int:
        runs = list(runs)
        await insert(tx, runs)
        tx._state.run_ids.clear()
        return await insert(tx, runs)

    monkeypatch.setattr(memory_store._Transaction, "insert_runs", insert_again)
    assert any("has 2 rows" in found for found in judge(1, days=4).broken)


def test_rows_that_are_not_written_ahead_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: what falls due while nobody runs is explained, or found."""
    monkeypatch.setattr(recovery, "due_runs", lambda *_: ())
    steps = [
        Step(1, Act.BOOK, pick=3, size=0.1),
        Step(1, Act.KILL, pick=5, size=1.0),
        *[Step(1, Act.BOOK, room=pick, pick=pick, size=0.2) for pick in range(40)],
        Step(3 * 86_400, Act.DIE),
    ]
    report = simulate(1, steps)
    assert any("has 0 rows" in found for found in findings(report))


def test_a_device_that_is_driven_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: one that is not asked to stop meets the next session."""

    async def pretend(session: executor.Session) -> object:
        return (await session._driver.observe())[-1]

    monkeypatch.setattr(executor.Session, "_stop_for_sure", pretend)
    assert any(found.startswith("(d)") for found in judge(1, days=4).broken)


def test_a_recording_that_nothing_prevented_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: an engine that starts nothing cannot talk itself out."""
    monkeypatch.setattr(launches, "worth_starting", lambda *_: False)
    assert any("for no reason" in found for found in judge(1, days=4).broken)


def test_a_recording_by_hand_that_does_not_begin_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: whoever presses the button in vain is heard."""
    monkeypatch.setattr(launches, "worth_starting", lambda *_: False)
    assert any("was not begun at once" in found for found in broken([Step(1, Act.RECORD_NOW)]))


def test_a_recording_by_hand_that_is_pushed_aside_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Negative control in the product: without its rank a booking of high priority cuts it."""
    steps = [Step(1, Act.RECORD_NOW), Step(60, Act.BOOK_NOW, pick=URGENT)]
    assert broken(steps) == []
    rank = planner._rank
    monkeypatch.setattr(planner, "_rank", lambda offer: rank(offer)._replace(scheduled=True))
    assert any(found.startswith("(h)") for found in broken(steps))


def test_a_lock_that_nobody_heeds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: a locked room records what was booked there."""
    apply = Agenda.apply

    def unlocked(agenda: Agenda, changes: Changes, now: datetime) -> set[str]:
        targets = tuple(replace(each, locked_since=None) for each in changes.targets or ())
        return apply(agenda, replace(changes, targets=targets or None), now)

    monkeypatch.setattr(Agenda, "apply", unlocked)
    steps = [Step(1, Act.LOCK, size=1.0), Step(60, Act.BOOK_NOW, pick=1)]
    assert any("though its target was locked" in found for found in broken(steps))
    steps = [Step(1, Act.BOOK_NOW), Step(200, Act.LOCK, size=1.0)]
    assert any("went on though its target was locked" in found for found in broken(steps))


def test_a_pause_that_nobody_heeds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: a paused run records on."""
    monkeypatch.setattr(Agenda, "is_paused", lambda *_: False)
    steps = [Step(1, Act.BOOK_NOW), Step(200, Act.PAUSE_RUN)]
    assert any("went on though its run was paused" in found for found in broken(steps))


def test_a_reload_that_cuts_what_records_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: a driver is replaced under a recording."""
    retire = reconciler.Reconciler.retire

    def cut(each: reconciler.Reconciler) -> None:
        each.close()
        retire(each)

    monkeypatch.setattr(reconciler.Reconciler, "retire", cut)
    booking = Step(1, Act.BOOK, pick=3)
    first = simulate(1, [booking, LATER]).history.sessions[0]
    steps = [booking, Step(first.asked.s + 60, Act.RELOAD)]
    assert any("was cut by a reload" in found for found in broken(steps))


def test_a_channel_that_plays_from_the_beginning_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control in the product: who starts late must join where the content is by then."""
    monkeypatch.setattr(orders, "_joined_late", lambda _start: timedelta(0))
    steps = [
        Step(1, Act.BOOK_NOW, room=CHANNEL, size=1.0),
        Step(60, Act.KILL, pick=1, size=1.0),
    ]
    assert any("of its content" in found for found in broken(steps))


def broken(steps: list[Step]) -> list[str]:
    """Give what a script breaks on the appliance of seed 1."""
    report = simulate(1, [*steps, LATER])
    return check(report.history, report.ledger, report.restarted)
