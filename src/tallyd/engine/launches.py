"""The starts that an instant asks for, decided for it or ahead of it. Nothing is started here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallyd.domain.model import Run, Status
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.attempts import Attempts
from tallyd.engine.decisions import rest_of, worth_starting
from tallyd.engine.desk import Desk
from tallyd.engine.executor import Assignment, Session
from tallyd.engine.inputs import Executor, Inputs
from tallyd.engine.leads import Lead
from tallyd.engine.orders import Start

DECIDED_AHEAD = timedelta(minutes=10)
"""Starts that are further away are not worth deciding yet."""

STANDS_FOR = timedelta(milliseconds=500)
"""A decision that is called later is made anew: much may have passed while the machine slept."""

_AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Launch:
    """A start decided for an instant: whose it is, what is to be made, and on which input."""

    at: datetime
    run: Run
    session: Session
    executor: Executor

    def stands(self, now: datetime) -> bool:
        """Tell whether it may be made at `now` as it was decided."""
        return _AT_ONCE <= now - self.at < STANDS_FOR

    def go(self) -> None:
        """Make it."""
        self.executor.assign(self.session)

    def call_off(self) -> None:
        """Do not make it."""
        self.executor.expect_nothing()


class Launches:
    """Decides the starts of one target."""

    def __init__(self, target: str, desk: Desk, inputs: Inputs, lead: Lead) -> None:
        self._target = target
        self._desk = desk
        self._inputs = inputs
        self._lead = lead

    def at(
        self, at: datetime, plan: Mapping[RunKey, Planned], attempts: Mapping[RunKey, Attempts]
    ) -> Iterator[Launch]:
        """Give what is to be started at an instant, as things stand, earliest piece first."""
        if self._desk.agenda.targets[self._target].locked_since is not None:
            return  # also where the clock was set back to before the lock
        due = [
            (piece, key, entry)
            for key, entry in plan.items()
            for piece in entry.claim
            if piece.start - self._lead.of(piece.start) <= at < piece.stop
        ]
        taken: set[int] = set()
        for piece, key, entry in sorted(due, key=lambda found: found[0]):
            run = self._run(key, entry)
            if not (self._waits(run) and worth_starting(entry, piece, at, self._min_piece)):
                continue
            if key in attempts and not attempts[key].may_try(at):
                continue
            executor = self._inputs.free_for(piece, taken)
            if executor is not None:
                taken.add(executor.number)
                yield self._launch(executor, run, entry, piece, at)

    def beside(
        self, session: Session, entry: Planned, piece: Window, at: datetime
    ) -> Launch | None:
        """Give the start of a part that takes over from a session; None where its input is full."""
        executor = self._inputs.beside(session)
        if executor is None:
            return None
        return self._launch(executor, self._run(session.key, entry), entry, piece, at)

    def _run(self, key: RunKey, entry: Planned) -> Run:
        run = self._desk.agenda.run(self._target, key)
        return run or Run(
            id=0,
            target=self._target,
            name=entry.schedule.name,
            planned=entry.occurrence.window,
            schedule_id=entry.schedule.id,
            slot=entry.occurrence.slot,
        )

    def _waits(self, run: Run) -> bool:
        """Tell whether a run is neither being recorded, nor over, nor paused."""
        key = key_of(run)
        held = any(session.key == key for session in self._inputs.sessions)
        return run.status is Status.PENDING and not held and not self._desk.agenda.is_paused(key)

    @property
    def _min_piece(self) -> timedelta:
        return self._desk.agenda.targets[self._target].min_piece

    def _launch(
        self, executor: Executor, run: Run, entry: Planned, piece: Window, at: datetime
    ) -> Launch:
        start = Start(
            target=self._desk.agenda.targets[self._target],
            entry=entry,
            run=run,
            piece=rest_of(piece, run, at),
            input=executor.number,
            lead=self._lead.of(piece.start),
            spread=self._lead.spread(piece.start),
            now=at,
            library=self._desk.agenda.library,
        )
        self._lead.starts(piece.start)
        part, order = self._desk.orders.make(start)
        session = self._inputs.session(Assignment(key_of(run), part, order))
        executor.expect(session, (at - self._desk.clock.now()).total_seconds())
        return Launch(at, run, session, executor)
