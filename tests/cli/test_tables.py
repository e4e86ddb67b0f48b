"""How tables show times, windows, blockers and sizes, and what is said of a booking's effect."""

from datetime import UTC, date, datetime, timedelta

import click
import pytest

from tallyd.cli.effects import giving_way, lines_of
from tallyd.cli.periods import instant, period
from tallyd.cli.tables import LocalTimes, file_names, megabytes, milliseconds
from tallyd.domain.conflicts import Blocker
from tallyd.domain.impact import Affected
from tallyd.domain.model import InstantStart, Occurrence, Reason, Schedule, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.notation.values import Instant, Wall
from tallyd.reports import Effect, Prospect

TIMES = LocalTimes("Europe/Rome")
TEN = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def trouble(*by: Blocker, verdict: Verdict, claim: tuple[Window, ...] = ()) -> Planned:
    """Give an occurrence of schedule 7 from ten to eleven in Rome."""
    schedule = Schedule(7, "u", "rooms.aula", "B", InstantStart(TEN), HOUR, TEN, TEN)
    reason = Reason.OCCUPIED if by else Reason.TARGET_UNKNOWN
    return Planned(
        schedule, Occurrence(7, "s", Window(TEN, TEN + HOUR)), verdict, claim, by, reason
    )


def test_times_are_those_of_the_zone() -> None:
    """Milliseconds only where there are some, a second day only where it is another."""
    assert TIMES.at(TEN) == "2026-12-01 10:00:00"
    assert TIMES.at(TEN + timedelta(milliseconds=50)) == "2026-12-01 10:00:00.050"
    late = TEN + timedelta(hours=13)
    assert TIMES.windows([[TEN, TEN + HOUR], [late, late + 2 * HOUR]]) == (
        "2026-12-01 10:00:00 - 11:00:00, 2026-12-01 23:00:00 - 2026-12-02 01:00:00"
    )
    assert TIMES.starts([{"start": TEN}, {"start": TEN + HOUR}]) == (
        "2026-12-01 10:00:00, 2026-12-01 11:00:00"
    )
    assert TIMES.column("start", "start").title == "start (Europe/Rome)"


def test_blockers_are_named_once() -> None:
    """However many parts of the window each takes."""
    by = [{"schedule_id": 3}, {"schedule_id": "with-1"}, {"schedule_id": 3}, {"schedule_id": None}]
    assert TIMES.blockers(by) == "schedule 3, schedule with-1, a lock or a manual recording"


def test_figures_for_people() -> None:
    """Sizes, signed lengths, file names."""
    assert megabytes(1_250_000) == "1.2 MB"
    assert (milliseconds(9), milliseconds(-80)) == ("+9 ms", "-80 ms")
    files = [{"path": "/r/a b.mkv", "removed": None}, {"path": "c.mkv", "removed": object()}]
    assert file_names(files) == "a b.mkv, c.mkv (removed)"


def test_an_effect_is_told_both_ways() -> None:
    """Who cuts the new booking, what it keeps, and whom it cuts; others gain in silence."""
    half = TEN + HOUR / 2
    entry = trouble(
        Blocker(Window(TEN, half), schedule_id=3),
        verdict=Verdict.CONFLICT,
        claim=(Window(half, TEN + HOUR),),
    )
    affects = (
        Affected(4, "C", Verdict.BLOCKED),
        Affected(5, "D", Verdict.CLEAR),
        Affected(6, "E", Verdict.CONFLICT),
    )
    effect = Effect(Prospect(entry.schedule, (), Verdict.CONFLICT, entry), affects)
    assert lines_of(effect, {3: "A"}, TIMES) == [
        (
            'schedule 7 "B" is in conflict on 2026-12-01 10:00:00 Europe/Rome: '
            'schedule 3 "A" holds rooms.aula 2026-12-01 10:00:00 - 10:30:00; '
            "it gets 2026-12-01 10:30:00 - 11:00:00"
        ),
        'it leaves schedule 4 "C" blocked',
        'it leaves schedule 6 "E" in conflict',
    ]


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ((Blocker(Window(TEN, TEN + HOUR)),), "a lock holds rooms.aula"),
        ((Blocker(Window(TEN, TEN + HOUR), run_id=9),), "the manual recording 9 holds"),
        ((Blocker(Window(TEN, TEN + HOUR), schedule_id=3),), "schedule 3 holds rooms.aula"),
        ((), "target_unknown"),
    ],
)
def test_whatever_blocks_is_named(by: tuple[Blocker, ...], why: str) -> None:
    """A schedule, a person, a lock, or a reason without anybody."""
    assert why in giving_way(trouble(*by, verdict=Verdict.BLOCKED), TIMES)


def test_a_clear_booking_is_not_commented_on() -> None:
    """No news is good news."""
    entry = trouble(verdict=Verdict.CLEAR)
    effect = Effect(Prospect(entry.schedule, (), Verdict.CLEAR, None), ())
    assert lines_of(effect, {}, TIMES) == []


def test_a_period_ends_after_it_begins() -> None:
    """Half-open, and never empty."""
    assert period(TEN, TEN + HOUR) == Window(TEN, TEN + HOUR)
    for stop in (TEN, TEN - HOUR):
        with pytest.raises(click.BadParameter, match="later than --from"):
            period(TEN, stop)


def test_an_end_of_a_period_is_an_instant_within_reach() -> None:
    """Nobody plans the year 9999, and nothing overflows."""
    midnight = Wall(datetime.combine(date(2026, 12, 1), datetime.min.time()))
    assert instant("--from", midnight, "Europe/Rome", TEN) == TEN - 10 * HOUR
    for far in (
        Instant(datetime(9999, 12, 31, tzinfo=UTC)),
        Instant(datetime.min.replace(tzinfo=UTC)),
        Wall(datetime(1, 1, 1)),  # noqa: DTZ001 - a wall time
    ):
        with pytest.raises(click.BadParameter, match=r"100 years away|beyond the calendar"):
            instant("--to", far, "Europe/Rome", TEN)
