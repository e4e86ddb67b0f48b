"""Judges recordings by hand (h): begun at once where nothing hinders, pushed aside by nothing."""

from collections.abc import Iterator
from datetime import timedelta

from simulation.deeds import HAND_OVER_S
from simulation.evidence import HEEDED_WITHIN_S, Evidence, Known, around
from simulation.history import DeviceSession
from tallyd.domain.window import Window


class ByHand:
    """The devices' own log against what somebody at the button was promised."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._history = evidence.history

    def broken(self) -> Iterator[str]:
        """Give the invariants that are broken, one sentence each."""
        for known in self._evidence.known.values():
            schedule = known[0].wish.schedule
            if not schedule.manual:
                continue
            sessions = [s for s in self._history.sessions if s.name == schedule.name]
            yield from self._at_once(known, sessions)
            if self._history.targets[schedule.target].capacity == 1:
                yield from self._pushed_aside(known[0], sessions)

    def _at_once(self, known: list[Known], sessions: list[DeviceSession]) -> Iterator[str]:
        """(h) Its device is told within moments, unless it or the daemon had a trouble."""
        wish = known[0].wish
        by_s = wish.since_s + HEEDED_WITHIN_S
        pressed_again = len(known) > 1 and known[1].wish.since_s <= by_s
        prompt = any(session.asked.s <= by_s for session in sessions)
        if not (prompt or pressed_again or self._hindered(known[0])):
            yield f"(h) {wish.schedule.name!r} of {wish.schedule.created} was not begun at once"

    def _hindered(self, known: Known) -> bool:
        schedule, at_s = known.wish.schedule, known.wish.since_s
        pressed = Window(schedule.created, schedule.created + timedelta(seconds=1))
        evidence = self._evidence
        closing = any(
            each.target == schedule.target
            and each.asked.s < at_s
            and (each.ended is None or each.ended.s > at_s)
            for each in self._history.sessions
        )
        return (
            closing
            or evidence.troubled(schedule.target, pressed)
            or evidence.clock_was_set(pressed)
            or evidence.was_locked(schedule.target, around(pressed))
            or any(
                gone.from_s <= at_s + HEEDED_WITHIN_S and at_s < gone.to_s
                for gone in evidence.absences(schedule.target)
            )
        )

    def _pushed_aside(self, known: Known, sessions: list[DeviceSession]) -> Iterator[str]:
        """(h) From its first session to the end of its last nothing else starts in its room."""
        schedule = known.wish.schedule
        whole = Window(schedule.created, schedule.created + schedule.duration)
        if not sessions or self._evidence.clock_was_set(whole):
            return
        end = max(_end_s(session) for session in sessions)
        for other in self._history.sessions:
            if other.target != schedule.target or other.name == schedule.name:
                continue
            if sessions[0].asked.s + HEEDED_WITHIN_S <= other.asked.s < end - HAND_OVER_S:
                at = other.asked.wall
                yield f"(h) {other.name!r} was started at {at} beside {schedule.name!r}"


def _end_s(session: DeviceSession) -> float:
    ended = session.stop_asked or session.ended
    return ended.s if ended else session.asked.s
