"""The arithmetic of half-open intervals, checked minute by minute against sets of minutes."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.window import (
    EPOCH,
    Window,
    floor_ms,
    from_ms,
    full_where,
    merge,
    subtract,
    to_ms,
)

MINUTE = timedelta(minutes=1)


def span(start: int, stop: int) -> Window:
    """Give a window between two minutes after the epoch."""
    return Window(EPOCH + start * MINUTE, EPOCH + stop * MINUTE)


def minutes(*windows: Window) -> set[int]:
    """Give every minute that lies inside one of the windows."""
    return {
        minute
        for window in windows
        for minute in range((window.start - EPOCH) // MINUTE, (window.stop - EPOCH) // MINUTE)
    }


spans = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda ends: span(*sorted(ends)))
many_spans = st.lists(spans, max_size=8)


def is_tidy(windows: tuple[Window, ...]) -> bool:
    """Tell whether the windows are in order, share nothing and are not empty."""
    edges = [edge for window in windows for edge in (window.start, window.stop)]
    return edges == sorted(edges) and all(window.length for window in windows)


def test_a_window_cannot_stop_before_it_starts():
    """Ends in the wrong order are a mistake of the caller, and said at once."""
    with pytest.raises(ValueError, match="stops before it starts"):
        span(2, 1)


def test_a_window_may_be_empty():
    """An empty window is one: it has a place and no length, and holds not even its start."""
    empty = span(1, 1)
    assert empty.length == timedelta(0)
    assert not empty.holds(empty.start)


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        ((0, 10), None),
        ((20, 30), None),
        ((0, 11), (10, 11)),
        ((19, 30), (19, 20)),
        ((12, 15), (12, 15)),
        ((0, 30), (10, 20)),
        ((10, 20), (10, 20)),
    ],
)
def test_back_to_back_shares_nothing(other, shared):
    """What ends as the other starts is no conflict; a minute more is."""
    one, two = span(10, 20), span(*other)
    assert one.overlaps(two) is two.overlaps(one) is (shared is not None)
    assert one.common(two) == two.common(one) == (shared and span(*shared))


@given(spans, st.integers(0, 30))
def test_a_window_holds_its_start_and_not_its_stop(window, minute):
    """Half-open means: the first instant is inside, the last one is not."""
    assert window.holds(EPOCH + minute * MINUTE) is (minute in minutes(window))


@given(spans, spans)
def test_common_is_what_both_have(one, two):
    """The common part is exactly the minutes in both, and None where there are none."""
    common = one.common(two)
    assert minutes(*([common] if common else [])) == minutes(one) & minutes(two)


@given(spans, many_spans)
def test_subtract_leaves_what_nobody_took(whole, taken):
    """What is left is in order, in pieces as large as they can be, and nobody else's."""
    left = subtract(whole, taken)
    assert minutes(*left) == minutes(whole) - minutes(*taken)
    assert is_tidy(left)


@given(many_spans)
def test_merge_joins_what_touches(windows):
    """Joined windows cover the same minutes and stand apart from one another."""
    joined = merge(windows)
    assert minutes(*joined) == minutes(*windows)
    assert all(one.stop < two.start for one, two in pairwise(joined))


@given(many_spans, st.integers(1, 4))
def test_full_is_where_enough_run_at_once(taken, limit):
    """A recorder with n inputs is full exactly in the minutes in which n windows run."""
    full = full_where(taken, limit)
    running = [minutes(window) for window in taken]
    assert minutes(*full) == {
        minute for minute in range(31) if sum(minute in each for each in running) >= limit
    }
    assert is_tidy(full)


def test_a_full_stretch_is_one_even_where_the_windows_change():
    """Back-to-back windows leave no seam between them."""
    assert full_where([span(0, 5), span(5, 9), span(3, 7)], 1) == (span(0, 9),)


@given(st.integers(-(2**40), 2**40))
def test_milliseconds_there_and_back(epoch_ms):
    """What the store keeps is the instant, before 1970 too."""
    instant = from_ms(epoch_ms)
    assert instant.tzinfo is UTC
    assert to_ms(instant) == epoch_ms


@given(
    st.datetimes(
        datetime.fromisoformat("1900-01-01"),
        datetime.fromisoformat("2100-01-01"),
        timezones=st.just(timezone(timedelta(hours=-7))),
    )
)
def test_cutting_to_milliseconds_never_moves_into_the_future(instant):
    """An instant loses less than a millisecond, and becomes UTC."""
    cut = floor_ms(instant)
    assert cut.tzinfo is UTC
    assert timedelta(0) <= instant - cut < timedelta(milliseconds=1)
    assert cut.microsecond % 1000 == 0


def test_instants_before_1970_are_cut_down_too():
    """Cutting means earlier, also where the count of milliseconds is negative."""
    assert floor_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == from_ms(-1)
