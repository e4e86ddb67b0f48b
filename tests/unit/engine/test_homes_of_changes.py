"""On which targets a change can have left rows that the engine has not seen."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.model import InstantStart, Schedule, Target
from tallyd.engine.agenda import Agenda
from tallyd.ports.store import Changes

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AULA = Target("rooms.aula", "Aula", 1, "a" * 32, "UTC")
LAB = Target("rooms.lab", "Lab", 2, "b" * 32, "UTC")


def booked(id_: int, target: Target) -> Schedule:
    """Give a schedule of an hour at noon."""
    return Schedule(id_, f"{id_:032x}", target.key, "Talk", InstantStart(NOON), HOUR, NOON, NOON)


@pytest.mark.parametrize(
    ("changes", "homes"),
    [
        (Changes(2, (), (), None, None), set()),
        (Changes(2, (booked(2, LAB),), (), None, None), {"rooms.lab"}),
        (Changes(2, (booked(1, LAB),), (), None, None), {"rooms.aula", "rooms.lab"}),
        (Changes(2, (), (), None, (AULA, LAB)), None),
    ],
    ids=["nothing", "booked", "moved", "renamed, perhaps"],
)
def test_rows_are_looked_for_where_a_schedule_was_and_is(changes, homes):
    """A recording that moved to another room has left what fell due in the first one."""
    agenda = Agenda()
    agenda.apply(Changes(1, (booked(1, AULA),), (), (), (AULA, LAB)), NOON)
    assert agenda.homes_of(changes) == homes
