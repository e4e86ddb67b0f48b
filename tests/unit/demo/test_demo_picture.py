"""What the demo shows while it runs: the state of an act in a few words, how much is recorded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.demo.picture import standing
from tallyd.demo.scenario import ACTS
from tallyd.domain.conflicts import Blocker
from tallyd.domain.drafts import to_schedule
from tallyd.domain.model import Occurrence, Outcome, Part, Reason, Run, Status, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

OPENING = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
WORKSHOP = next(act for act in ACTS if act.name == "Workshop")
WINDOW = WORKSHOP.window(OPENING)


def at(seconds: float) -> datetime:
    """Give an instant of the demo."""
    return OPENING + timedelta(seconds=seconds)


PLANNED = Planned(
    to_schedule(WORKSHOP.draft(OPENING), OPENING, "w"),
    Occurrence(7, "slot", WINDOW),
    Verdict.CONFLICT,
    WORKSHOP.claim(OPENING),
    (Blocker(Window(at(5), at(8)), schedule_id=5),),
    Reason.OCCUPIED,
)


def run_of(status: Status, *parts: Part, outcome: Outcome | None = None) -> Run:
    """Give the workshop's row."""
    reason = Reason.OCCUPIED if outcome is Outcome.PARTIAL else None
    return Run(
        7, "rooms.lab", "Workshop", WINDOW, 1, "@0", status=status, parts=parts,
        outcome=outcome, reason=reason,
    )  # fmt: skip


def part(start: float, stop: float | None) -> Part:
    """Give a part with data from `start`, still running where `stop` is None."""
    end = None if stop is None else at(stop)
    return Part(
        1, 0, Window(at(8), at(12)), "t", at(start), first_data_at=at(start),
        last_data_at=end, stopped_at=end,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "now", "state", "recorded_s"),
    [
        (None, 0, "waits", 0),
        (run_of(Status.PENDING), 0, "waits", 0),
        (run_of(Status.STARTING), 4.9, "waits", 0),
        (run_of(Status.PENDING), 6, "held up by Course", 0),
        (run_of(Status.PENDING), 9, "due", 0),
        (run_of(Status.STARTING), 8, "starts", 0),
        (run_of(Status.STARTED, part(8, None)), 9.5, "records", 1.5),
        (run_of(Status.STARTED, part(8, None)), 60, "records", 4),
        (run_of(Status.STOPPING, part(8, None)), 12, "ends", 4),
        (run_of(Status.FINISHED, part(8, 11), outcome=Outcome.PARTIAL), 30, "partial, occupied", 3),
        (run_of(Status.FINISHED, outcome=Outcome.RECORDED), 30, "recorded", 0),
    ],
)
def test_an_act_is_shown_as_the_ledger_has_it(
    run: Run | None, now: float, state: str, recorded_s: float
):
    """The live table says who holds an act up, and never shows more recorded than was due."""
    shown = standing(WORKSHOP, PLANNED, run, {5: "Course"}, at(now))
    assert (shown.state, shown.recorded.total_seconds()) == (state, recorded_s)
    assert (shown.due, shown.verdict) == (timedelta(seconds=4), Verdict.CONFLICT)


def test_a_channel_is_on_air_where_a_room_records():
    """Of an entry of a channel nobody is told that it was recorded while it plays."""
    live = next(act for act in ACTS if act.name == "Live")
    window = live.window(OPENING)
    planned = replace(PLANNED, occurrence=Occurrence(10, "slot", window), claim=(window,), by=())
    run = replace(run_of(Status.STARTED, part(8.5, None)), target=live.target)
    assert standing(live, planned, run, {}, at(9)).state == "on air"
