"""The lifecycle of a run, pair by pair: what may happen to it, and what may not."""

from itertools import product

import pytest

from tallyd.domain.errors import IllegalTransition
from tallyd.domain.lifecycle import TRANSITIONS, Event, advance, shown
from tallyd.domain.model import Status

LEGAL = """
pending  due -> starting, over -> finished, withdrawn -> finished
pending  boot_found_recording -> started, boot_found_idle -> pending
starting data -> started, attempt_failed -> pending, over -> stopping, withdrawn -> stopping
starting boot_found_recording -> started, boot_found_idle -> pending
started  piece_over -> stopping, withdrawn -> stopping, stalled -> stopping, died -> stopping
started  boot_found_recording -> started, boot_found_idle -> pending
stopping stopped_with_rest -> pending, stopped_for_good -> finished
stopping boot_found_recording -> started, boot_found_idle -> pending
finished wanted_again -> pending
"""


def _read(table: str) -> dict[tuple[Status, Event], Status]:
    found: dict[tuple[Status, Event], Status] = {}
    for line in table.strip().splitlines():
        status, moves = line.split(maxsplit=1)
        for move in moves.split(", "):
            event, to = move.split(" -> ")
            found[Status(status), Event(event)] = Status(to)
    return found


ALLOWED = _read(LEGAL)


@pytest.mark.parametrize(("status", "event"), [*product(Status, Event)], ids=str)
def test_a_run_takes_exactly_the_events_of_the_table(status, event):
    """Every pair of status and event either leads where it should, or is refused by name."""
    if (status, event) in ALLOWED:
        assert advance(status, event) is ALLOWED[status, event]
        return
    table = {known: dict(moves) for known, moves in TRANSITIONS.items()}
    with pytest.raises(IllegalTransition) as refused:
        advance(status, event)
    assert (refused.value.status, refused.value.event) == (status, event)
    assert str(refused.value) == f"a {status} run cannot take {event}"
    assert table == TRANSITIONS


@pytest.mark.parametrize("status", Status)
def test_no_run_is_stuck(status):
    """From wherever a run stands it can come to its end."""
    reached = {status}
    while more := {to for known in reached for to in TRANSITIONS[known].values()} - reached:
        reached |= more
    assert Status.FINISHED in reached


def test_only_two_words_are_shown_of_an_unfinished_run():
    """The outside sees a run as pending until data flowed, then as started until it is over."""
    assert {status: shown(status) for status in Status if status is not Status.FINISHED} == {
        Status.PENDING: Status.PENDING,
        Status.STARTING: Status.PENDING,
        Status.STARTED: Status.STARTED,
        Status.STOPPING: Status.STARTED,
    }
