"""What became of a run: outcome, reason and a sentence, decided from the facts of its parts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import EndReason, Outcome, Part, Reason, Run, Status, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window, merge, subtract

TOLERANCE = timedelta(seconds=2)
"""A recording that lacks no more than this in all counts as whole."""

_END_REASONS: dict[EndReason, Reason] = {
    EndReason.DIED: Reason.DEVICE_ENDED,
    EndReason.STALLED: Reason.STALLED,
    EndReason.NO_DATA: Reason.DEVICE_SILENT,
    EndReason.REFUSED: Reason.DEVICE_REFUSED,
    EndReason.TIMEOUT: Reason.DEVICE_TIMEOUT,
    EndReason.PAUSED: Reason.PAUSED,
    EndReason.DAEMON_STOPPED: Reason.DAEMON_STOPPED,
    EndReason.DAEMON_DIED: Reason.DAEMON_DOWN,
    EndReason.POWER_OFF: Reason.POWER_OFF,
    EndReason.LEDGER_RESTORED: Reason.LEDGER_RESTORED,
    EndReason.DISK: Reason.DISK,
    EndReason.DISK_FULL: Reason.DISK_FULL,
    EndReason.DISK_MISSING: Reason.DISK_MISSING,
}

_DISK_ENDS: dict[Reason, EndReason] = {
    Reason.DISK: EndReason.DISK,
    Reason.DISK_FULL: EndReason.DISK_FULL,
    Reason.DISK_MISSING: EndReason.DISK_MISSING,
}
DISK_ENDS = frozenset(_DISK_ENDS.values())
"""The ends for which the disk is to blame, and no device."""

_WHY: dict[Reason, str] = {
    Reason.OCCUPIED: "the target was held by {blocker}",
    Reason.TOO_SHORT: "what {blocker} left of its time was too short to be worth starting",
    Reason.LOCKED: "an operator had locked the target",
    Reason.TARGET_UNKNOWN: "the target is not in the configuration",
    Reason.ZONE_UNKNOWN: "its time zone is not in the time-zone database",
    Reason.EXCEPTION_DAY: "it fell on an exception day",
    Reason.EXCLUDED: "this occurrence was excluded",
    Reason.OPERATOR: "the operator stopped it",
    Reason.PAUSED: "the operator paused it",
    Reason.SCHEDULE_REMOVED: "its schedule was removed",
    Reason.SCHEDULE_CHANGED: "its schedule was changed",
    Reason.DAEMON_DOWN: "the daemon was not running",
    Reason.DAEMON_STOPPED: "the daemon was stopped",
    Reason.POWER_OFF: "the appliance was off",
    Reason.LEDGER_RESTORED: "what is known of it was lost when the database was restored",
    Reason.CLOCK: "the clock was set past it, or could not be trusted",
    Reason.DRIVER_UNAVAILABLE: "the target's driver could not be used",
    Reason.DEVICE_REFUSED: "the device refused",
    Reason.DEVICE_SILENT: "the device sent no data",
    Reason.DEVICE_ENDED: "the device stopped by itself",
    Reason.DEVICE_TIMEOUT: "the device did not answer in time",
    Reason.STALLED: "the device stopped sending data",
    Reason.DISK: "the recording could not be written to the disk",
    Reason.DISK_FULL: "the disk of the recordings was full",
    Reason.DISK_MISSING: "the disk of the recordings was not there",
    Reason.LATE: "the first data came late",
    Reason.BACK_TO_BACK: "the recording before it took too long to close",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What the engine knows when a run ends.

    `planned` is None where the occurrence no longer exists; `cause` says why in that case, and why
    nothing was tried where the plan was clear. `name_of` gives the name of a schedule by its id.
    `delayed_by` says why the first try failed, if one did, `absent` why nobody could start it on
    time.
    """

    at: datetime
    planned: Planned | None
    cause: Reason
    name_of: Callable[[int], str | None]
    delayed_by: Reason | None = None
    absent: Reason | None = None


def data_windows(parts: Iterable[Part]) -> tuple[Window, ...]:
    """Give the windows in which data flowed, in order."""
    return merge(
        Window(part.first_data_at, max(part.first_data_at, part.last_data_at or part.first_data_at))
        for part in parts
        if part.first_data_at is not None
    )


def gaps(parts: Iterable[Part], window: Window) -> tuple[Window, ...]:
    """Give what of `window` no part has data for, in order."""
    return subtract(window, (data for data in data_windows(parts) if data.length))


def late(part: Part) -> timedelta | None:
    """Give first data minus planned start, signed; None while no data came."""
    return None if part.first_data_at is None else part.first_data_at - part.piece.start


def command_late(part: Part) -> timedelta:
    """Give how late the driver was called: commanded minus (start - lead)."""
    return part.commanded_at - (part.piece.start - part.lead)


def end_of(reason: Reason, otherwise: EndReason) -> EndReason:
    """Give how a session ended that failed for `reason`: the disk is told apart from devices."""
    return _DISK_ENDS.get(reason, otherwise)


def may_return(run: Run, now: datetime) -> bool:
    """Tell whether a final run may be wanted again: nothing recorded, and its start lies ahead.

    So it is after the clock stepped back, or when an occurrence was withdrawn and booked again.
    What somebody started by hand is started again by hand.
    """
    untried = run.status is Status.FINISHED and not run.confirmed
    return untried and not run.manual and now < run.planned.start


def reopen(run: Run, window: Window) -> Run:
    """Give a final run as it is wanted again, for `window`; ask `may_return` first."""
    return replace(
        run,
        status=advance(run.status, Event.WANTED_AGAIN),
        planned=window,
        outcome=None,
        reason=None,
        sentence=None,
        blocker=None,
        since=None,
        finished_at=None,
    )


def finish(run: Run, ending: Ending) -> Run:
    """Give the run with its outcome; the caller has moved it through the lifecycle.

    A `reason` that the run already has (an operator's stop) is kept where it recorded whole.
    """
    window = ending.planned.occurrence.window if ending.planned else run.planned
    outcome, reason = _judge(run, window, ending)
    blocker = ending.planned.by[0] if ending.planned and ending.planned.by else None
    if reason not in {Reason.OCCUPIED, Reason.TOO_SHORT, Reason.LOCKED}:
        blocker = None
    return replace(
        run,
        status=Status.FINISHED,
        planned=window,
        outcome=outcome,
        reason=reason,
        blocker=blocker.schedule_id if blocker else None,
        since=blocker.window.start if blocker else None,
        sentence=_sentence(run.parts, window, outcome, reason, _blocker_name(ending)),
        finished_at=ending.at,
    )


def _judge(run: Run, window: Window, ending: Ending) -> tuple[Outcome, Reason | None]:
    if run.confirmed:
        if _lacks(run, (window,)) <= TOLERANCE:
            return Outcome.RECORDED, run.reason
        return Outcome.PARTIAL, _partial_reason(run, window, ending)
    if run.parts and run.parts[-1].end is not EndReason.WITHDRAWN:
        return Outcome.FAILED, reason_of(run.parts[-1]) or _why_no_data(ending)
    return _judge_untried(ending)


def _why_no_data(ending: Ending) -> Reason:
    """Say why nothing came of a run whose last try was still under way when its time was over."""
    if ending.planned is None:
        return ending.cause
    if _was_cut(ending.planned):
        return Reason.OPERATOR
    return ending.delayed_by or ending.absent or Reason.DEVICE_SILENT


def _judge_untried(ending: Ending) -> tuple[Outcome, Reason | None]:
    planned = ending.planned
    if planned is None:
        return Outcome.CANCELLED, ending.cause
    if planned.reason is Reason.EXCLUDED and planned.schedule.ended is not None:
        return Outcome.CANCELLED, Reason.SCHEDULE_REMOVED
    if planned.verdict is Verdict.SUSPENDED:
        return Outcome.SKIPPED, planned.reason
    if planned.verdict is Verdict.BLOCKED:
        return Outcome.BLOCKED, planned.reason
    if _was_cut(planned):
        return Outcome.CANCELLED, Reason.OPERATOR
    return Outcome.MISSED, ending.cause


def _was_cut(planned: Planned) -> bool:
    """Tell whether an operator let the occurrence end earlier than it was booked for."""
    return planned.occurrence.window.length < planned.schedule.duration


def _lacks(run: Run, wanted: Iterable[Window]) -> timedelta:
    missing = (gap.length for window in wanted for gap in gaps(run.parts, window))
    return sum(missing, timedelta())


def _partial_reason(run: Run, window: Window, ending: Ending) -> Reason:
    planned = ending.planned
    if planned is None:
        return ending.cause
    if planned.reason is not None and _lacks(run, planned.claim) <= TOLERANCE:
        return planned.reason
    for part in run.parts:
        reason = reason_of(part)
        if reason is not None:
            return reason
    wanted = planned.claim[0] if planned.claim else window
    late_by = data_windows(run.parts)[0].start - wanted.start
    if late_by > TOLERANCE:
        return ending.delayed_by or ending.absent or Reason.LATE
    return Reason.DEVICE_ENDED


def reason_of(part: Part) -> Reason | None:
    """Give why a part ended, if it ended otherwise than it was meant to."""
    return None if part.end is None else _END_REASONS.get(part.end)


def _blocker_name(ending: Ending) -> str:
    if ending.planned is None or not ending.planned.by:
        return "another recording"
    first, *others = ending.planned.by
    if first.schedule_id is not None:
        name = ending.name_of(first.schedule_id)
        who = f"schedule {first.schedule_id}"
        who = f'"{name}" ({who})' if name else who
    else:
        who = "an operator's lock" if first.run_id is None else "a manual recording"
    more = f" and {len(others)} more" if others else ""
    return f"{who} from {_spell_window(first.window)}{more}"


def _sentence(
    parts: tuple[Part, ...], window: Window, outcome: Outcome, reason: Reason | None, blocker: str
) -> str:
    if outcome is Outcome.RECORDED:
        stopped = reason is Reason.OPERATOR
        return "Recorded until the operator stopped it." if stopped else "Recorded whole."
    why = _WHY[reason].format(blocker=blocker) if reason else "nobody knows why"
    detail = next((part.detail for part in reversed(parts) if part.detail), None)
    if detail and outcome in {Outcome.PARTIAL, Outcome.FAILED}:
        why = f"{why} ({detail})"
    if outcome is Outcome.PARTIAL:
        inside = (data.common(window) for data in data_windows(parts))
        have = sum((data.length for data in inside if data is not None), timedelta())
        return f"Recorded {_spell_length(have)} of {_spell_length(window.length)}: {why}."
    return f"{_LEAD_IN[outcome]}: {why}."


_LEAD_IN: dict[Outcome, str] = {
    Outcome.FAILED: "Tried, but no data came",
    Outcome.MISSED: "Never tried",
    Outcome.BLOCKED: "Blocked",
    Outcome.SKIPPED: "Skipped",
    Outcome.CANCELLED: "Cancelled",
}


def _spell_window(window: Window) -> str:
    same_day = window.start.date() == window.stop.date()
    stop = f"{window.stop:%H:%M:%S}" if same_day else f"{window.stop:%Y-%m-%d %H:%M:%S}"
    return f"{window.start:%Y-%m-%d %H:%M:%S} to {stop} UTC"


def _spell_length(length: timedelta) -> str:
    """Give a length as people say it, to a tenth of a second: 1 h 30 min 0.5 s."""
    minutes, tenths = divmod(round(length / timedelta(milliseconds=100)), 600)
    hours, minutes = divmod(minutes, 60)
    spelled = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    if tenths or not spelled:
        spelled.append(f"{tenths / 10:g} s")
    return " ".join(spelled)
