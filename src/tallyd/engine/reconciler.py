"""One target: compares what should be with what is, and acts. Woken by anything, at any time.

Everything here runs in memory and returns at once; waiting is the sessions' business.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio

from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import EndReason, Part, Reason, Run, Status
from tallyd.domain.outcomes import Ending, finish, may_return, reopen
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.engine.agenda import Agenda, RunKey, key_of
from tallyd.engine.attempts import Attempts
from tallyd.engine.crowd import Crowd
from tallyd.engine.decisions import (
    LATE_AFTER,
    edges,
    first_start,
    is_over,
    piece_of,
    rest_of,
    with_part,
    worth_starting,
)
from tallyd.engine.executor import Assignment, Executor, Session, make_executors
from tallyd.engine.journal import Journal
from tallyd.engine.leads import Lead
from tallyd.engine.orders import Orders, Start
from tallyd.engine.presence import session_picture
from tallyd.engine.recovery import after_loss
from tallyd.engine.reporter import Reporter
from tallyd.ports.alarm import Alarm
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import Driver, DriverError, Traits

JOURNAL_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What all reconcilers share."""

    agenda: Agenda
    journal: Journal
    reporter: Reporter
    alarm: Alarm
    clock: Clock
    orders: Orders
    crowd: Crowd
    presence_changed: Callable[[], None]
    booted_at: datetime


class Reconciler:
    """Keeps one target as it should be; `driver` is None where it could not be built."""

    def __init__(self, target: str, desk: Desk, driver: Driver | None) -> None:
        self.target = target
        self.lead = Lead(target, driver.traits if driver else Traits(), desk.crowd)
        self.next_edge: datetime | None = None
        self._desk = desk
        self._driver = driver
        capacity = desk.agenda.targets[target].capacity
        self._executors = make_executors(driver, capacity, desk.clock, self) if driver else ()
        self._attempts: dict[RunKey, Attempts] = {}
        self._plan: dict[RunKey, Planned] = {}
        self._stale = True
        self._woken = anyio.Event()
        self._journaled_s: dict[RunKey, float] = {}
        self._closing = False
        self._retiring = anyio.Event()

    @property
    def executors(self) -> tuple[Executor, ...]:
        """The inputs to be run beside this reconciler."""
        return self._executors

    @property
    def sessions(self) -> tuple[Session, ...]:
        """What the device is doing for us now."""
        return tuple(e.session for e in self._executors if e.session is not None)

    def wake(self) -> None:
        """Look again, soon."""
        self._woken.set()

    def replan(self) -> None:
        """Look again, soon, at a new plan: the wishes changed."""
        self._stale = True
        self._woken.set()

    def close(self) -> None:
        """End every session and start none any more; what is left of a run is kept pending."""
        self._closing = True
        for session in self.sessions:
            session.end(Event.WITHDRAWN, EndReason.DAEMON_STOPPED)

    def retire(self) -> None:
        """Start nothing any more; what records goes on to its end."""
        self._retiring.set()

    async def retired(self) -> None:
        """Wait until it was asked to retire and no session is left."""
        await self._retiring.wait()
        await self.idle()

    async def idle(self) -> None:
        """Wait until no session is left."""
        for executor in self._executors:
            await executor.idle()

    def overdue(self, now: datetime) -> bool:
        """Tell whether it was woken, or should have been, and has not looked since."""
        return self._woken.is_set() or (self.next_edge is not None and self.next_edge < now)

    def next_start(self, now: datetime) -> tuple[datetime, str] | None:
        """Give when the next piece begins, and of which schedule."""
        return first_start(self._plan.values(), now)

    def picture(self) -> dict[str, object]:
        """Give what the target is doing, for people."""
        # While one session closes and the next has opened, the next is what people ask for.
        session = min(self.sessions, key=lambda each: each.ending, default=None)
        if session is None:
            return {"status": "idle"}
        run = self._desk.agenda.run(self.target, session.key)
        return session_picture(session, run, self._desk.clock.now())

    async def run(self) -> None:
        """Reconcile whenever woken, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken = anyio.Event()
            self.next_edge = None  # a target that fails is reported, and not the watchdog's affair
            self.reconcile()

    def reconcile(self) -> None:
        """Do now whatever this instant asks for, and set the alarm for the next one."""
        now = self._desk.clock.now()
        self._refresh_plan(now)
        self._mind_sessions(now)
        if not (self._closing or self._retiring.is_set()):
            self._start_due(now)
        self._close_runs(now)
        self._report_standing(now)
        self.next_edge = self._next_edge(now)
        self._desk.alarm.set(self.target, self.next_edge)
        self._desk.presence_changed()
        if self._stale:
            # What became of a run moved the claims: look again, at a new plan.
            self.wake()

    # what should be

    def _refresh_plan(self, now: datetime) -> None:
        if not self._stale:
            return
        self._stale = False
        planned = self._desk.agenda.plan(self.target, now)
        self._plan = {(*entry.key, 0): entry for entry in planned}
        for run in self._runs():
            entry = self._plan.get(key_of(run))
            if entry is None:
                continue
            window = entry.occurrence.window
            if may_return(replace(run, planned=window), now):
                self._put(reopen(run, window))
                self._attempts.pop(key_of(run), None)
                self._stale = True
            elif run.status is not Status.FINISHED and run.planned != window:
                shortened = run.confirmed and window.stop < run.planned.stop
                self._put(
                    replace(run, planned=window, reason=Reason.OPERATOR if shortened else None)
                )

    def _runs(self) -> tuple[Run, ...]:
        return self._desk.agenda.runs(self.target)

    def _run(self, key: RunKey, entry: Planned) -> Run:
        run = self._desk.agenda.run(self.target, key)
        return run or Run(
            id=0,
            target=self.target,
            name=entry.schedule.name,
            planned=entry.occurrence.window,
            schedule_id=entry.schedule.id,
            slot=entry.occurrence.slot,
        )

    def _put(self, run: Run, part: Part | None = None) -> None:
        self._desk.agenda.put_run(run)
        self._desk.journal.record(run, part)

    # what is

    def _mind_sessions(self, now: datetime) -> None:
        for session in self.sessions:
            if session.ending:
                continue
            entry = self._plan.get(session.key)
            piece = piece_of(session.part, entry, now) if entry else None
            if piece is None or self._desk.agenda.is_paused(session.key):
                reason = EndReason.PAUSED if piece else EndReason.WITHDRAWN
                session.end(Event.WITHDRAWN, reason)
                continue
            session.plan_until(piece.stop)
            if piece.stop <= now:
                session.end(Event.PIECE_OVER, EndReason.PLANNED)

    def _start_due(self, now: datetime) -> None:
        due = [
            (piece, key, entry)
            for key, entry in self._plan.items()
            for piece in entry.claim
            if piece.start - self.lead.of(piece.start) <= now < piece.stop
        ]
        for piece, key, entry in sorted(due, key=lambda found: found[0]):
            held = any(session.key == key for session in self.sessions)
            if held or self._desk.agenda.is_paused(key):
                continue
            run = self._run(key, entry)
            if run.status is not Status.PENDING or not worth_starting(
                entry, piece, now, self._min_piece
            ):
                continue
            if not self._attempts.setdefault(key, Attempts()).may_try(now):
                continue
            executor = self._free_executor(piece)
            if executor is not None:
                self._begin(executor, run, entry, piece)

    @property
    def _min_piece(self) -> timedelta:
        return self._desk.agenda.targets[self.target].min_piece

    def _free_executor(self, piece: Window) -> Executor | None:
        """Give the lowest input on which nothing runs into `piece`."""
        overlap = self._driver is not None and self._driver.traits.overlap
        for executor in self._executors:
            busy = [
                other.session
                for other in self._executors
                if other.number == executor.number and other.session is not None
            ]
            if executor.session is None and (
                not busy or (overlap and all(s.part.piece.stop <= piece.start for s in busy))
            ):
                return executor
        return None

    def _begin(self, executor: Executor, run: Run, entry: Planned, piece: Window) -> None:
        part, order = self._desk.orders.make(
            Start(
                target=self._desk.agenda.targets[self.target],
                entry=entry,
                run=run,
                piece=rest_of(piece, run, self._desk.clock.now()),
                input=executor.number,
                lead=self.lead.of(piece.start),
                now=self._desk.clock.now(),
            )
        )
        executor.assign(Assignment(key_of(run), part, order))
        self._put(replace(run, status=advance(run.status, Event.DUE)))
        self._desk.reporter.starting(run, part)

    # what happened

    def part_changed(self, key: RunKey, part: Part, event: Event | None) -> None:
        """Take in the facts of a part."""
        run = self._desk.agenda.run(self.target, key)
        if run is None:
            return
        run = replace(run, parts=with_part(run.parts, part))
        if event is not None:
            run = replace(run, status=advance(run.status, event))
        clock_s = self._desk.clock.monotonic()
        if event or part.end or clock_s - self._journaled_s.get(key, 0.0) > JOURNAL_EVERY_S:
            self._journaled_s[key] = clock_s
            self._put(run, part)
        else:
            self._desk.agenda.put_run(run)
        if event is Event.DATA:
            self.lead.learn(part)
            self._desk.reporter.started(run, part)
            self._stale = True
        if part.end is not None:
            self._desk.reporter.part_ended(run, part)
            self._attempts.setdefault(key, Attempts()).ended(part, self._desk.clock.now())
        if event or part.end:
            self.wake()

    def attempt_failed(self, key: RunKey, part: Part, error: DriverError | None) -> None:
        """Note that a start brought no data; it is tried again while that makes sense."""
        run = self._desk.agenda.run(self.target, key)
        if run is None:
            return
        attempts = self._attempts.setdefault(key, Attempts())
        fresh = attempts.failed(part, error, self._desk.clock.now())
        run = replace(
            run,
            status=advance(run.status, Event.ATTEMPT_FAILED),
            parts=with_part(run.parts, part),
        )
        self._put(run, part)
        if fresh:
            self._desk.reporter.attempt_failed(run, part, attempts)
        self.wake()

    def stop_failed(self, key: RunKey, part: Part) -> None:
        """Say that the device does not confirm its stop."""
        run = self._desk.agenda.run(self.target, key)
        if run is not None:
            self._desk.reporter.stop_failed(run, part)

    def input_free(self) -> None:
        """Look again: something may have waited for this input."""
        self.wake()

    # what became of it

    def _close_runs(self, now: datetime) -> None:
        held = {session.key for session in self.sessions}
        for known in self._runs():
            key = key_of(known)
            if known.status is Status.FINISHED or known.schedule_id is None or key in held:
                continue
            run = self._without_session(known)
            entry = self._plan.get(key)
            if (
                entry is None
                or self._is_hopeless(key, run, now)
                or is_over(entry, now, self._min_piece)
            ):
                self._finish(run, entry, now)
            elif run.status is Status.STOPPING:
                self._put(replace(run, status=advance(run.status, Event.STOPPED_WITH_REST)))

    def _without_session(self, run: Run) -> Run:
        """Give a run that no session holds; one whose session was lost goes on from there."""
        if run.status not in {Status.STARTING, Status.STARTED}:
            return run
        lost = after_loss(run)
        self._put(lost, lost.parts[-1] if lost.parts else None)
        return lost

    def _is_hopeless(self, key: RunKey, run: Run, now: datetime) -> bool:
        gave_up = key in self._attempts and self._attempts[key].hopeless
        return gave_up and now >= run.planned.start

    def _finish(self, run: Run, entry: Planned | None, now: datetime) -> None:
        event = Event.OVER if entry is not None else Event.WITHDRAWN
        if run.status is Status.STOPPING:
            event = Event.STOPPED_FOR_GOOD
        advance(run.status, event)
        ending = Ending(now, entry, self._cause(run, entry), self._desk.agenda.name_of)
        final = finish(run, ending)
        self._put(final)
        self._attempts.pop(key_of(run), None)
        self._journaled_s.pop(key_of(run), None)
        self._desk.reporter.finished(final)
        self._stale = True

    def _cause(self, run: Run, entry: Planned | None) -> Reason:
        """Say why nothing was recorded where the plan does not explain it."""
        if entry is None:
            return self._desk.agenda.why_gone(run)
        if run.planned.start < self._desk.booted_at:
            return Reason.DAEMON_DOWN
        return Reason.DRIVER_UNAVAILABLE if self._driver is None else Reason.BACK_TO_BACK

    def _report_standing(self, now: datetime) -> None:
        """Say once, at the planned start, that a run is blocked or late."""
        for run in self._runs():
            entry = self._plan.get(key_of(run))
            waiting = run.status in {Status.PENDING, Status.STARTING}
            if not waiting or entry is None or now < run.planned.start:
                continue
            if not any(piece.holds(now) for piece in entry.claim):
                self._desk.reporter.blocked_once(run, entry)
            elif not run.confirmed and now >= run.planned.start + LATE_AFTER:
                self._desk.reporter.late_once(run)

    def _next_edge(self, now: datetime) -> datetime | None:
        found: list[datetime] = []
        for key, entry in self._plan.items():
            run = self._desk.agenda.run(self.target, key)
            if run is not None and run.status is Status.FINISHED:
                continue
            found.extend(edges(entry, self.lead.of, self._min_piece))
            if key in self._attempts:
                found.append(self._attempts[key].retry_at)
        return min((edge for edge in found if edge > now), default=None)
