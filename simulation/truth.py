"""Judges what the ledger says (e): the outcomes that devices confirm, and reasons that happened."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from simulation.evidence import Evidence, Known, around, spell
from simulation.history import DeviceSession
from tallyd.domain.model import Outcome, Part, Reason, Run
from tallyd.domain.window import Window, merge, subtract

WHOLE_WITHIN = timedelta(seconds=2)
UNWRITTEN_AT_MOST = timedelta(seconds=250)
"""What of a recording the ledger may not know when the daemon is killed."""
_UNTRIED = {Outcome.MISSED, Outcome.BLOCKED, Outcome.SKIPPED}


class Truth:
    """The rows against the devices' own log and all that was asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def broken(self) -> Iterator[str]:
        """Give the invariants that are broken, one sentence each."""
        for run in self._evidence.ledger.runs:
            yield from self._outcome(run)
            yield from self._reason(run)
            yield from self._clear_sky(run)
        yield from self._unwritten()

    def _outcome(self, run: Run) -> Iterator[str]:
        """(e) The ledger says what the devices did."""
        known = self._evidence.sessions
        sessions = [s for p in run.parts if (s := known.get(p.token)) and s.began]
        for part in run.parts:
            yield from self._part(run, part)
        if run.outcome in _UNTRIED and sessions:
            yield f"(e) run {run.id} {spell(run)} is {run.outcome}, yet its device recorded"
        if run.outcome is Outcome.PARTIAL and not sessions:
            yield f"(e) run {run.id} {spell(run)} is partial, yet its device recorded nothing"
        if run.outcome is Outcome.FAILED and (sessions or not run.parts):
            yield f"(e) run {run.id} {spell(run)} failed, which its device does not confirm"
        if run.outcome is not Outcome.RECORDED or self._evidence.clock_was_set(run.planned):
            return
        lacks = _lacks(run.planned, sessions)
        if lacks > WHOLE_WITHIN:
            yield f"(e) run {run.id} {spell(run)} is recorded, yet lacks {lacks}"

    def _part(self, run: Run, part: Part) -> Iterator[str]:
        session = self._evidence.sessions.get(part.token)
        if session is None:
            yield f"(e) part {part.number} of run {run.id} {spell(run)} was never started"
            return
        began = session.began.wall if session.began else None
        if part.first_data_at != began:
            yield f"(e) run {run.id} {spell(run)}: first data {part.first_data_at}, not {began}"
        if began is None or session.last_data is None:
            return
        last = session.last_data.wall
        if session.cut_off and session.stop_asked is not None:
            # What comes while a device does not confirm its stop is wanted by nobody.
            last = max(began, min(last, session.stop_asked.wall))
        unknown = last - (part.last_data_at or began)
        most = UNWRITTEN_AT_MOST if session.cut_off else timedelta(0)
        least = -UNWRITTEN_AT_MOST if session.cut_off else timedelta(0)
        if not least <= unknown <= most and not self._excused_part(run):
            yield f"(e) run {run.id} {spell(run)}: the last data is known {unknown} too early"

    def _excused_part(self, run: Run) -> bool:
        return self._evidence.clock_was_set(run.planned) or any(
            trouble.what == "refuse_writes" and window.overlaps(around(run.planned))
            for trouble, window in self._evidence.troubles
        )

    def _unwritten(self) -> Iterator[str]:
        for session in self._evidence.history.sessions:
            if session.began and not session.cut_off and self._evidence.run_of(session) is None:
                yield f"(e) nobody wrote down that {session.name!r} ran at {session.began.wall}"

    def _reason(self, run: Run) -> Iterator[str]:
        """(e) What is said to have stood in the way was there."""
        evidence = self._evidence
        happened = {
            Reason.LOCKED: lambda: evidence.was_locked(run.target, around(run.planned)),
            Reason.TARGET_UNKNOWN: lambda: evidence.was_absent(run, around(run.planned)),
            Reason.PAUSED: lambda: any(evidence.pauses(run)),
            Reason.EXCLUDED: lambda: evidence.was_skipped(run),
            Reason.EXCEPTION_DAY: lambda: evidence.on_exception_day(run),
            Reason.OCCUPIED: lambda: evidence.contended(run, run.planned),
            Reason.POWER_OFF: lambda: evidence.happened(run, "power cut"),
            Reason.DAEMON_DOWN: lambda: evidence.happened(run, "kill", "restart"),
            Reason.CLOCK: lambda: evidence.clock_was_set(run.planned),
        }
        if run.reason in happened and not happened[run.reason]():
            yield f"(e) run {run.id} {spell(run)} is {run.outcome}: {run.reason} is not true"

    def _clear_sky(self, run: Run) -> Iterator[str]:
        """(e) Whatever was booked in time, alone, unchanged and without a trouble is recorded."""
        if run.outcome is Outcome.RECORDED:
            return
        window = around(run.planned)
        evidence = self._evidence
        if not (
            evidence.troubled(run.target, window)
            or evidence.was_locked(run.target, window)
            or evidence.was_absent(run, window)
            or evidence.contended(run, window)
            or evidence.off(run)
            or not self._stood(run, window)
        ):
            yield f"(e) run {run.id} {spell(run)} is {run.outcome} ({run.reason}) for no reason"

    def _stood(self, run: Run, window: Window) -> bool:
        """Tell whether its wish was in force, unchanged, from before its window until after it."""
        history = self._evidence.history
        known = self._evidence.known.get(run.schedule_id, [])
        changed = any(window.holds(history.wall(each.wish.since_s)) for each in known)
        wanted = [each for each in known if self._stands(each, window)]
        return (
            not changed
            and bool(wanted)
            and all(run.slot in {o.slot for o in each.occurrences} for each in wanted)
        )

    def _stands(self, known: Known, window: Window) -> bool:
        """Tell whether a wish was in force before a window and until after it."""
        earliest, latest = self._evidence.history.walls(known.wish.since_s, known.to_s)
        return earliest < window.start and window.stop < latest


def _lacks(window: Window, sessions: Iterable[DeviceSession]) -> timedelta:
    data = merge(
        Window(s.began.wall, max(s.began.wall, s.last_data.wall))
        for s in sessions
        if s.began and s.last_data
    )
    return sum((gap.length for gap in subtract(window, data)), timedelta())
