"""How the demo stands at an instant, act by act, for a table or for lines. Pure: time is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallyd.demo.scenario import Act
from tallyd.domain.model import Run, Status, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window


@dataclass(frozen=True, slots=True)
class Standing:
    """One act now: `state` in a few words, how much of what is `due` was recorded."""

    act: Act
    window: Window
    verdict: Verdict
    state: str
    recorded: timedelta
    due: timedelta


def standing(
    act: Act, planned: Planned, run: Run | None, names: Mapping[int, str], now: datetime
) -> Standing:
    """Give how an act stands, from its plan and its row in the ledger."""
    due = sum((piece.length for piece in planned.claim), timedelta())
    window = planned.occurrence.window
    recorded = min(_recorded(run, now), due) if run else timedelta()
    state = _state(act, planned, run, names, now)
    return Standing(act, window, planned.verdict, state, recorded, due)


def _recorded(run: Run, now: datetime) -> timedelta:
    """Give for how long data has flowed; the ledger learns of the last data when a part ends."""
    return sum(
        (
            max(timedelta(), _until(part.stopped_at, part.last_data_at, now) - part.first_data_at)
            for part in run.parts
            if part.first_data_at is not None
        ),
        timedelta(),
    )


def _until(stopped_at: datetime | None, last: datetime | None, now: datetime) -> datetime:
    return now if stopped_at is None else last or stopped_at


def _state(
    act: Act, planned: Planned, run: Run | None, names: Mapping[int, str], now: datetime
) -> str:
    # What is due at once is begun a little early.
    not_yet = now < planned.occurrence.window.start
    if run is None or (not_yet and run.status in {Status.PENDING, Status.STARTING}):
        return "waits"
    match run.status:
        case Status.PENDING:
            holder = next((by for by in planned.by if by.window.holds(now)), None)
            name = names.get(holder.schedule_id or 0) if holder else None
            return f"held up by {name}" if name else "due"
        case Status.STARTING:
            return "starts"
        case Status.STARTED:
            return "records" if act.leaves_files else "on air"
        case Status.STOPPING:
            return "ends"
        case Status.FINISHED:
            return f"{run.outcome}, {run.reason}" if run.reason else f"{run.outcome}"
