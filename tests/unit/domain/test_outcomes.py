"""What became of a run: outcome, reason and the sentence that an operator reads at night."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.conflicts import Blocker
from tallyd.domain.model import (
    EndReason,
    InstantStart,
    Occurrence,
    Part,
    Reason,
    Run,
    Schedule,
    Status,
    Verdict,
)
from tallyd.domain.outcomes import (
    Ending,
    data_windows,
    finish,
    gaps,
    may_return,
)
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HOUR = Window(TEN, TEN + 60 * MINUTE)
SCHEDULE = Schedule(4, "u", "rooms.aula", "Talk", InstantStart(TEN), HOUR.length, TEN, TEN)
RUN = Run(1, "rooms.aula", "Talk", HOUR, 4, "@0")
NAMES = {3: "Morning"}


def span(first: float, last: float) -> Window:
    """Give a window by minutes after ten."""
    return Window(TEN + first * MINUTE, TEN + last * MINUTE)


def part(
    data: Window | None = None, end: EndReason | None = None, detail: str | None = None
) -> Part:
    """Give a part that has data for a window, or none."""
    return Part(
        1,
        0,
        HOUR,
        "t",
        TEN,
        first_data_at=data.start if data else None,
        last_data_at=data.stop if data else None,
        end=end,
        detail=detail,
    )


def plan(
    verdict: Verdict,
    reason: Reason | None = None,
    claim: tuple[Window, ...] = (),
    by: tuple[Blocker, ...] = (),
) -> Planned:
    """Give what the plan says of the hour at its end."""
    return Planned(SCHEDULE, Occurrence(4, "@0", HOUR), verdict, claim, by, reason)


MORNING = Blocker(span(0, 30), schedule_id=3)
HAND = Blocker(span(0, 30), run_id=9)
LOCK = Blocker(Window(TEN + 30 * MINUTE, TEN + 60 * MINUTE))
LONG = Blocker(Window(TEN, TEN + 24 * 60 * MINUTE), schedule_id=3)


CLEAR = plan(Verdict.CLEAR, None, (HOUR,))
STOPPED = Planned(SCHEDULE, Occurrence(4, "@0", span(0, 20)), Verdict.CLEAR, (span(0, 20),))
REMOVED = replace(
    plan(Verdict.SUSPENDED, Reason.EXCLUDED), schedule=replace(SCHEDULE, ended=TEN + 5 * MINUTE)
)
CUT = plan(Verdict.CONFLICT, Reason.OCCUPIED, (span(30, 60),), (MORNING,))


@dataclass(frozen=True)
class Case:
    """The facts of a run, and what is said of it."""

    said: str
    parts: tuple[Part, ...] = ()
    plan: Planned | None = CLEAR
    cause: Reason = Reason.DAEMON_DOWN
    reason: Reason | None = None
    already: Reason | None = None
    delayed_by: Reason | None = None


CASES = {
    "whole": Case("recorded: Recorded whole.", (part(span(0, 60), EndReason.PLANNED),)),
    "two seconds short is whole": Case(
        "recorded: Recorded whole.", (part(Window(TEN + SECOND, HOUR.stop - SECOND)),)
    ),
    "whole in two parts": Case(
        "recorded: Recorded whole.",
        (part(span(0, 30), EndReason.DIED), part(span(30.01, 60), EndReason.PLANNED)),
    ),
    "up to the operator's stop": Case(
        "recorded: Recorded until the operator stopped it.",
        (part(span(0, 20)),),
        STOPPED,
        already=Reason.OPERATOR,
        reason=Reason.OPERATOR,
    ),
    "a bit more than two seconds short": Case(
        "partial: Recorded 59 min 57.9 s of 1 h: the first data came late.",
        (part(Window(TEN + 2.1 * SECOND, HOUR.stop), EndReason.PLANNED),),
        reason=Reason.LATE,
    ),
    "the device gave up": Case(
        "partial: Recorded 10 min of 1 h: the device stopped by itself (exit status 1).",
        (part(span(0, 10), EndReason.DIED, "exit status 1"),),
        reason=Reason.DEVICE_ENDED,
    ),
    "the device fell silent": Case(
        "partial: Recorded 59 min of 1 h: the device stopped sending data.",
        (part(span(0, 29), EndReason.STALLED), part(span(30, 60), EndReason.PLANNED)),
        reason=Reason.STALLED,
    ),
    "it ended early and nobody knows why": Case(
        "partial: Recorded 0.1 s of 1 h: the device stopped by itself.",
        (part(Window(TEN, TEN + 0.1 * SECOND), EndReason.PLANNED),),
        reason=Reason.DEVICE_ENDED,
    ),
    "the daemon was stopped": Case(
        "partial: Recorded 30 min of 1 h: the daemon was stopped.",
        (part(span(0, 30), EndReason.DAEMON_STOPPED),),
        reason=Reason.DAEMON_STOPPED,
    ),
    "a conflict got all that was left": Case(
        'partial: Recorded 30 min of 1 h: the target was held by "Morning" (schedule 3) '
        "from 2026-12-01 10:00:00 to 10:30:00 UTC.",
        (part(span(30, 60), EndReason.PLANNED),),
        CUT,
        reason=Reason.OCCUPIED,
    ),
    "a conflict, and then the device died": Case(
        "partial: Recorded 10 min of 1 h: the device stopped by itself.",
        (part(span(30, 40), EndReason.DIED),),
        CUT,
        reason=Reason.DEVICE_ENDED,
    ),
    "a conflict, and the device was not late": Case(
        "partial: Recorded 10 min of 1 h: the device stopped by itself.",
        (part(span(30, 40), EndReason.PLANNED),),
        CUT,
        reason=Reason.DEVICE_ENDED,
    ),
    "locked while it recorded": Case(
        "partial: Recorded 30 min of 1 h: an operator had locked the target.",
        (part(span(0, 30), EndReason.PLANNED),),
        plan(Verdict.CONFLICT, Reason.LOCKED, (span(0, 30),), by=(LOCK,)),
        reason=Reason.LOCKED,
    ),
    "an exception day cut it": Case(
        "partial: Recorded 20 min of 1 h: it fell on an exception day.",
        (part(span(0, 20), EndReason.WITHDRAWN),),
        plan(Verdict.SUSPENDED, Reason.EXCEPTION_DAY),
        reason=Reason.EXCEPTION_DAY,
    ),
    "moved while it recorded": Case(
        "partial: Recorded 20 min of 1 h: its schedule was changed.",
        (part(span(0, 20), EndReason.WITHDRAWN),),
        None,
        Reason.SCHEDULE_CHANGED,
        reason=Reason.SCHEDULE_CHANGED,
    ),
    "no data": Case(
        "failed: Tried, but no data came: the device refused (403 from the camera).",
        (part(None, EndReason.NO_DATA), part(None, EndReason.REFUSED, "403 from the camera")),
        reason=Reason.DEVICE_REFUSED,
    ),
    "silent": Case(
        "failed: Tried, but no data came: the device sent no data.",
        (part(None, EndReason.NO_DATA),),
        reason=Reason.DEVICE_SILENT,
    ),
    "no answer": Case(
        "failed: Tried, but no data came: the device did not answer in time.",
        (part(None, EndReason.TIMEOUT),),
        reason=Reason.DEVICE_TIMEOUT,
    ),
    "the daemon died while it tried": Case(
        "failed: Tried, but no data came: the daemon was not running.",
        (part(None, EndReason.DAEMON_DIED),),
        None,
        Reason.SCHEDULE_CHANGED,
        reason=Reason.DAEMON_DOWN,
    ),
    "stopped by the operator before data came": Case(
        "failed: Tried, but no data came: the operator stopped it.",
        (part(None, EndReason.PLANNED),),
        STOPPED,
        reason=Reason.OPERATOR,
    ),
    "tried once, to the end": Case(
        "failed: Tried, but no data came: the device sent no data.",
        (part(None, EndReason.PLANNED),),
        cause=Reason.BACK_TO_BACK,
        reason=Reason.DEVICE_SILENT,
    ),
    "tried again and again, to the end": Case(
        "failed: Tried, but no data came: the device did not answer in time.",
        (part(None, EndReason.PLANNED),),
        cause=Reason.BACK_TO_BACK,
        delayed_by=Reason.DEVICE_TIMEOUT,
        reason=Reason.DEVICE_TIMEOUT,
    ),
    "withdrawn while it was tried": Case(
        "failed: Tried, but no data came: its schedule was changed.",
        (part(None, EndReason.PLANNED),),
        None,
        Reason.SCHEDULE_CHANGED,
        reason=Reason.SCHEDULE_CHANGED,
    ),
    "never tried": Case("missed: Never tried: the appliance was off.", cause=Reason.POWER_OFF),
    "no time left": Case("missed: Never tried: the daemon was not running."),
    "the clock": Case(
        "missed: Never tried: the clock was set past it, or could not be trusted.",
        cause=Reason.CLOCK,
    ),
    "the disk": Case(
        "missed: Never tried: the recording could not be written to the disk.", cause=Reason.DISK
    ),
    "no driver": Case(
        "missed: Never tried: the target's driver could not be used.",
        cause=Reason.DRIVER_UNAVAILABLE,
    ),
    "stopped by the operator before it was tried": Case(
        "cancelled: Cancelled: the operator stopped it.", plan=STOPPED, reason=Reason.OPERATOR
    ),
    "blocked": Case(
        'blocked: Blocked: the target was held by "Morning" (schedule 3) '
        "from 2026-12-01 10:00:00 to 2026-12-02 10:00:00 UTC.",
        plan=plan(Verdict.BLOCKED, Reason.OCCUPIED, by=(LONG,)),
        reason=Reason.OCCUPIED,
    ),
    "blocked by one that is gone": Case(
        "blocked: Blocked: the target was held by schedule 5 "
        "from 2026-12-01 10:00:00 to 11:00:00 UTC and 1 more.",
        plan=plan(Verdict.BLOCKED, Reason.OCCUPIED, by=(Blocker(HOUR, schedule_id=5), HAND)),
        reason=Reason.OCCUPIED,
    ),
    "blocked by hand": Case(
        "blocked: Blocked: what a manual recording from 2026-12-01 10:00:00 to 10:30:00 UTC left "
        "of its time was too short to be worth starting.",
        plan=plan(Verdict.BLOCKED, Reason.TOO_SHORT, by=(HAND,)),
        reason=Reason.TOO_SHORT,
    ),
    "blocked by a lock and more": Case(
        "blocked: Blocked: the target was held by an operator's lock "
        "from 2026-12-01 10:30:00 to 11:00:00 UTC and 1 more.",
        plan=plan(Verdict.BLOCKED, Reason.OCCUPIED, by=(LOCK, MORNING)),
        reason=Reason.OCCUPIED,
    ),
    "locked": Case(
        "blocked: Blocked: an operator had locked the target.",
        plan=plan(Verdict.BLOCKED, Reason.LOCKED, by=(LOCK,)),
        reason=Reason.LOCKED,
    ),
    "no such target": Case(
        "blocked: Blocked: the target is not in the configuration.",
        plan=plan(Verdict.BLOCKED, Reason.TARGET_UNKNOWN),
        reason=Reason.TARGET_UNKNOWN,
    ),
    "no such zone": Case(
        "blocked: Blocked: its time zone is not in the time-zone database.",
        plan=plan(Verdict.BLOCKED, Reason.ZONE_UNKNOWN),
        reason=Reason.ZONE_UNKNOWN,
    ),
    "exception day": Case(
        "skipped: Skipped: it fell on an exception day.",
        plan=plan(Verdict.SUSPENDED, Reason.EXCEPTION_DAY),
        reason=Reason.EXCEPTION_DAY,
    ),
    "excluded while it was being started": Case(
        "skipped: Skipped: this occurrence was excluded.",
        (part(None, EndReason.WITHDRAWN),),
        plan(Verdict.SUSPENDED, Reason.EXCLUDED),
        reason=Reason.EXCLUDED,
    ),
    "removed while it waited": Case(
        "cancelled: Cancelled: its schedule was removed.",
        plan=REMOVED,
        reason=Reason.SCHEDULE_REMOVED,
    ),
    "removed before it began": Case(
        "cancelled: Cancelled: its schedule was removed.",
        plan=None,
        cause=Reason.SCHEDULE_REMOVED,
        reason=Reason.SCHEDULE_REMOVED,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_became_of_it(case):
    """The facts of the parts and the last plan give outcome, reason and a whole sentence."""
    run = replace(RUN, parts=case.parts, reason=case.already)
    ending = Ending(HOUR.stop, case.plan, case.cause, NAMES.get, case.delayed_by)
    final = finish(run, ending)
    assert f"{final.outcome}: {final.sentence}" == case.said
    untold = case.cause if final.outcome == "missed" else None
    assert final.reason is (case.reason or untold)
    assert (final.status, final.finished_at, final.parts) == (
        Status.FINISHED,
        HOUR.stop,
        case.parts,
    )
    assert final.planned == (case.plan.occurrence.window if case.plan else HOUR)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_makes_a_sentence(reason):
    """No reason, of whatever run, leaves the operator with a code or a blank."""
    sentence = finish(RUN, Ending(TEN, None, reason, NAMES.get)).sentence
    assert sentence.startswith("Cancelled: ")
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "_" not in sentence


@pytest.mark.parametrize(
    ("by", "reason", "blocker", "since"),
    [
        ((MORNING, HAND), Reason.OCCUPIED, 3, TEN),
        ((HAND,), Reason.OCCUPIED, None, TEN),
        ((LOCK,), Reason.LOCKED, None, TEN + 30 * MINUTE),
        ((), Reason.TARGET_UNKNOWN, None, None),
    ],
)
def test_a_blocked_run_knows_its_blocker_and_since_when(by, reason, blocker, since):
    """The row names the schedule that stood in the way, and from when it did."""
    final = finish(
        RUN, Ending(HOUR.stop, plan(Verdict.BLOCKED, reason, by=by), Reason.DISK, NAMES.get)
    )
    assert (final.blocker, final.since) == (blocker, since)


def test_a_device_that_failed_is_not_blamed_on_the_neighbour():
    """Where the device lost what it had been given, the row names no blocker."""
    final = finish(
        replace(RUN, parts=(part(span(30, 40), EndReason.DIED),)),
        Ending(HOUR.stop, CUT, Reason.DISK, NAMES.get),
    )
    assert (final.blocker, final.since) == (None, None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], [span(0, 60)]),
        ([span(0, 60)], []),
        ([span(-1, 61)], []),
        ([span(10, 20), span(15, 50)], [span(0, 10), span(50, 60)]),
        ([span(30, 30)], [span(0, 60)]),
    ],
)
def test_gaps_are_what_no_part_has_data_for(data, expected):
    """Each hole in a recording is listed once, from its first to its last instant."""
    parts = [part(), *map(part, data)]
    assert list(gaps(parts, HOUR)) == expected


def test_a_part_without_a_last_instant_has_data_for_its_first():
    """While only the first data is known, that much counts and no more."""
    begun = replace(part(span(5, 5)), last_data_at=None)
    assert data_windows([begun]) == (span(5, 5),)
    backwards = replace(part(span(5, 6)), last_data_at=TEN)
    assert data_windows([backwards]) == (span(5, 5),)


@pytest.mark.parametrize(
    ("run", "now", "expected"),
    [
        (replace(RUN, status=Status.FINISHED), TEN - SECOND, True),
        (replace(RUN, status=Status.FINISHED), TEN, False),
        (RUN, TEN - SECOND, False),
        (replace(RUN, status=Status.FINISHED, parts=(part(span(0, 1)),)), TEN - SECOND, False),
        (replace(RUN, status=Status.FINISHED, parts=(part(),)), TEN - SECOND, True),
    ],
)
def test_a_final_run_returns_only_before_its_start_and_without_data(run, now, expected):
    """After the clock stepped back an occurrence is due again, unless something was recorded."""
    assert may_return(run, now) is expected
