"""A token says whose a part is, also to a ledger in which its run has another row."""

from dataclasses import replace

import pytest

from tallyd.domain.model import Run
from tallyd.domain.window import Window
from tallyd.engine.tokens import is_of, number_in, run_id_in, token_for
from tallyd.testing.virtual_time import START

RUN = Run(7, "rooms.a", "Lecture", Window(START, START), schedule_id=3, slot="@5")


def test_it_names_run_part_and_occurrence():
    """And no two are the same."""
    token = token_for(RUN, 2)
    assert (run_id_in(token), number_in(token)) == (7, 2)
    assert token != token_for(RUN, 2)
    assert is_of(token, RUN)
    assert is_of(token, replace(RUN, id=99))
    assert not is_of(token, replace(RUN, slot="@6"))
    assert not is_of(token, replace(RUN, schedule_id=4))


@pytest.mark.parametrize("token", ["", "7", "7-2", "7-2-abc", "7-2-0123456789abcdefg", "x-1-0"])
def test_what_is_no_token_names_nothing(token):
    """Whatever calls itself so is nobody's."""
    assert run_id_in(token) is number_in(token) is None
    assert not is_of(token, RUN)
