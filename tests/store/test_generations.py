"""Backups by name, by age and in order: what is kept of them, whatever the clock did."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.store.generations import (
    KEPT_IN_A,
    KEPT_LAST,
    Generation,
    generation_of,
    newest_first,
    surplus,
    too_much,
)

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 2**42).map(lambda at_ms: EPOCH + timedelta(milliseconds=at_ms))
# Close enough to one another to share hours, days and weeks.
NEAR = st.integers(0, 5000).map(lambda hours: NOON + timedelta(hours=hours / 3))
GENERATIONS = st.builds(
    Generation,
    st.integers(1, 99_999_999),
    INSTANTS,
    st.text("0123456789abcdef", min_size=32, max_size=32),
)


def row(*ages: timedelta) -> tuple[Generation, ...]:
    """Give backups of these ages, newest first."""
    return tuple(
        Generation(10_000 - number, NOON - age, "0" * 32) for number, age in enumerate(ages)
    )


@given(GENERATIONS)
def test_a_name_says_all_of_a_backup(generation):
    """What was written can be read back from the name of the file alone."""
    assert generation_of(generation.name) == generation


@pytest.mark.parametrize(
    "name",
    [
        "tallyd.db",
        ".new-00000001-20261201T120000.000Z-00000000000000000000000000000000.db",
        "00000001-20261301T120000.000Z-00000000000000000000000000000000.db",
        "00000001-20261201T120000.000Z-00000000000000000000000000000000.db-wal",
        "1-20261201T120000.000Z-00000000000000000000000000000000.db",
    ],
)
def test_other_files_are_no_backups(name):
    """What an operator leaves in the directory is neither restored nor removed."""
    assert generation_of(name) is None
    assert newest_first([name]) == ()


@given(st.lists(GENERATIONS))
def test_the_serial_number_tells_which_is_newer(generations):
    """A clock that was set back makes no backup older."""
    ordered = newest_first(each.name for each in generations)
    serials = [each.serial for each in ordered]
    assert serials == sorted(serials, reverse=True)
    assert set(ordered) == set(generations)


@given(st.lists(NEAR | INSTANTS, max_size=200))
def test_what_is_kept_is_bounded_and_stays_kept(instants):
    """However long it runs and however the clock jumps, the newest stay, and not too many."""
    ordered = tuple(
        Generation(number, at, "0" * 32) for number, at in reversed([*enumerate(instants)])
    )
    gone = surplus(ordered)
    kept = tuple(each for each in ordered if each not in gone)
    assert kept[:KEPT_LAST] == ordered[:KEPT_LAST]
    assert len(kept) <= KEPT_LAST + sum(number for _, number in KEPT_IN_A)
    assert surplus(kept) == frozenset()


@given(st.lists(NEAR, min_size=1, max_size=60))
def test_letting_go_each_time_is_letting_go_once(instants):
    """Which ones are left does not depend on how often old ones were let go."""
    left: tuple[Generation, ...] = ()
    everything: tuple[Generation, ...] = ()
    for number, at in enumerate(instants):
        each = Generation(number, at, "0" * 32)
        left, everything = (each, *left), (each, *everything)
        gone = surplus(left)
        left = tuple(one for one in left if one not in gone)
    assert set(left) == set(everything) - surplus(everything)


def test_a_year_of_changes_leaves_hours_days_and_weeks():
    """After a year with a backup each hour there is one of each week, day and hour as promised."""
    ordered = row(*(timedelta(hours=hours) for hours in range(366 * 24)))
    gone = surplus(ordered)
    kept = [each for each in ordered if each not in gone]
    ages = [NOON - each.made_at for each in kept]
    assert ages[:24] == [timedelta(hours=hours) for hours in range(24)]
    days = {each.made_at.date() for each in kept}
    assert {NOON.date() - timedelta(days=number) for number in range(30)} <= days
    assert len({each.made_at.isocalendar()[:2] for each in kept}) == 52
    assert len(kept) <= 24 + 30 + 52


def test_a_huge_database_has_fewer_backups():
    """Two gigabytes of them are enough, and three there always are."""
    ordered = row(*(timedelta(hours=hours) for hours in range(6)))
    gigabyte = 1 << 30
    assert too_much(dict.fromkeys(ordered, gigabyte // 4)) == frozenset()
    assert too_much(dict.fromkeys(ordered, gigabyte)) == frozenset(ordered[3:])
    assert too_much(dict.fromkeys(ordered, gigabyte // 2)) == frozenset(ordered[4:])
    assert too_much(dict.fromkeys(ordered[:3], 9 * gigabyte)) == frozenset()


def test_a_boot_in_1970_lets_nothing_go():
    """A machine that lost its clock keeps what it has."""
    before = row(*(timedelta(days=days) for days in range(20)))
    lost = Generation(20_000, EPOCH, "0" * 32)
    assert surplus((lost, *before)) == frozenset()
