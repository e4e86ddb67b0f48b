"""What the simulation found, each as the shortest script that shows it."""

from simulation.checker import check
from simulation.operator import Act, Step
from simulation.world import simulate


def test_a_run_that_was_recorded_is_not_made_again_after_an_edit_and_a_restart() -> None:
    """A slot that has its recording keeps it, though its schedule is made longer afterwards."""
    report = simulate(
        1,
        [
            Step(1, Act.BOOK_NOW, size=0.0),  # a minute
            Step(600, Act.EDIT, pick=2, size=1.0),  # five hours
            Step(60, Act.RESTART, pick=1, size=0.0),
        ],
    )
    assert check(report.history, report.ledger, report.restarted) == []
