"""When a backup is due: soon after a change, never later than promised, and not without end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.store.rhythm import LATEST_S, PAUSE_FACTOR, QUIET_S, Rhythm, is_look_due

LOOK_S = 0.5


def test_a_quiet_database_is_saved_once():
    """The first look counts as a change; after it nothing is saved again until something is."""
    rhythm = Rhythm().seen(7, 100.0)
    assert not rhythm.is_due(100.0 + QUIET_S - 0.1)
    assert rhythm.is_due(100.0 + QUIET_S)
    saved = rhythm.saved(102.0, 102.01)
    assert saved.seen(7, 103.0) == saved
    assert not saved.is_due(1e9)
    assert saved.seen(8, 200.0).is_due(202.0)


def test_a_huge_database_is_saved_less_often():
    """What takes long is not begun again at once: most of the disk's time is for others."""
    rhythm = Rhythm().seen(1, 0.0).saved(2.0, 12.0).seen(2, 12.0)
    assert not rhythm.is_due(12.0 + PAUSE_FACTOR * 10.0 - 0.1)
    assert rhythm.is_due(12.0 + PAUSE_FACTOR * 10.0)


def test_what_failed_is_tried_again():
    """A disk that was full for a while costs no backup for good."""
    rhythm = Rhythm().seen(1, 0.0).failed(5.0)
    assert not rhythm.is_due(5.0)
    assert rhythm.is_due(5.0 + QUIET_S)


@pytest.mark.parametrize(
    ("now", "looked_at", "quiet_for", "due"),
    [
        (3599, 0, None, False),
        (3600, 0, None, True),
        (3600, 0, timedelta(minutes=5), True),
        (3600, 0, timedelta(minutes=4), False),
        (36 * 3600, 0, timedelta(0), True),
        (25 * 3600, 2 * 3600, None, False),
        (26 * 3600, 2 * 3600, None, True),
        (26 * 3600, 2 * 3600, timedelta(minutes=1), False),
        (38 * 3600, 2 * 3600, timedelta(minutes=1), True),
    ],
)
def test_the_whole_is_looked_over_at_a_quiet_time(now, looked_at, quiet_for, due):
    """An hour after the start, then daily, and not while something is about to start."""
    assert is_look_due(now, 0, looked_at, quiet_for) == due


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_no_change_waits_longer_than_promised(changes):
    """However changes come, each is saved in thirty seconds, and in two where nothing follows."""
    rhythm, version, oldest, newest = Rhythm().seen(0, 0.0).saved(0.0, 0.0), 0, None, 0.0
    for step, changed in enumerate(changes, start=1):
        now = step * LOOK_S
        if changed:
            version, newest = version + 1, now
            oldest = now if oldest is None else oldest
        rhythm = rhythm.seen(version, now)
        due = rhythm.is_due(now)
        if oldest is None:
            assert not due
        else:
            assert due == (now - newest >= QUIET_S or now - oldest >= LATEST_S)
        if due:
            rhythm, oldest = rhythm.saved(now, now), None


@pytest.mark.parametrize("version", [0, 1])
def test_a_change_during_a_backup_is_saved_by_the_next(version):
    """What came while the copy was made is not taken for saved."""
    rhythm = Rhythm().seen(0, 0.0).saved(2.0, 2.5).seen(version, 2.5)
    assert rhythm.is_due(10.0 * LATEST_S) == (version != 0)
