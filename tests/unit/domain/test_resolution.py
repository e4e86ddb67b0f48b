"""What a new entry does to its neighbours: a table of the contract, and what always holds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.resolution import (
    NOTHING,
    Clash,
    Holder,
    Laid,
    Placed,
    Resolution,
    Settlement,
    Withdrawal,
    joined,
    lay_out,
    settle_entry,
    withdrawal,
)
from tallyd.domain.window import Window

TEN = datetime(2027, 1, 5, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEFORE = TEN - timedelta(hours=1)


def window(start: float, stop: float) -> Window:
    """Give a window by minutes after ten."""
    return Window(TEN + start * MINUTE, TEN + stop * MINUTE)


P = Holder(window(0, 30), 1, replaceable=True)
Q = Holder(window(45, 75), 2, replaceable=True)
FOREIGN = Holder(window(45, 75), 3, replaceable=False)

REJECT, REPLACE, START, END = Resolution
CLASH_P, CLASH_Q = Clash((P,)), Clash((Q,))


@pytest.mark.parametrize(
    ("start", "how", "expected"),
    [
        (30, REJECT, CLASH_Q),
        (30, REPLACE, Settlement(Placed(window(30, 50)), removed=(2,))),
        (30, START, Settlement(Placed(window(30, 45), 5 * MINUTE))),
        (30, END, Settlement(Placed(window(30, 45)))),
        (25, REJECT, CLASH_P),
        (25, REPLACE, Settlement(Placed(window(25, 45)), removed=(1,))),
        (25, START, Settlement(Placed(window(30, 45), 5 * MINUTE))),
        (25, END, Settlement(Placed(window(30, 45)))),
        (5, REJECT, CLASH_P),
        (5, REPLACE, Settlement(Placed(window(5, 25)), removed=(1,))),
        (5, START, CLASH_P),
        (5, END, CLASH_P),
        *((75, how, Settlement(Placed(window(75, 95)))) for how in Resolution),
    ],
)
def test_vectors(start, how, expected):
    """P 10:00-10:30, Q 10:45-11:15, a new asset of 20 minutes: the table of the contract."""
    assert settle_entry(window(start, start + 20), [Q, P], how, BEFORE) == expected


def test_the_first_gap_is_taken():
    """Where several gaps are touched, it is the first, as far as it goes."""
    found = settle_entry(window(-10, 100), [P, Q], END, BEFORE)
    assert found == Settlement(Placed(window(-10, 0)))


def test_what_is_on_air_is_cut():
    """Now 10:10, P on air, new at 10:20: P ends there; what is to come goes whole."""
    now = TEN + 10 * MINUTE
    found = settle_entry(window(20, 50), [P, Q], REPLACE, now)
    assert found == Settlement(Placed(window(20, 50)), removed=(2,), cut=(1,))


def test_what_begins_just_now_is_removed():
    """Where both begin at the same instant nothing of the older one has been on air."""
    found = settle_entry(window(0, 20), [P], REPLACE, TEN)
    assert found == Settlement(Placed(window(0, 20)), removed=(1,))


def test_what_may_not_be_replaced_is_named():
    """Only what stays stands in the way."""
    assert settle_entry(window(20, 50), [P, FOREIGN], REPLACE, BEFORE) == Clash((FOREIGN,))
    assert settle_entry(window(20, 50), [P, FOREIGN], REJECT, BEFORE) == Clash((P, FOREIGN))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (-1, Placed(window(0, 20))),
        (0, Placed(window(0, 20))),
        (1, Placed(window(1, 20), MINUTE)),
        (20, None),
        (21, None),
    ],
)
def test_joined_in_progress(now, expected):
    """What should have begun is joined where it would be now; what is over has no place."""
    assert joined(window(0, 20), TEN + now * MINUTE) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [(-1, Withdrawal.REMOVED), (0, Withdrawal.REMOVED), (1, Withdrawal.CUT), (30, Withdrawal.OVER)],
)
def test_withdrawal(now, expected):
    """What is to come goes, what is on air ends, what is over stays."""
    assert withdrawal(P.window, TEN + now * MINUTE) is expected


def test_lay_out():
    """Items follow one another; of those at the edges there is what fits."""
    tens = [10 * MINUTE] * 3
    assert lay_out(tens, Placed(window(0, 30))) == tuple(
        Laid(number, window(number * 10, number * 10 + 10), NOTHING) for number in range(3)
    )
    assert lay_out(tens, Placed(window(0, 15), 15 * MINUTE)) == (
        Laid(1, window(0, 5), 5 * MINUTE),
        Laid(2, window(5, 15), NOTHING),
    )
    assert lay_out(tens, Placed(window(0, 15))) == (
        Laid(0, window(0, 10), NOTHING),
        Laid(1, window(10, 15), NOTHING),
    )


minutes = st.integers(0, 300)
windows = st.tuples(minutes, st.integers(1, 120)).map(lambda t: window(t[0], t[0] + t[1]))


@st.composite
def timelines(draw) -> list[Holder]:
    """Draw neighbours that do not overlap one another, as they are on a channel."""
    edges = sorted(draw(st.sets(minutes, max_size=12)))
    return [
        Holder(window(start, stop), number, draw(st.booleans()))
        for number, (start, stop) in enumerate(zip(edges[::2], edges[1::2], strict=False), 1)
    ]


@given(wanted=windows, holders=timelines(), how=st.sampled_from(Resolution), now=minutes)
def test_no_two_ever_hold_the_same_time(wanted, holders, how, now):
    """Whatever is booked how and when: nothing overlaps then, and nothing else has changed."""
    at = min(TEN + now * MINUTE, wanted.start)
    found = settle_entry(wanted, holders, how, at)
    if isinstance(found, Clash):
        assert found.holders
        assert all(holder.window.overlaps(wanted) for holder in found.holders)
        return
    new = found.placed.window
    assert wanted.start <= new.start < new.stop <= wanted.stop
    gone = {h.schedule_id: h for h in holders if h.schedule_id in {*found.removed, *found.cut}}
    assert all(holder.replaceable for holder in gone.values())
    assert how is Resolution.REPLACE or not gone
    for holder in holders:
        if holder.schedule_id in found.removed:
            continue
        stop = new.start if holder.schedule_id in found.cut else holder.window.stop
        assert not Window(holder.window.start, stop).overlaps(new)
    for schedule_id in found.cut:
        assert gone[schedule_id].window.start <= at


@given(wanted=windows, holders=timelines(), how=st.sampled_from([START, END]))
def test_a_trim_leaves_out_what_does_not_fit(wanted, holders, how):
    """What is skipped and what is played are together what was wanted, or nothing is skipped."""
    found = settle_entry(wanted, holders, how, BEFORE)
    if isinstance(found, Settlement):
        lost = wanted.length - found.placed.window.length
        assert found.placed.skipped == (lost if how is START else NOTHING)
        whole = not any(holder.window.overlaps(wanted) for holder in holders)
        assert whole is (found.placed.window == wanted)


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=20),
    cut=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_a_sequence_fills_its_place(lengths, cut):
    """The items of a sequence fill what they get without a gap, in order."""
    total = sum(lengths)
    skipped, left_out = cut[0] * (total - 1) // 100, cut[1]
    length = max(1, (total - skipped) * (100 - left_out) // 100)
    place = Placed(window(0, length), skipped * MINUTE)
    laid = lay_out([each * MINUTE for each in lengths], place)
    assert laid[0].window.start == place.window.start
    assert laid[-1].window.stop == place.window.stop
    for one, following in pairwise(laid):
        assert (following.number, following.window.start) == (one.number + 1, one.window.stop)
        assert following.skipped == NOTHING
