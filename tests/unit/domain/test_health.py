"""What a device, the disk and the clock amount to, and when they are looked at before a start."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.health import (
    CHECKS_AHEAD,
    LARGE_STEP,
    RELEASED,
    SYNCHRONISED_WITHIN,
    Cause,
    ClockHealth,
    ClockState,
    ClockTrust,
    Demand,
    DeviceChange,
    DeviceHealth,
    DeviceState,
    DiskHealth,
    DiskState,
    Room,
    answered,
    clock_trouble,
    device_change,
    device_trouble,
    disk_trouble,
    failed,
    full_at,
    judge_clock,
    judge_disk,
    next_check,
    rate_of,
)
from tallyd.domain.model import Part
from tallyd.domain.window import Window

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
GB = 10**9
PART = "t1"


def at(minutes: float) -> datetime:
    """Give the instant so many minutes from now."""
    return NOW + timedelta(minutes=minutes)


def window(start: float, stop: float) -> Window:
    """Give a window in minutes from now."""
    return Window(at(start), at(stop))


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, -15),
        (-1000, -15),
        (-15, -5),
        (-14.9, -5),
        (-5, -1),
        (-3, -1),
        (-1, None),
        (-0.5, None),
        (5, None),
    ],
)
def test_preflights_are_made_15_5_and_1_minutes_before(last, due):
    """What was never checked is due even late; what was, at the next of the three."""
    start = at(0)
    found = next_check(start, None if last is None else at(last))
    assert found == (None if due is None else at(due))


@given(st.lists(st.floats(min_value=-30, max_value=1), max_size=10))
def test_no_booking_has_more_than_three_preflights(looks):
    """However often somebody looks, and however late."""
    last, made = None, 0
    for look in sorted(looks):
        due = next_check(at(0), last)
        if due is not None and due <= at(look):
            last, made = at(look), made + 1
    assert made <= len(CHECKS_AHEAD)


UNKNOWN = DeviceHealth()
OK = answered(UNKNOWN, "a camera", NOW)
GONE = failed(OK, "no answer", at(1))


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (UNKNOWN, OK, None),
        (UNKNOWN, failed(UNKNOWN, "no answer", NOW), DeviceChange.GONE),
        (OK, GONE, DeviceChange.GONE),
        (OK, answered(OK, None, at(1)), None),
        (GONE, failed(GONE, "another reason", at(2)), None),
        (GONE, answered(GONE, "a camera", at(2)), DeviceChange.BACK),
    ],
)
def test_a_device_is_told_of_when_it_goes_and_when_it_is_back(before, after, change):
    """And not while it stays as it is."""
    assert device_change(before, after) is change


def test_since_is_when_it_was_first_seen_so():
    """A look that shows the same moves only when it was checked."""
    assert answered(OK, None, at(5)) == DeviceHealth(DeviceState.OK, NOW, "a camera", at(5))
    later = failed(GONE, "still no answer", at(9))
    assert later == DeviceHealth(DeviceState.GONE, at(1), "still no answer", at(9))
    assert answered(GONE, None, at(9)) == DeviceHealth(DeviceState.OK, at(9), None, at(9))


def part(length_s: float, size: int, files: tuple[str, ...] = ("a.mkv",)) -> Part:
    """Give a part that recorded so long."""
    first = None if length_s < 0 else NOW
    last = None if length_s < 0 else NOW + timedelta(seconds=length_s)
    return Part(
        number=1,
        input=0,
        piece=window(0, 1),
        token=PART,
        commanded_at=NOW,
        first_data_at=first,
        last_data_at=last,
        files=files,
        bytes=size,
    )


@pytest.mark.parametrize(
    ("parts", "rate"),
    [
        ([], None),
        ([part(100, 100_000)], 1_000),
        ([part(100, 100_000), part(100, 300_000)], 2_000),
        ([part(100, 100_000), part(-1, 0)], 1_000),
        ([part(100, 100_000, ())], None),
        ([part(5, 100_000)], None),
        ([part(10, 0)], 0),
    ],
)
def test_the_rate_is_what_earlier_parts_wrote(parts, rate):
    """On average, over what has files; a few seconds tell nothing."""
    assert rate_of(parts) == rate


@pytest.mark.parametrize(
    ("free", "demands", "full"),
    [
        (0, [], None),
        (6_000, [Demand(100, window(0, 1))], None),
        (5_999, [Demand(100, window(0, 1))], 59.99),
        (9_000, [Demand(100, window(0, 1)), Demand(100, window(0, 1))], 45),
        (9_000, [Demand(100, window(0, 1)), Demand(100, window(10, 11))], 10.5),
        (9_000, [Demand(100, window(-60, 1))], None),
        (9_000, [Demand(100, window(-60, -1))], None),
        (-1, [Demand(100, window(5, 6))], 5),
        (0, [Demand(0, window(5, 6))], None),
    ],
)
def test_a_disk_is_full_when_all_that_is_planned_has_used_it_up(free, demands, full):
    """Together, in order of time; what has been written already asks for nothing more."""
    found = full_at(free, demands, NOW)
    expected = None
    if full is not None:
        expected = NOW + timedelta(seconds=full) if full > 11 else at(full)
    assert found == expected


@given(
    st.integers(0, 10**7),
    st.lists(
        st.tuples(st.integers(0, 5_000), st.integers(-600, 600), st.integers(0, 600)), max_size=8
    ),
    st.integers(1, 1_200),
)
def test_it_is_full_before_an_instant_only_if_more_is_needed_until_then(free, wanted, until_s):
    """What is found by going through time agrees with adding up."""
    demands = [
        Demand(rate, Window(at(start / 60), at((start + length) / 60)))
        for rate, start, length in wanted
    ]
    until = NOW + timedelta(seconds=until_s)
    need = sum(
        demand.bytes_per_s * common.length.total_seconds()
        for demand in demands
        if (common := demand.window.common(Window(NOW, until)))
    )
    full = full_at(free, demands, NOW)
    assert (full is not None and full < until) == (need > free)


@pytest.mark.parametrize(
    ("room", "demands", "state", "words"),
    [
        (Room(50 * GB, 100 * GB), [], DiskState.OK, None),
        (Room(GB, 100 * GB), [], DiskState.OK, None),
        (Room(GB - 1, 100 * GB), [], DiskState.LOW, "only 1000.0 MB of 100.0 GB"),
        (Room(10**6, 10**8), [], DiskState.LOW, "only 1.0 MB of 100.0 MB"),
        (Room(10**3, 10**5), [], DiskState.LOW, "only 1.0 kB of 100.0 kB"),
        (Room(5 * 10**6, 10**8), [], DiskState.OK, None),
        (Room(10**6 - 1, 10**8), [], DiskState.FULL, "the disk is full: 1000.0 kB of 100.0 MB"),
        (Room(64 * 10**6 - 1, 4 * 10**12), [], DiskState.FULL, "is full"),
        (Room(64 * 10**6, 4 * 10**12), [], DiskState.LOW, "only"),
        (Room(3 * 10**12, 4 * 10**12), [Demand(GB, window(0, 60))], DiskState.SHORT, "3.0 TB"),
        (Room(2 * GB, 100 * GB), [Demand(10**6, window(60, 90))], DiskState.SHORT, "09:16 UTC"),
        (Room(2 * GB, 100 * GB), [Demand(10**5, window(60, 90))], DiskState.OK, None),
    ],
)
def test_a_disk_needs_room_for_what_is_planned_and_some_to_spare(room, demands, state, words):
    """A gigabyte, or a twentieth of a small one, is to stay free."""
    health = judge_disk(room, demands, NOW)
    assert health.state is state
    assert health.room == room
    assert (health.sentence is None) == (words is None)
    assert words is None or words in health.sentence


def test_only_what_the_disk_cannot_hold_is_in_trouble():
    """What has ended before it is full is fine; of a low or silent disk nobody can be sure."""
    short = judge_disk(Room(2 * GB, 100 * GB), [Demand(10**6, window(60, 90))], NOW)
    assert disk_trouble(short, window(0, 60)) is None
    assert disk_trouble(short, window(60, 90)).cause is Cause.DISK
    low = judge_disk(Room(0, 100 * GB), [], NOW)
    assert "remove" in disk_trouble(low, window(0, 1)).fix
    silent = DiskHealth(DiskState.UNKNOWN, sentence="it hangs")
    assert disk_trouble(silent, window(0, 1)).detail == "it hangs"
    assert disk_trouble(DiskHealth(), window(0, 1)) is None


@pytest.mark.parametrize(
    ("now", "synchronised", "state"),
    [
        (NOW, True, ClockState.OK),
        (NOW, None, ClockState.UNKNOWN),
        (NOW, False, ClockState.UNSYNCHRONISED),
        (RELEASED, True, ClockState.OK),
        (RELEASED - timedelta(seconds=1), True, ClockState.IMPLAUSIBLE),
        (datetime(1970, 1, 1, tzinfo=UTC), None, ClockState.IMPLAUSIBLE),
    ],
)
def test_a_clock_is_doubted_that_shows_the_past_or_is_left_alone(now, synchronised, state):
    """Where nobody says whether it is kept right, that is not held against it."""
    health = judge_clock(now, synchronised=synchronised)
    assert health.state is state
    assert (clock_trouble(health) is not None) == (state is ClockState.IMPLAUSIBLE)


HOUR = timedelta(hours=1)
SYNCHRONISED = ClockTrust.SYNCHRONISED


@pytest.mark.parametrize(
    ("now", "synchronised", "latest", "trusted"),
    [
        pytest.param(NOW, None, NOW - HOUR, True, id="later than it worked last"),
        pytest.param(NOW, None, NOW + LARGE_STEP, True, id="a little before that"),
        pytest.param(NOW, None, NOW + HOUR, False, id="long before that"),
        pytest.param(NOW, False, NOW + HOUR, False, id="and nobody keeps it right"),
        pytest.param(NOW, True, NOW + HOUR, True, id="a time server knows better"),
        pytest.param(RELEASED - HOUR, True, None, False, id="not even that one, before release"),
    ],
)
def test_a_plausible_clock_shows_no_time_that_was_over_before(now, synchronised, latest, trusted):
    """Neither the release nor the last work of the appliance lies ahead of it."""
    health = judge_clock(now, synchronised=synchronised, latest=latest)
    assert health.trusted is trusted
    assert (clock_trouble(health) is None) == trusted
    if not trusted:
        assert health.state is ClockState.IMPLAUSIBLE
        assert health.next == (
            "nothing starts and nothing is judged until it is right; what records goes on"
        )


@pytest.mark.parametrize(
    ("synchronised", "waited", "trusted", "state"),
    [
        (True, 0 * HOUR, True, ClockState.OK),
        (False, 0 * HOUR, False, ClockState.UNSYNCHRONISED),
        (None, 0 * HOUR, False, ClockState.UNKNOWN),
        (False, SYNCHRONISED_WITHIN, True, ClockState.UNSYNCHRONISED),
        (None, SYNCHRONISED_WITHIN, True, ClockState.UNKNOWN),
    ],
)
def test_a_synchronised_clock_is_waited_for_in_vain_for_ten_minutes(
    synchronised, waited, trusted, state
):
    """Whatever the ledger says; where nobody can be asked that is said."""
    health = judge_clock(
        NOW, synchronised=synchronised, trust=SYNCHRONISED, latest=NOW + HOUR, waited=waited
    )
    assert (health.trusted, health.state) == (trusted, state)
    if not trusted:
        assert "10 minutes at most" in health.next
        assert "synchronised" in health.sentence
        assert clock_trouble(health).detail == health.sentence
    assert not judge_clock(
        RELEASED - HOUR, synchronised=True, trust=SYNCHRONISED, waited=HOUR
    ).trusted


def test_a_device_is_trouble_when_it_is_gone_or_was_never_usable():
    """What nobody has asked yet is not said to be in trouble."""
    assert device_trouble(OK) is None
    assert device_trouble(UNKNOWN) is None
    assert "again until it does" in device_trouble(GONE).next
    unusable = device_trouble(DeviceHealth(sentence="there is no ffmpeg"))
    assert (unusable.cause, unusable.detail) == (Cause.DEVICE, "there is no ffmpeg")
    assert "missed" in unusable.next


def test_nothing_is_said_of_a_clock_that_is_not_known():
    """Before the first look there is no finding."""
    assert clock_trouble(ClockHealth()) is None
