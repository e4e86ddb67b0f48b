"""What will happen: every occurrence of a period with its verdict. One function plans and reports.

`plan_target` looks at one target at a time; targets do not know one another.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from tallyd.domain.conflicts import Blocker, Claim, Contender, Rank, Rules, settle
from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import (
    ExceptionDay,
    InstantStart,
    Occurrence,
    Override,
    Reason,
    Run,
    Schedule,
    Target,
    Verdict,
)
from tallyd.domain.recurrence import in_utc, local_date, occurrences
from tallyd.domain.shelf import Shelf
from tallyd.domain.window import FAR_FUTURE, Window

HORIZON = timedelta(days=90)
"""How far ahead a schedule list looks for trouble."""

RunsByOccurrence = Mapping[tuple[int, str], Run]


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that decides who holds one target: what is wanted, what must not be, what happened."""

    target: Target
    schedules: tuple[Schedule, ...] = ()
    overrides: Mapping[int, tuple[Override, ...]] = field(
        default_factory=dict[int, tuple[Override, ...]]
    )
    exception_days: tuple[ExceptionDay, ...] = ()
    runs: tuple[Run, ...] = ()
    shelf: Shelf | None = None
    """Where one-shots stand that are not among `schedules`: of those, what a period needs."""

    def near(self, period: Window) -> Iterable[Schedule]:
        """Give every schedule that can have an occurrence in a period, and others."""
        return chain(self.schedules, self.shelf.once_in(period) if self.shelf else ())

    @property
    def oldest(self) -> datetime:
        """The instant before which nothing is wanted."""
        if self.shelf is not None and self.shelf.oldest is not None:
            return self.shelf.oldest
        return min(schedule.effective_from for schedule in self.schedules)


@dataclass(frozen=True, slots=True)
class Planned:
    """One occurrence and what the plan says of it."""

    schedule: Schedule
    occurrence: Occurrence
    verdict: Verdict
    claim: tuple[Window, ...] = ()
    by: tuple[Blocker, ...] = ()
    reason: Reason | None = None

    @property
    def key(self) -> tuple[int, str]:
        """The identity of the occurrence."""
        return self.occurrence.schedule_id, self.occurrence.slot


@dataclass(frozen=True, slots=True)
class _Offer:
    schedule: Schedule
    occurrence: Occurrence
    standing: Window
    """What it can still hold: nothing from the instant on at which its run became final."""
    run: Run | None
    zone_known: bool

    @property
    def running(self) -> bool:
        """Whether it records, or did so to its end: the past keeps the rank that it had."""
        run = self.run
        return run is not None and (
            run.confirmed or (run.finished_at is not None and run.parts != ())
        )

    @property
    def level(self) -> tuple[bool, int, bool]:
        """What of its rank goes before any start; the higher wins."""
        return self.schedule.manual, self.schedule.priority, self.running


def plan_target(wishes: Wishes, period: Window) -> tuple[Planned, ...]:
    """Plan what intersects `period` on one target, in order of start, schedule id and slot.

    Windows are not clipped. What overlaps them beyond the period counts too, and what overlaps
    that, so that a verdict does not depend on the period that was asked for.
    """
    suspended = _Suspensions(wishes)
    planned: list[Planned] = []
    competing: list[_Offer] = []
    for offer in _offers(wishes, period):
        refusal = suspended.refusal(offer)
        if refusal is None:
            competing.append(offer)
        else:
            planned.append(Planned(offer.schedule, offer.occurrence, refusal[0], reason=refusal[1]))
    for offer, claim in zip(competing, _claims(wishes, competing), strict=True):
        planned.append(
            Planned(
                offer.schedule,
                offer.occurrence,
                claim.verdict,
                claim.pieces,
                claim.by,
                claim.reason,
            )
        )
    shown = [entry for entry in planned if _intersects(entry.occurrence.window, period)]
    shown.sort(key=lambda entry: (entry.occurrence.window.start, entry.key))
    return tuple(shown)


def plan(every: Iterable[Wishes], period: Window) -> tuple[Planned, ...]:
    """Plan several targets, in order of start, target, schedule id and slot."""
    entries = [entry for wishes in every for entry in plan_target(wishes, period)]
    entries.sort(key=lambda e: (e.occurrence.window.start, e.schedule.target, e.key))
    return tuple(entries)


def worst_verdicts(entries: Iterable[Planned]) -> dict[int, Verdict]:
    """Sum up each schedule: blocked if an occurrence is, else in conflict if one is, else clear.

    Suspended occurrences say nothing of a schedule's chances.
    """
    summary: dict[int, Verdict] = {}
    for entry in entries:
        so_far = summary.setdefault(entry.schedule.id, Verdict.CLEAR)
        if entry.verdict is Verdict.BLOCKED or (
            entry.verdict is Verdict.CONFLICT and so_far is Verdict.CLEAR
        ):
            summary[entry.schedule.id] = entry.verdict
    return summary


def _offers(wishes: Wishes, period: Window) -> list[_Offer]:
    """Expand every schedule over the period, and over all that its verdicts hang on."""
    runs: RunsByOccurrence = {(run.schedule_id, run.slot): run for run in wishes.runs}
    reach = period
    while True:
        offers = [
            _offer(schedule, occurrence, runs, zone_known=zone_known)
            for schedule in wishes.near(reach)
            if not _is_elsewhere(schedule, wishes, reach)
            for occurrence, zone_known in _expand(schedule, wishes, reach)
        ]
        needed = _needed(offers, period)
        if reach.start <= needed.start and needed.stop <= reach.stop:
            return offers
        # Twice as far back each time: a chain of a thousand links is found in ten steps.
        further = min(period.start - needed.start, max(needed.start - wishes.oldest, timedelta(0)))
        reach = Window(needed.start - further, needed.stop)


def _is_elsewhere(schedule: Schedule, wishes: Wishes, period: Window) -> bool:
    """Tell of a one-shot at a glance that it is not in a period: a channel has a great many."""
    start = schedule.start
    if not isinstance(start, InstantStart) or wishes.overrides.get(schedule.id):
        return False
    if start.at >= period.stop:
        return True
    return start.at < period.start and start.at + schedule.duration <= period.start


def _needed(offers: Iterable[_Offer], period: Window) -> Window:
    """Give the span of what the verdicts of a period hang on, as far as `offers` tell.

    Who started before another may go first, and so on back to the beginning of the chain. Who
    starts later goes first only by a higher level, so ahead there are as many steps as levels.
    """
    shown = [offer for offer in offers if _intersects(offer.occurrence.window, period)]
    if not shown:
        return period
    level = min(offer.level for offer in shown)
    start = period.start
    for offer in sorted(offers, key=lambda o: o.occurrence.window.stop, reverse=True):
        if offer.occurrence.window.stop <= start:
            break
        if offer.level >= level:
            start = min(start, offer.occurrence.window.start)
    stop = period.stop
    ahead = shown
    while ahead:
        stop = max(stop, *(offer.occurrence.window.stop for offer in ahead))
        level = min(offer.level for offer in ahead)
        ahead = [
            offer
            for offer in offers
            if offer.level > level and period.stop <= offer.occurrence.window.start < stop
        ]
    return Window(start, stop)


def _expand(
    schedule: Schedule, wishes: Wishes, period: Window
) -> Iterator[tuple[Occurrence, bool]]:
    overrides = wishes.overrides.get(schedule.id, ())
    try:
        for occurrence in occurrences(schedule, overrides, period):
            yield occurrence, True
    except ZoneUnknown:
        # Nobody can say when it is meant; it is listed as though its zone were UTC.
        for occurrence in occurrences(in_utc(schedule), overrides, period):
            yield occurrence, False


def _offer(
    schedule: Schedule, occurrence: Occurrence, runs: RunsByOccurrence, *, zone_known: bool
) -> _Offer:
    window = occurrence.window
    run = runs.get((occurrence.schedule_id, occurrence.slot))
    if run is not None and run.finished_at is not None and run.finished_at < window.stop:
        window = Window(window.start, max(window.start, run.finished_at))
    return _Offer(schedule, occurrence, window, run, zone_known)


class _Suspensions:
    """Tells which occurrences want nothing of their target, and why."""

    def __init__(self, wishes: Wishes) -> None:
        self._target = wishes.target
        self._days = {
            day.day for day in wishes.exception_days if day.target in {None, wishes.target.key}
        }
        self._excluded = {
            (override.schedule_id, override.slot)
            for own in wishes.overrides.values()
            for override in own
            if override.excluded
        }

    def refusal(self, offer: _Offer) -> tuple[Verdict, Reason] | None:
        occurrence = offer.occurrence
        if (occurrence.schedule_id, occurrence.slot) in self._excluded:
            return Verdict.SUSPENDED, Reason.EXCLUDED
        # Who records by hand knows what day it is.
        by_hand = offer.schedule.manual
        if self._days and not by_hand and self._starts_on_exception_day(occurrence):
            return Verdict.SUSPENDED, Reason.EXCEPTION_DAY
        if not self._target.known and not offer.running:
            return Verdict.BLOCKED, Reason.TARGET_UNKNOWN
        if not offer.zone_known:
            return Verdict.BLOCKED, Reason.ZONE_UNKNOWN
        return None

    def _starts_on_exception_day(self, occurrence: Occurrence) -> bool:
        try:
            day = local_date(occurrence.window.start, self._target.zone)
        except ZoneUnknown:
            day = occurrence.window.start.date()
        return day in self._days


def _claims(wishes: Wishes, competing: list[_Offer]) -> tuple[Claim, ...]:
    target = wishes.target
    locked = Window(target.locked_since, FAR_FUTURE) if target.locked_since else None
    rules = Rules(target.capacity, target.min_piece, locked)
    return settle([_contender(offer) for offer in competing], rules)


def _contender(offer: _Offer) -> Contender:
    if offer.schedule.manual:
        run_id = offer.run.id if offer.run else 0
        return Contender(_rank(offer), offer.standing, run_id=run_id)
    return Contender(_rank(offer), offer.standing, schedule_id=offer.schedule.id)


def _rank(offer: _Offer) -> Rank:
    return Rank(
        scheduled=not offer.schedule.manual,
        negated_priority=-offer.schedule.priority,
        waiting=not offer.running,
        start=offer.occurrence.window.start,
        created=offer.schedule.created,
        id=offer.schedule.id,
        slot=offer.occurrence.slot,
    )


def _intersects(window: Window, period: Window) -> bool:
    return window.overlaps(period) or period.holds(window.start)
