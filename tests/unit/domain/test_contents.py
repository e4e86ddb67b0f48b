"""How long an asset is on air, and what its ad breaks are filled for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.contents import (
    MAX_ENTRY,
    SECOND,
    Airtime,
    Asset,
    airtime,
    require_breaks,
    require_length,
)
from tallyd.domain.errors import InvalidBooking

MINUTE = timedelta(minutes=1)
NOW = datetime(2027, 1, 5, tzinfo=UTC)


def asset(minutes: float = 21, breaks: int = 3) -> Asset:
    """Give an asset with so many ad breaks."""
    positions = tuple((number + 1) * MINUTE for number in range(breaks))
    return Asset("a" * 32, "Film", "/film.mp4", minutes * MINUTE, positions, (), NOW)


@pytest.mark.parametrize(
    ("breaks", "wanted", "expected"),
    [
        ((), None, Airtime(21 * MINUTE)),
        ((90, 0, 90), None, Airtime(24 * MINUTE, (90, 0, 90))),
        ((), 30 * MINUTE, Airtime(30 * MINUTE, (180, 180, 180))),
        ((), 21 * MINUTE + 5 * SECOND, Airtime(21 * MINUTE + 5 * SECOND, (2, 2, 1))),
        ((), 10 * MINUTE, Airtime(10 * MINUTE)),
        ((60, 60, 60), 22 * MINUTE, Airtime(22 * MINUTE, (60, 60, 60))),
    ],
)
def test_airtime(breaks, wanted, expected):
    """The vectors of the contract, and what lies between them."""
    assert airtime(asset(), breaks, wanted) == expected


@pytest.mark.parametrize(
    ("breaks", "wanted"),
    [
        ((90, 90), None),
        ((60, 60, 60), 24 * MINUTE + timedelta(milliseconds=1)),
        ((20_000, 20_000, 20_000), None),
        ((), timedelta(0)),
        ((), MAX_ENTRY + SECOND),
    ],
)
def test_airtime_refused(breaks, wanted):
    """The wrong number of breaks, and more time than there is."""
    with pytest.raises(InvalidBooking):
        airtime(asset(), breaks, wanted)


def test_without_breaks_there_is_nothing_to_fill():
    """An asset that has none is as long as it is."""
    with pytest.raises(InvalidBooking, match="1260000 ms"):
        airtime(asset(breaks=0), (), 22 * MINUTE)


@given(breaks=st.integers(1, 50), surplus_ms=st.integers(1, 3_600_000))
def test_a_surplus_is_spread_evenly(breaks, surplus_ms):
    """Each break has as much as the others, or a second more, and together they are enough."""
    surplus = timedelta(milliseconds=surplus_ms)
    found = airtime(asset(minutes=60, breaks=breaks), (), 60 * MINUTE + surplus)
    assert sum(found.ad_breaks_s) - 1 < surplus / SECOND <= sum(found.ad_breaks_s)
    assert max(found.ad_breaks_s) - min(found.ad_breaks_s) <= 1
    assert found.ad_breaks_s == tuple(sorted(found.ad_breaks_s, reverse=True))


@pytest.mark.parametrize("length", [timedelta(0), -SECOND, MAX_ENTRY + SECOND])
def test_lengths_refused(length):
    """No entry is empty, and none longer than twelve hours."""
    with pytest.raises(InvalidBooking):
        require_length(length)
    require_length(MAX_ENTRY)


@pytest.mark.parametrize("seconds", [(0,), (60,), (90,), (20, 10), (10, 10), (-1,)])
def test_breaks_refused(seconds):
    """Ad breaks lie inside the file, one after the other."""
    with pytest.raises(InvalidBooking, match="rising order"):
        require_breaks([each * SECOND for each in seconds], MINUTE)
    require_breaks([10 * SECOND, 20 * SECOND], MINUTE)
    require_breaks([], MINUTE)
