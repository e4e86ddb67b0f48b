"""Judges what devices did: nothing outside what was wanted (c), never too much at once (d)."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from simulation.evidence import HEEDED_WITHIN_S, Evidence, Span
from simulation.history import DeviceSession, Moment
from tallyd.domain.model import Run
from tallyd.domain.window import Window

LONGEST_LEAD = timedelta(seconds=5)
STOP_WITHIN = timedelta(seconds=1)
HAND_OVER_S = 6.0
AT_ONCE_S = 0.05


class Deeds:
    """The devices' own log against what was wished."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._history = evidence.history

    def broken(self) -> Iterator[str]:
        """Give the invariants that are broken, one sentence each."""
        for session in self._history.sessions:
            yield from self._window(session)
            yield from self._forbidden(session)
            yield from self._reloaded(session)
            yield from self._media(session)
        for target in self._history.targets:
            yield from self._capacity(target)

    def _window(self, session: DeviceSession) -> Iterator[str]:
        """(c) Nothing starts outside its window, or runs on past it."""
        asked = session.asked
        if not any(
            o.window.start - LONGEST_LEAD <= asked.wall < o.window.stop
            for o in self._evidence.wanted(session, asked.s)
        ):
            yield f"(c) {session.name!r} was started outside its windows at {asked.wall}"
        ended = session.stop_asked or session.ended
        if session.began is None or ended is None:
            return
        if self._runs_on(session, session.began, ended) and not self._excused(session):
            yield f"(c) {session.name!r} of {session.began.wall} ran on until {ended.wall}"

    def _excused(self, session: DeviceSession) -> bool:
        """Tell whether a trouble of its device or daemon came while a session ran."""
        ended = session.stop_asked or session.ended
        began = session.began or session.asked
        latest = ended.wall if ended else began.wall
        return self._evidence.troubled(session.target, Window(began.wall, max(began.wall, latest)))

    def _runs_on(self, session: DeviceSession, began: Moment, ended: Moment) -> bool:
        """Tell whether no window reaches so far, and none was just taken away."""
        if any(
            o.window.start - LONGEST_LEAD <= began.wall
            and ended.wall <= o.window.stop + STOP_WITHIN
            for o in self._evidence.wanted(session, ended.s)
        ):
            return False
        known = self._evidence.known_of(session)
        since = max(each.wish.since_s for each in known if each.wish.since_s <= ended.s)
        return ended.s - since > HEEDED_WITHIN_S and not self._evidence.days_changed(ended.s)

    def _forbidden(self, session: DeviceSession) -> Iterator[str]:
        """(c) Nothing starts where it must not; what is locked or paused does not go on either."""
        run = self._evidence.run_of(session)
        for absence in self._evidence.absences(session.target):
            if run is None or not self._evidence.had_begun(run, absence.from_s):
                yield from self._started_in(session, absence, "its target was not configured")
        held = [(lock, "its target was locked") for lock in self._evidence.locks(session.target)]
        if run is not None:
            held += [(pause, "its run was paused") for pause in self._evidence.pauses(run)]
        for span, why in held:
            yield from self._started_in(session, span, why)
            yield from self._went_on_in(session, span, why)

    def _started_in(self, session: DeviceSession, span: Span, why: str) -> Iterator[str]:
        if span.from_s + HEEDED_WITHIN_S <= session.asked.s < span.to_s:
            yield f"(c) {session.name!r} was started at {session.asked.wall} though {why}"

    def _went_on_in(self, session: DeviceSession, span: Span, why: str) -> Iterator[str]:
        heeded_s = span.from_s + HEEDED_WITHIN_S
        ended = session.stop_asked or session.ended
        if session.began is None or not session.began.s < span.from_s:
            return
        ended_s = ended.s if ended else float("inf")
        if ended_s > heeded_s and span.to_s > heeded_s and not self._excused(session):
            yield f"(c) {session.name!r} of {session.began.wall} went on though {why}"

    def _reloaded(self, session: DeviceSession) -> Iterator[str]:
        """(c) What records when its target gets another driver goes on with the one it has."""
        began, stopped = session.began, session.stop_asked
        if began is None or stopped is None:
            return
        reloaded = any(
            target == session.target and began.s < at_s <= stopped.s <= at_s + AT_ONCE_S
            for at_s, target in self._history.reloads
        )
        if not reloaded or self._gave_way(session, stopped):
            return
        if any(
            o.window.start - LONGEST_LEAD <= began.wall
            and stopped.wall + STOP_WITHIN < o.window.stop
            for o in self._evidence.wanted(session, stopped.s)
        ):
            yield f"(c) {session.name!r} of {began.wall} was cut by a reload at {stopped.wall}"

    def _gave_way(self, session: DeviceSession, stopped: Moment) -> bool:
        """Tell whether one of a higher priority took the target that a reload has brought back."""
        own = self._evidence.priority_of(session)
        return any(
            other.target == session.target
            and 0 <= other.asked.s - stopped.s <= HEEDED_WITHIN_S
            and self._evidence.priority_of(other) > own
            for other in self._history.sessions
        )

    def _media(self, session: DeviceSession) -> Iterator[str]:
        """(c) A channel that joins late joins where its content would be by then."""
        run = self._evidence.run_of(session)
        if session.media_offset is None or run is None or self._clock_was_set(run, session):
            return
        begun = session.asked.wall - run.planned.start
        at = session.media_offset - self._content_offset(session)
        if not begun - STOP_WITHIN <= at <= max(timedelta(0), begun) + LONGEST_LEAD:
            yield f"(c) {session.name!r} joined {begun} late at {at} of its content"

    def _content_offset(self, session: DeviceSession) -> timedelta:
        content = self._evidence.known_of(session)[0].wish.schedule.content
        return content.offset if content else timedelta(0)

    def _clock_was_set(self, run: Run, session: DeviceSession) -> bool:
        wall = session.asked.wall
        first, last = min(run.planned.start, wall), max(run.planned.start, wall)
        return self._evidence.clock_was_set(Window(first, last))

    def _capacity(self, target: str) -> Iterator[str]:
        """(d) A device never runs more than it has inputs."""
        own = [s for s in self._history.sessions if s.target == target and s.began is not None]
        for older, younger in combinations(own, 2):
            if not _at_once(older, younger):
                continue
            if older.name == younger.name:
                yield f"(d) {target} ran {older.name!r} twice at {younger.asked.wall}"
            elif older.input == younger.input and not self._hands_over(older, younger):
                yield (
                    f"(d) {target} ran {older.name!r} and {younger.name!r} on input "
                    f"{older.input} at {younger.asked.wall}"
                )
        inputs = {session.input for session in own}
        if not inputs <= set(range(self._history.targets[target].capacity)):
            yield f"(d) {target} used inputs {inputs}"

    def _hands_over(self, older: DeviceSession, younger: DeviceSession) -> bool:
        ended = older.stop_asked or older.ended
        return (
            self._history.overlap[older.target]
            and ended is not None
            and ended.s <= younger.asked.s + HAND_OVER_S
        )


def _at_once(one: DeviceSession, other: DeviceSession) -> bool:
    (a, a_end), (b, b_end) = _span(one), _span(other)
    return a < b_end and b < a_end


def _span(session: DeviceSession) -> tuple[float, float]:
    began = session.began.s if session.began else session.asked.s
    return began, session.ended.s if session.ended else float("inf")
