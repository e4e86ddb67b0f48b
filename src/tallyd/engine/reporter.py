"""What the operator is told of runs: one event for each change, with what happens next."""

from datetime import timedelta

from tallyd.domain.model import Outcome, Part, Run
from tallyd.domain.outcomes import command_late, late
from tallyd.domain.planner import Planned
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.announcer import Announcer
from tallyd.engine.attempts import Attempts

_MS = timedelta(milliseconds=1)
_AS_WISHED = frozenset({Outcome.RECORDED, Outcome.SKIPPED, Outcome.CANCELLED})


class Reporter:
    """Turns what happens to runs into log events; standing troubles are said once for each run."""

    def __init__(self, announcer: Announcer) -> None:
        self._say = announcer.say
        self._say_at = announcer.say_at
        self._said: set[tuple[str, RunKey, str]] = set()

    def starting(self, run: Run, part: Part) -> None:
        """Say that a driver was told to start."""
        self._say(
            "run.starting",
            **names_of(run),
            part=part.number,
            input=part.input,
            start=part.piece.start,
            stop=part.piece.stop,
            lead_ms=_ms(part.lead),
        )

    def started(self, run: Run, part: Part) -> None:
        """Say that data flows."""
        self._say(
            "run.started",
            **names_of(run),
            part=part.number,
            input=part.input,
            late_ms=_ms(late(part) or timedelta()),
            command_late_ms=_ms(command_late(part)),
            stop=part.piece.stop,
            files=list(part.files),
        )

    def left(self, run: Run, part: Part) -> None:
        """Say that a session goes on without the daemon."""
        self._say(
            "run.left",
            **names_of(run),
            part=part.number,
            reference=part.reference,
            stop=part.piece.stop,
        )

    def part_ended(self, run: Run, part: Part) -> None:
        """Say that a driver session is over."""
        self._say(
            "run.part_ended",
            **names_of(run),
            part=part.number,
            end=part.end,
            detail=part.detail,
            bytes=part.bytes,
            files=list(part.files),
        )

    def attempt_failed(self, run: Run, part: Part, attempts: Attempts) -> None:
        """Say that a start brought no data, and what is done about it."""
        self._say(
            "run.retrying",
            **names_of(run),
            part=part.number,
            attempt=attempts.count,
            end=part.end,
            detail=part.detail,
            next="given up" if attempts.hopeless else "tried again",
            retry_at=None if attempts.hopeless else attempts.retry_at,
        )

    def stop_failed(self, run: Run, part: Part) -> None:
        """Say that a device does not confirm that it stopped."""
        self._say("run.stop_failed", **names_of(run), part=part.number, detail=part.detail)

    def finished(self, run: Run) -> None:
        """Say what became of a run."""
        key = key_of(run)
        self._said = {said for said in self._said if said[:2] != (run.target, key)}
        self._say_at(
            "info" if run.outcome in _AS_WISHED else "warning",
            "run.finished",
            **names_of(run),
            outcome=run.outcome,
            reason=run.reason,
            sentence=run.sentence,
            blocker=run.blocker,
            parts=len(run.parts),
        )

    def blocked_once(self, run: Run, entry: Planned) -> None:
        """Say once that a run should record and that another holds its target."""
        if self._first("blocked", run):
            blocker = entry.by[0] if entry.by else None
            self._say(
                "run.blocked",
                **names_of(run),
                reason=entry.reason,
                blocker=blocker.schedule_id if blocker else None,
                until=blocker.window.stop if blocker else None,
                remaining=[[piece.start, piece.stop] for piece in entry.claim],
            )

    def late_once(self, run: Run) -> None:
        """Say once that a run should have data by now."""
        if self._first("late", run):
            last = run.parts[-1] if run.parts else None
            self._say(
                "run.late",
                **names_of(run),
                start=run.planned.start,
                detail=last.detail if last else None,
            )

    def _first(self, what: str, run: Run) -> bool:
        said = (run.target, key_of(run), what)
        if said in self._said:
            return False
        self._said.add(said)
        return True


def names_of(run: Run) -> dict[str, object]:
    """Give the fields by which an event says of which run it is."""
    return {
        "target": run.target,
        "run_id": run.id,
        "schedule_id": run.shown_schedule,
        "slot": None if run.manual else run.slot,
        "name": run.name,
    }


def _ms(length: timedelta) -> int:
    return round(length / _MS)
