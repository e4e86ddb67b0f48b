"""Judges a simulation by what was promised and what devices did: gives every broken invariant.

Pure, and no use of the engine's own judgement: of the product it uses the expansion of rules alone,
which has an oracle of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from simulation.history import DeviceSession, History, Ledger, Moment, Wish
from tallyd.domain.model import Occurrence, Outcome, Part, Run, Status
from tallyd.domain.recurrence import local_date, occurrences
from tallyd.domain.window import Window, merge, subtract

LONGEST_LEAD = timedelta(seconds=5)
WHOLE_WITHIN = timedelta(seconds=2)
STOP_WITHIN = timedelta(seconds=1)
HAND_OVER_S = 6.0
HEEDED_WITHIN_S = 3.0
UNWRITTEN_AT_MOST = timedelta(seconds=250)
"""What of a recording the ledger may not know when the daemon is killed."""
_AHEAD = timedelta(minutes=66)
_AROUND = timedelta(minutes=3)
_UNTRIED = {Outcome.MISSED, Outcome.BLOCKED, Outcome.SKIPPED}


@dataclass(frozen=True, slots=True)
class _Known:
    """A wish while it stood, with all its occurrences of the simulated time."""

    wish: Wish
    to_s: float
    occurrences: tuple[Occurrence, ...]


def check(history: History, ledger: Ledger, restarted: Ledger) -> list[str]:
    """Give the invariants that are broken, one sentence each; none is what is wanted."""
    return [*_Checker(history, ledger).broken(), *_restart(ledger, restarted)]


def _restart(ledger: Ledger, restarted: Ledger) -> Iterator[str]:
    if ledger != restarted:
        yield "(f) a restart of what had settled changed the store"


class _Checker:
    def __init__(self, history: History, ledger: Ledger) -> None:
        assert history.ended is not None  # noqa: S101 - a simulation that did not end is no result
        self._history = history
        self._ledger = ledger
        self._end_s = history.ended.s
        begin, latest = history.walls(0.0, self._end_s)
        self._period = Window(begin - timedelta(days=2), latest + timedelta(days=1))
        self._known = {
            schedule_id: [*self._standing(wishes)] for schedule_id, wishes in history.wishes.items()
        }
        self._by_name = {
            wishes[0].schedule.name: schedule_id for schedule_id, wishes in history.wishes.items()
        }
        self._sessions = {session.token: session for session in history.sessions}
        self._troubles = [
            (trouble, Window(*history.walls(trouble.from_s - 1e-3, trouble.to_s)))
            for trouble in history.troubles
        ]

    def _standing(self, wishes: list[Wish]) -> Iterator[_Known]:
        ends = [wish.since_s for wish in wishes[1:]] + [self._end_s]
        for wish, to_s in zip(wishes, ends, strict=True):
            found = occurrences(wish.schedule, wish.overrides, self._period)
            yield _Known(wish, to_s, tuple(found))

    def broken(self) -> Iterator[str]:
        yield from self._history.broken
        yield from self._promises()
        yield from self._outcomes()
        for session in self._history.sessions:
            yield from self._window(session)
        for target in self._history.targets:
            yield from self._capacity(target)
        for run in self._ledger.runs:
            yield from self._truth(run)
            yield from self._clear_sky(run)
        yield from self._unwritten()

    def _promises(self) -> Iterator[str]:
        """Compare (a) what was acknowledged with what is stored."""
        stored = {schedule.id: schedule for schedule in self._ledger.schedules}
        for schedule_id, wishes in self._history.wishes.items():
            if stored.get(schedule_id) != wishes[-1].schedule:
                yield f"(a) schedule {schedule_id} is not as it was acknowledged"
            overrides = tuple(o for o in self._ledger.overrides if o.schedule_id == schedule_id)
            if overrides != wishes[-1].overrides:
                yield f"(a) the overrides of schedule {schedule_id} are not as acknowledged"
        if stored.keys() - self._history.wishes.keys():
            yield "(a) there is a schedule that nobody booked"
        if self._ledger.days != (self._history.days[-1][1] if self._history.days else ()):
            yield "(a) the exception days are not as acknowledged"

    def _outcomes(self) -> Iterator[str]:
        """(b) What fell due has one row with one outcome."""
        rows: dict[tuple[int | None, str | None], list[Run]] = {}
        for run in self._ledger.runs:
            rows.setdefault((run.schedule_id, run.slot), []).append(run)
        due, possible = self._due()
        for key in sorted(due):
            found = rows.get(key, [])
            if len(found) != 1:
                yield f"(b) occurrence {key} fell due and has {len(found)} rows"
        for slot, runs in rows.items():
            if slot not in possible:
                yield f"(b) run {runs[0].id} belongs to no occurrence: {slot}"
        for run in self._ledger.runs:
            if run.status is not Status.FINISHED or run.outcome is None:
                yield f"(b) run {run.id} {_spell(run)} has no outcome: {run.status}"
            elif run.outcome is not Outcome.RECORDED and (not run.reason or not run.sentence):
                yield f"(b) run {run.id} {_spell(run)} is {run.outcome} and nobody says why"

    def _due(self) -> tuple[set[tuple[int, str]], set[tuple[int | None, str | None]]]:
        due: set[tuple[int, str]] = set()
        possible: set[tuple[int | None, str | None]] = set()
        for schedule_id, known in self._known.items():
            for each in known:
                _, reached = self._history.walls(each.wish.since_s, each.to_s)
                for occurrence in each.occurrences:
                    key = schedule_id, occurrence.slot
                    if occurrence.window.start < reached:
                        due.add(key)
                    if occurrence.window.start <= reached + _AHEAD:
                        possible.add(key)
        return due, possible

    def _window(self, session: DeviceSession) -> Iterator[str]:
        """(c) Nothing starts outside its window, or runs on past it."""
        known = self._known[self._by_name[session.name]]
        asked = session.asked
        if not any(
            o.window.start - LONGEST_LEAD <= asked.wall < o.window.stop
            for o in self._wanted(known, asked.s)
        ):
            yield f"(c) {session.name!r} was started outside its windows at {asked.wall}"
        ended = session.stop_asked or session.ended
        if session.began is None or ended is None:
            return
        whole = Window(session.began.wall, max(session.began.wall, ended.wall))
        if self._runs_on(known, session.began, ended) and not self._troubled(session.target, whole):
            yield f"(c) {session.name!r} of {session.began.wall} ran on until {ended.wall}"

    def _runs_on(self, known: list[_Known], began: Moment, ended: Moment) -> bool:
        """Tell whether no window reaches so far, and none was just taken away."""
        if any(
            o.window.start - LONGEST_LEAD <= began.wall
            and ended.wall <= o.window.stop + STOP_WITHIN
            for o in self._wanted(known, ended.s)
        ):
            return False
        since = max(each.wish.since_s for each in known if each.wish.since_s <= ended.s)
        return ended.s - since > HEEDED_WITHIN_S and not self._days_changed(ended.s)

    def _wanted(self, known: Iterable[_Known], at_s: float) -> Iterator[Occurrence]:
        """Give what was wanted at a moment, or until a moment before it."""
        for each in known:
            if not each.wish.since_s <= at_s <= each.to_s + HEEDED_WITHIN_S:
                continue
            out = {o.slot for o in each.wish.overrides if o.excluded}
            for occurrence in each.occurrences:
                if occurrence.slot not in out and not self._day_off(
                    each.wish.schedule.target, occurrence, at_s
                ):
                    yield occurrence

    def _day_off(self, target: str, occurrence: Occurrence, at_s: float) -> bool:
        """Tell whether it starts on an exception day that has stood for a moment."""
        stood = [days for since_s, days in self._history.days if since_s <= at_s - HEEDED_WITHIN_S]
        day = local_date(occurrence.window.start, self._history.targets[target].zone)
        return bool(stood) and any(
            each.day == day and each.target in {None, target} for each in stood[-1]
        )

    def _days_changed(self, at_s: float) -> bool:
        return any(0 <= at_s - since_s <= HEEDED_WITHIN_S for since_s, _ in self._history.days)

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

    def _truth(self, run: Run) -> Iterator[str]:
        """(e) The ledger says what the devices did."""
        sessions = [s for p in run.parts if (s := self._sessions.get(p.token)) and s.began]
        for part in run.parts:
            yield from self._part(run, part)
        if run.outcome in _UNTRIED and sessions:
            yield f"(e) run {run.id} {_spell(run)} is {run.outcome}, yet its device recorded"
        if run.outcome is Outcome.PARTIAL and not sessions:
            yield f"(e) run {run.id} {_spell(run)} is partial, yet its device recorded nothing"
        if run.outcome is Outcome.FAILED and (sessions or not run.parts):
            yield f"(e) run {run.id} {_spell(run)} failed, which its device does not confirm"
        if run.outcome is not Outcome.RECORDED or self._clock_was_set(run.planned):
            return
        lacks = _lacks(run.planned, sessions)
        if lacks > WHOLE_WITHIN:
            yield f"(e) run {run.id} {_spell(run)} is recorded, yet lacks {lacks}"

    def _part(self, run: Run, part: Part) -> Iterator[str]:
        session = self._sessions.get(part.token)
        if session is None:
            yield f"(e) part {part.number} of run {run.id} {_spell(run)} was never started"
            return
        began = session.began.wall if session.began else None
        if part.first_data_at != began:
            yield f"(e) run {run.id} {_spell(run)}: first data {part.first_data_at}, not {began}"
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
            yield f"(e) run {run.id} {_spell(run)}: the last data is known {unknown} too early"

    def _excused_part(self, run: Run) -> bool:
        return self._clock_was_set(run.planned) or any(
            trouble.what == "refuse_writes" and window.overlaps(_around(run.planned))
            for trouble, window in self._troubles
        )

    def _unwritten(self) -> Iterator[str]:
        written = {part.token for run in self._ledger.runs for part in run.parts}
        for session in self._history.sessions:
            if session.began and session.token not in written and not session.cut_off:
                yield f"(e) nobody wrote down that {session.name!r} ran at {session.began.wall}"

    def _clear_sky(self, run: Run) -> Iterator[str]:
        """(e) Whatever was booked in time, alone, unchanged and without a trouble is recorded."""
        around = _around(run.planned)
        if (
            run.outcome is not Outcome.RECORDED
            and not self._troubled(run.target, around)
            and not self._contended(run, around)
            and not self._off(run)
            and self._stood(run, around)
        ):
            yield f"(e) run {run.id} {_spell(run)} is {run.outcome} ({run.reason}) for no reason"

    def _off(self, run: Run) -> bool:
        """Tell whether it was ever skipped, or its day ever taken out."""
        day = local_date(run.planned.start, self._history.targets[run.target].zone)
        return any(each.day == day for _, days in self._history.days for each in days) or any(
            override.slot == run.slot and override.excluded
            for known in self._known.get(run.schedule_id or 0, ())
            for override in known.wish.overrides
        )

    def _stood(self, run: Run, around: Window) -> bool:
        """Tell whether its wish was in force, unchanged, from before its window until after it."""
        known = self._known.get(run.schedule_id or 0, [])
        changed = any(around.holds(self._history.wall(each.wish.since_s)) for each in known)
        wanted = [each for each in known if self._stands(each, around)]
        return (
            not changed
            and bool(wanted)
            and all(run.slot in {o.slot for o in each.occurrences} for each in wanted)
        )

    def _stands(self, known: _Known, around: Window) -> bool:
        """Tell whether a wish was in force before a window and until after it."""
        earliest, latest = self._history.walls(known.wish.since_s, known.to_s)
        return earliest < around.start and around.stop < latest

    def _contended(self, run: Run, around: Window) -> bool:
        return any(
            occurrence.window.overlaps(around)
            and (occurrence.schedule_id, occurrence.slot) != (run.schedule_id, run.slot)
            for known in self._known.values()
            for each in known
            if each.wish.schedule.target == run.target
            for occurrence in each.occurrences
        )

    def _troubled(self, target: str, window: Window) -> bool:
        return any(
            trouble.target in {None, target} and _around(known).overlaps(window)
            for trouble, known in self._troubles
        )

    def _clock_was_set(self, window: Window) -> bool:
        return any(
            trouble.what.startswith("clock") and known.overlaps(_around(window))
            for trouble, known in self._troubles
        )


def _around(window: Window) -> Window:
    return Window(window.start - _AROUND, window.stop + _AROUND)


def _at_once(one: DeviceSession, other: DeviceSession) -> bool:
    (a, a_end), (b, b_end) = _span(one), _span(other)
    return a < b_end and b < a_end


def _span(session: DeviceSession) -> tuple[float, float]:
    began = session.began.s if session.began else session.asked.s
    return began, session.ended.s if session.ended else float("inf")


def _lacks(window: Window, sessions: Iterable[DeviceSession]) -> timedelta:
    data = merge(
        Window(s.began.wall, max(s.began.wall, s.last_data.wall))
        for s in sessions
        if s.began and s.last_data
    )
    return sum((gap.length for gap in subtract(window, data)), timedelta())


def _spell(run: Run) -> str:
    window: tuple[datetime, datetime] = run.planned.start, run.planned.stop
    return f"of {run.name!r} on {run.target} {window[0]:%m-%d %H:%M:%S}..{window[1]:%H:%M:%S}"
