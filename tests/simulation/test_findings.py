"""What the simulation found, each as the shortest script that shows it."""

from simulation.checker import check
from simulation.operator import Act, Step
from simulation.world import simulate

CHANNEL = 5
LATER = Step(5 * 86_400, Act.REMOVE_EXCEPTION)
"""Days in which nothing more is asked for."""


def assert_nothing_breaks(*steps: Step) -> None:
    """Live through a script on the appliance of seed 1."""
    report = simulate(1, [*steps, LATER])
    assert check(report.history, report.ledger, report.restarted) == []


def test_a_run_that_was_recorded_is_not_made_again_after_an_edit_and_a_restart() -> None:
    """A slot that has its recording keeps it, though its schedule is made longer afterwards."""
    assert_nothing_breaks(
        Step(1, Act.BOOK_NOW, size=0.0),  # a minute
        Step(600, Act.EDIT, pick=2, size=1.0),  # five hours
        Step(60, Act.RESTART, pick=1, size=0.0),
    )


def test_a_room_whose_driver_changes_starts_nothing_while_the_daemon_ends() -> None:
    """Its recording ends with the daemon, and the next part is the next daemon's."""
    assert_nothing_breaks(
        Step(1, Act.BOOK_NOW, room=0),
        Step(1, Act.BOOK_NOW, room=1),
        Step(200, Act.RELOAD, pick=0),
        Step(60, Act.RESTART, pick=1, size=0.0),
    )


def test_a_channel_that_starts_late_joins_its_content_in_progress() -> None:
    """After a kill a film goes on where it would be by now, not where it was cut or began."""
    assert_nothing_breaks(
        Step(1, Act.BOOK_NOW, room=CHANNEL, size=1.0),
        Step(60, Act.KILL, pick=1, size=1.0),
    )


def test_a_room_that_is_taken_away_records_to_the_end() -> None:
    """What records when its room leaves the configuration is recorded whole."""
    assert_nothing_breaks(Step(1, Act.BOOK_NOW), Step(200, Act.TAKE_AWAY))
