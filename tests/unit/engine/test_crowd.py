"""Starts that share an instant take their places, and keep them."""

from datetime import timedelta

from tallyd.engine.crowd import MOST_EARLY, Crowd
from tallyd.testing.virtual_time import START

STEP = timedelta(milliseconds=25)
LATER = START + timedelta(seconds=1)


def test_each_further_start_is_told_earlier():
    """The first pays nothing, the next ones a step each; other instants count for themselves."""
    crowd = Crowd()
    assert [crowd.extra_lead(START, target, STEP) for target in "abab"] == [
        0 * STEP,
        STEP,
        0 * STEP,
        STEP,
    ]
    assert crowd.extra_lead(LATER, "b", STEP) == 0 * STEP


def test_nothing_starts_a_second_too_early():
    """However many there are, and with some room for one that is quicker than usual."""
    crowd = Crowd()
    leads = [crowd.extra_lead(START, str(number), STEP) for number in range(200)]
    assert max(leads) == MOST_EARLY


def test_how_many_others_there_are_is_known():
    """Who starts alone has no others, whoever starts elsewhere or later."""
    crowd = Crowd()
    for target in "abc":
        crowd.join(START, target)
    crowd.join(LATER, "a")
    assert [crowd.others(START, each) for each in "abcd"] == [2, 2, 2, 3]
    assert crowd.others(LATER, "a") == 0
    assert crowd.others(LATER + STEP, "a") == 0


def test_what_has_passed_is_forgotten():
    """A daemon that runs for years does not grow."""
    crowd = Crowd()
    crowd.extra_lead(START, "a", STEP)
    crowd.extra_lead(LATER, "a", STEP)
    crowd.forget(LATER)
    assert crowd.extra_lead(START, "b", STEP) == 0 * STEP
    assert crowd.extra_lead(LATER, "b", STEP) == STEP
