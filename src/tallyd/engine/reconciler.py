"""One target: compares what should be with what is, and acts. Woken by anything, at any time.

Everything here runs in memory and returns at once; waiting is the sessions' business. The next
start is decided ahead of its instant, which then only has to say go.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import EndReason, Part, Reason, Run, Status
from tallyd.domain.outcomes import Ending, finish, may_return, reopen
from tallyd.domain.planner import Planned
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.attempts import Attempts
from tallyd.engine.decisions import (
    LATE_AFTER,
    edges,
    first_start,
    is_over,
    is_undecided,
    piece_of,
    with_part,
)
from tallyd.engine.desk import Desk
from tallyd.engine.executor import Assignment, Session
from tallyd.engine.fence import FencedDriver
from tallyd.engine.inputs import Executor, Inputs
from tallyd.engine.launches import DECIDED_AHEAD, Launch, Launches
from tallyd.engine.leads import Lead
from tallyd.engine.presence import picture_of
from tallyd.engine.recovery import after_loss
from tallyd.engine.relief import Relief
from tallyd.ports.drivers import DriverError, Traits

JOURNAL_EVERY_S = 10.0
TRIED_AGAIN_AFTER = timedelta(seconds=10)
"""A target whose turn failed is looked at again after so long, whatever happens."""


class Reconciler:
    """Keeps one target as it should be; `driver` is None where it could not be built."""

    def __init__(self, target: str, desk: Desk, driver: FencedDriver | None) -> None:
        self.target = target
        self.lead = Lead(target, driver.traits if driver else Traits(), desk.crowd)
        self.next_edge: datetime | None = None
        self._desk = desk
        self.driver = driver
        capacity = desk.agenda.targets[target].capacity
        self._inputs = Inputs(driver, capacity, desk.clock, self)
        self._launches = Launches(target, desk, self._inputs, self.lead)
        self._relief = Relief(self._inputs, self._launches, desk.reporter)
        self._attempts: dict[RunKey, Attempts] = {}
        self._plan: dict[RunKey, Planned] = {}
        self._ahead: list[Launch] = []
        self._gone: list[Launch] = []
        self._stale = True
        self._woken = self._in_doubt = False
        self._journaled_s: dict[RunKey, float] = {}
        self._closing = False
        self.leaving = False
        self._retiring = anyio.Event()
        self._left = False

    @property
    def executors(self) -> tuple[Executor, ...]:
        """The inputs to be run beside this reconciler."""
        return self._inputs.executors

    @property
    def sessions(self) -> tuple[Session, ...]:
        """What the device is doing for us now."""
        return self._inputs.sessions

    def wake(self) -> None:
        """Look again, soon: something happened, and what was decided ahead may no longer hold."""
        self._in_doubt = True
        self._take_place()

    def due(self) -> None:
        """Start what was decided for this instant, unless something happened since; look again."""
        if not self._in_doubt and self._ahead and self._ahead[0].stands(self._desk.clock.now()):
            for launch in self._ahead:
                launch.go()
            self._gone += self._ahead
            self._ahead = []
        self._take_place()

    def device_back(self) -> None:
        """Look again, soon, and try again at once what failed: the device answers."""
        for attempts in self._attempts.values():
            attempts.device_back()
        self.wake()

    def replan(self) -> None:
        """Look again, soon, at a new plan: the wishes changed."""
        self._stale = True
        self.wake()

    def _take_place(self) -> None:
        if not (self._woken or self._left):
            self._woken = True
            self._desk.rounds.join(self)

    def adopt(self, run: Run, part: Part, ends_by: datetime | None) -> bool:
        """Take over a part of a run that an earlier daemon left; False where there is no input."""
        return self._inputs.adopt(Assignment(key_of(run), part, None, ends_by))

    def leave(self) -> None:
        """Start nothing any more, and leave what survives this process to the next."""
        self.leaving = self._closing = True
        self._call_off()

    def close(self) -> None:
        """End every session and start none any more; what is left of a run is kept pending."""
        self._closing = True
        self._call_off()
        for session in self.sessions:
            session.end(Event.WITHDRAWN, EndReason.DAEMON_STOPPED)

    def retire(self) -> None:
        """Start nothing any more; what records goes on to its end."""
        self._call_off()
        self._retiring.set()

    async def retired(self) -> None:
        """Wait until it was asked to retire and no session is left; it acts no more from then."""
        await self._retiring.wait()
        await self.idle()
        self._left = True

    async def idle(self) -> None:
        """Wait until no session is left, but for those that the next daemon is left."""
        await (self._inputs.settled() if self.leaving else self._inputs.idle())

    def overdue(self, now: datetime) -> bool:
        """Tell whether it was woken, or should have been, and has not looked since."""
        return self._woken or (self.next_edge is not None and self.next_edge < now)

    def next_start(self, now: datetime) -> tuple[datetime, str] | None:
        """Give when the next piece begins, and of which schedule."""
        return first_start(self._plan.values(), now)

    def picture(self) -> dict[str, object]:
        """Give what the target is doing, for people."""
        return picture_of(self.target, self.sessions, self._desk.agenda, self._desk.clock.now())

    def take_turn(self) -> None:
        """Reconcile because it was woken; one that fails is woken again after a while."""
        self._woken = self._in_doubt = False
        if self._left:
            return
        now = self._desk.clock.now()
        self.next_edge = now + TRIED_AGAIN_AFTER
        self._desk.alarm.set(self.target, self.next_edge)
        self.reconcile()

    def reconcile(self) -> None:
        """Do now whatever this instant asks for, and set the alarm for the next one."""
        now = self._desk.clock.now()
        self._call_off()
        self._note_gone()
        self._refresh_plan(now)
        self._mind_sessions(now)
        if self._starts:
            self._start_due(now)
        self._close_runs(now)
        self._report_standing(now)
        self.next_edge = self._next_edge(now)
        self._desk.alarm.set(self.target, self.next_edge)
        self._ahead = self._decide_ahead(now)
        self._desk.presence_changed()
        if self._stale:
            # What became of a run moved the claims: look again, at a new plan.
            self.wake()

    @property
    def _starts(self) -> bool:
        return self._desk.trust.lets_start and not (self._closing or self._retiring.is_set())

    # what should be

    def _refresh_plan(self, now: datetime) -> None:
        if not self._stale:
            return
        self._stale = False
        planned = self._desk.agenda.plan(self.target, now)
        self._plan = {entry.key: entry for entry in planned}
        for run in self._desk.agenda.runs(self.target):
            entry = self._plan.get(key_of(run))
            if entry is None:
                continue
            window = entry.occurrence.window
            if self._desk.trust.is_given and may_return(replace(run, planned=window), now):
                self._put(reopen(run, window))
                self._attempts.pop(key_of(run), None)
                self._stale = True
            elif run.status is not Status.FINISHED and run.planned != window:
                shortened = run.confirmed and window.stop < run.planned.stop
                self._put(
                    replace(run, planned=window, reason=Reason.OPERATOR if shortened else None)
                )

    @property
    def _min_piece(self) -> timedelta:
        return self._desk.agenda.targets[self.target].min_piece

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
            elif session.falls_short and entry is not None and self._starts:
                self._relief.give(session, entry, piece, now, self._attempts.get(session.key))

    def _start_due(self, now: datetime) -> None:
        for launch in self._launches.at(now, self._plan, self._attempts):
            launch.go()
            self._note(launch)

    def _decide_ahead(self, now: datetime) -> list[Launch]:
        """Give the starts of the next edge, where it is near and the plan still stands."""
        if self.next_edge is None or self.next_edge - now > DECIDED_AHEAD:
            return []
        if self._stale or not self._starts:
            return []
        return list(self._launches.at(self.next_edge, self._plan, self._attempts))

    def _call_off(self) -> None:
        """Take back what was decided ahead: it is decided anew."""
        for launch in self._ahead:
            launch.call_off()
        self._ahead = []

    def _note_gone(self) -> None:
        """Write down what was started without waiting for that."""
        launches, self._gone = self._gone, []
        for launch in launches:
            self._note(launch)

    def _note(self, launch: Launch) -> None:
        run = self._desk.agenda.run(self.target, launch.session.key) or launch.run
        self._put(replace(run, status=advance(run.status, Event.DUE)))
        self._desk.reporter.starting(run, launch.session.part)

    # what happened

    def part_changed(self, key: RunKey, part: Part, event: Event | None) -> None:
        """Take in the facts of a part."""
        self._note_gone()
        run = self._desk.agenda.run(self.target, key)
        if run is None:
            return
        run = replace(run, parts=with_part(run.parts, part))
        if event is not None:
            run = replace(run, status=self._relief.status(run, part, event))
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
        self._note_gone()
        run = self._desk.agenda.run(self.target, key)
        if run is None:
            return
        attempts = self._attempts.setdefault(key, Attempts())
        fresh = attempts.failed(part, error, self._desk.clock.now())
        run = replace(
            run,
            status=self._relief.status(run, part, Event.ATTEMPT_FAILED),
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
        if not self._desk.trust.is_given:
            return
        held = {session.key for session in self.sessions}
        for known in self._desk.agenda.runs(self.target):
            key = key_of(known)
            if known.status is Status.FINISHED or key in held:
                continue
            entry = self._plan.get(key)
            if is_undecided(known, entry, now, settled=self._desk.trust.is_settled):
                continue
            run = self._without_session(known)
            if (
                entry is None
                or self._is_hopeless(key, run, now)
                or is_over(entry, now, self._min_piece)
            ):
                if key not in self._desk.agenda.unsettled:
                    self._finish(run, entry, now)
            elif run.status is Status.STOPPING:
                self._put(replace(run, status=advance(run.status, Event.STOPPED_WITH_REST)))
                self.wake()

    def _without_session(self, run: Run) -> Run:
        """Give a run that no session holds; one whose session was lost goes on from there."""
        if run.status not in {Status.STARTING, Status.STARTED}:
            return run
        lost = after_loss(run)
        self._put(lost, lost.parts[-1] if lost.parts else None)
        return lost

    def _is_hopeless(self, key: RunKey, run: Run, now: datetime) -> bool:
        return now >= run.planned.start and self._attempts.get(key, Attempts()).hopeless

    def _finish(self, run: Run, entry: Planned | None, now: datetime) -> None:
        event = Event.OVER if entry is not None else Event.WITHDRAWN
        if run.status is Status.STOPPING:
            event = Event.STOPPED_FOR_GOOD
        advance(run.status, event)
        tried = self._attempts.pop(key_of(run), Attempts())
        begins = entry.claim[0].start if entry and entry.claim else run.planned.start
        absent = self._desk.past.reason(begins)
        cause = self._desk.agenda.why_gone(run) if entry is None else absent or self._cause()
        ending = Ending(now, entry, cause, self._desk.agenda.name_of, tried.delayed_by, absent)
        final = finish(run, ending)
        self._put(final)
        self._journaled_s.pop(key_of(run), None)
        self._desk.reporter.finished(final)
        self._stale = True

    def _cause(self) -> Reason:
        """Say why nothing was recorded where neither the plan nor the past explains it."""
        if self._desk.agenda.targets[self.target].locked_since is not None:
            return Reason.LOCKED
        return Reason.BACK_TO_BACK if self.driver else Reason.DRIVER_UNAVAILABLE

    def _report_standing(self, now: datetime) -> None:
        """Say once, at the planned start, that a run is blocked or late."""
        for run in self._desk.agenda.runs(self.target):
            entry = self._plan.get(key_of(run))
            waiting = run.status in {Status.PENDING, Status.STARTING}
            if not waiting or entry is None or now < run.planned.start:
                continue
            if not any(piece.holds(now) for piece in entry.claim):
                self._desk.reporter.blocked_once(run, entry)
            elif not run.confirmed and now >= run.planned.start + LATE_AFTER:
                self._desk.reporter.late_once(run)

    def _next_edge(self, now: datetime) -> datetime | None:
        found = [attempts.retry_at for attempts in self._attempts.values()]
        for key, entry in self._plan.items():
            run = self._desk.agenda.run(self.target, key)
            if run is None or run.status is not Status.FINISHED:
                found.extend(edges(entry, self.lead.of, self._min_piece))
        return min((edge for edge in found if edge > now), default=None)
