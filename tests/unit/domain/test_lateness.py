"""How late a part began, and how late it was asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.model import Part
from tallyd.domain.outcomes import command_late, late
from tallyd.domain.window import Window

SECOND = timedelta(seconds=1)
TEN = datetime(2026, 12, 1, 10, tzinfo=UTC)
HOUR = Window(TEN, TEN + timedelta(hours=1))


@pytest.mark.parametrize(
    ("first_data", "late_s", "commanded", "command_late_s"),
    [(0, 0, -2, 0), (-0.5, -0.5, -3, -1), (3, 3, 1, 3)],
)
def test_lateness_is_signed(first_data, late_s, commanded, command_late_s):
    """Early is negative; the command is measured against the planned start less the lead."""
    told = Part(
        1,
        0,
        HOUR,
        "t",
        commanded_at=TEN + commanded * SECOND,
        lead=2 * SECOND,
        first_data_at=TEN + first_data * SECOND,
    )
    assert late(told) == late_s * SECOND
    assert command_late(told) == command_late_s * SECOND
    assert late(replace(told, first_data_at=None)) is None
