"""What is known of a simulation, laid out for questions: wishes while they stood, troubles, locks.

Judges nothing. Of the product it uses the expansion of rules alone, which has an oracle of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from simulation.history import DeviceSession, History, Hold, Ledger, Wish
from tallyd.domain.model import Occurrence, Run, Schedule
from tallyd.domain.recurrence import local_date, occurrences
from tallyd.domain.window import Window

HEEDED_WITHIN_S = 3.0
"""How soon what was asked for must be done."""
_AROUND = timedelta(minutes=3)
_BY_HAND = 101
"""Recordings by hand go before the highest priority."""


@dataclass(frozen=True, slots=True)
class Known:
    """A wish while it stood, with all its occurrences of the simulated time."""

    wish: Wish
    to_s: float
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """From one steady second to another."""

    from_s: float
    to_s: float


class Evidence:
    """A history and the ledger that it left, with the answers to what a judge asks of both."""

    def __init__(self, history: History, ledger: Ledger) -> None:
        assert history.ended is not None  # noqa: S101 - a simulation that did not end is no result
        self.history = history
        self.ledger = ledger
        self.end_s = history.ended.s
        begin, latest = history.walls(0.0, self.end_s)
        self._period = Window(begin - timedelta(days=2), latest + timedelta(days=1))
        self.known = {
            schedule_id: [*self._standing(wishes)] for schedule_id, wishes in history.wishes.items()
        }
        self._by_name = {
            wishes[0].schedule.name: schedule_id for schedule_id, wishes in history.wishes.items()
        }
        self.sessions = {session.token: session for session in history.sessions}
        self._runs = {part.token: run for run in ledger.runs for part in run.parts}
        self.troubles = [
            (trouble, Window(*history.walls(trouble.from_s - 1e-3, trouble.to_s)))
            for trouble in history.troubles
        ]

    def _standing(self, wishes: list[Wish]) -> Iterator[Known]:
        ends = [wish.since_s for wish in wishes[1:]] + [self.end_s]
        for wish, to_s in zip(wishes, ends, strict=True):
            found = occurrences(wish.schedule, wish.overrides, self._period)
            yield Known(wish, to_s, tuple(found))

    def known_of(self, session: DeviceSession) -> list[Known]:
        """Give the wishes that a session was made for, as they stood one after another."""
        return self.known[self._by_name[session.name]]

    def priority_of(self, session: DeviceSession) -> int:
        """Give the priority with which a session was asked for."""
        known = self.known_of(session)
        standing = [each for each in known if each.wish.since_s <= session.asked.s]
        schedule = standing[-1].wish.schedule
        return _BY_HAND if schedule.manual else schedule.priority

    def run_of(self, session: DeviceSession) -> Run | None:
        """Give the run of which a session is a part, if anybody wrote it down."""
        return self._runs.get(session.token)

    def wanted(self, session: DeviceSession, at_s: float) -> Iterator[Occurrence]:
        """Give what was wanted of its schedule at a moment, or until a moment before it."""
        for each in self.known_of(session):
            if not each.wish.since_s <= at_s <= each.to_s + HEEDED_WITHIN_S:
                continue
            out = {o.slot for o in each.wish.overrides if o.excluded}
            for occurrence in each.occurrences:
                if occurrence.slot not in out and not self._day_off(
                    each.wish.schedule, occurrence, at_s
                ):
                    yield occurrence

    def _day_off(self, schedule: Schedule, occurrence: Occurrence, at_s: float) -> bool:
        """Tell whether it starts on an exception day that has stood for a moment."""
        if schedule.manual:
            return False
        target = schedule.target
        stood = [days for since_s, days in self.history.days if since_s <= at_s - HEEDED_WITHIN_S]
        day = local_date(occurrence.window.start, self.history.targets[target].zone)
        return bool(stood) and any(
            each.day == day and each.target in {None, target} for each in stood[-1]
        )

    def days_changed(self, at_s: float) -> bool:
        """Tell whether an exception day came or went a moment ago."""
        return any(0 <= at_s - since_s <= HEEDED_WITHIN_S for since_s, _ in self.history.days)

    def off(self, run: Run) -> bool:
        """Tell whether a run was ever skipped, or its day ever taken out."""
        return self.on_exception_day(run) or self.was_skipped(run)

    def on_exception_day(self, run: Run) -> bool:
        """Tell whether its day was ever taken out."""
        day = local_date(run.planned.start, self.history.targets[run.target].zone)
        return any(each.day == day for _, days in self.history.days for each in days)

    def was_skipped(self, run: Run) -> bool:
        """Tell whether it was ever left out."""
        return any(
            override.slot == run.slot and override.excluded
            for known in self.known.get(run.schedule_id, ())
            for override in known.wish.overrides
        )

    def locks(self, target: str) -> Iterator[Span]:
        """Give when a target was locked."""
        return self._held(self.history.locks, target)

    def absences(self, target: str) -> Iterator[Span]:
        """Give when a target was gone from the configuration."""
        return self._held(self.history.absences, target)

    def _held(self, holds: Iterable[Hold], target: str) -> Iterator[Span]:
        for hold in holds:
            if hold.target == target:
                yield Span(hold.from_s, self.end_s if hold.to_s is None else hold.to_s)

    def was_locked(self, target: str, window: Window) -> bool:
        """Tell whether a target was locked at any time of a window."""
        return any(self._reaches(lock, window) for lock in self.locks(target))

    def was_absent(self, run: Run, window: Window) -> bool:
        """Tell whether the target of a run was gone in a window, and nothing of it ran before."""
        return any(
            self._reaches(absence, window) and not self.had_begun(run, absence.from_s)
            for absence in self.absences(run.target)
        )

    def had_begun(self, run: Run, by_s: float) -> bool:
        """Tell whether a run had recorded something by then: it keeps the driver it has."""
        sessions = (self.sessions.get(part.token) for part in run.parts)
        return any(each and each.began and each.began.s < by_s for each in sessions)

    def pauses(self, run: Run) -> Iterator[Span]:
        """Give when a run was paused."""
        since_s: float | None = None
        for known in self.known.get(run.schedule_id, ()):
            paused = any(o.slot == run.slot and o.paused for o in known.wish.overrides)
            if paused and since_s is None:
                since_s = known.wish.since_s
            elif not paused and since_s is not None:
                yield Span(since_s, known.wish.since_s)
                since_s = None
        if since_s is not None:
            yield Span(since_s, self.end_s)

    def contended(self, run: Run, window: Window) -> bool:
        """Tell whether anything else was ever wanted of its target in a window."""
        return any(
            occurrence.window.overlaps(window)
            and (occurrence.schedule_id, occurrence.slot) != (run.schedule_id, run.slot)
            for known in self.known.values()
            for each in known
            if each.wish.schedule.target == run.target
            for occurrence in each.occurrences
        )

    def troubled(self, target: str, window: Window) -> bool:
        """Tell whether a target had a trouble in a window, or minutes before or after it."""
        return any(
            trouble.target in {None, target} and around(known).overlaps(window)
            for trouble, known in self.troubles
        )

    def happened(self, run: Run, *what: str) -> bool:
        """Tell whether something befell everything while a run was open, or minutes from it."""
        stop = max(run.planned.stop, run.finished_at or run.planned.stop)
        open_for = around(Window(run.planned.start, stop))
        return any(
            trouble.what in what and known.overlaps(open_for) for trouble, known in self.troubles
        )

    def clock_was_set(self, window: Window) -> bool:
        """Tell whether the clock was set in a window, or minutes before or after it."""
        return any(
            trouble.what.startswith("clock") and known.overlaps(around(window))
            for trouble, known in self.troubles
        )

    def _reaches(self, span: Span, window: Window) -> bool:
        earliest, latest = self.history.walls(span.from_s, span.to_s)
        return Window(earliest, max(earliest, latest)).overlaps(window)


def around(window: Window) -> Window:
    """Give a window with some minutes before and after it."""
    return Window(window.start - _AROUND, window.stop + _AROUND)


def spell(run: Run) -> str:
    """Give a run as findings name it."""
    start, stop = run.planned.start, run.planned.stop
    return f"of {run.name!r} on {run.target} {start:%m-%d %H:%M:%S}..{stop:%H:%M:%S}"
