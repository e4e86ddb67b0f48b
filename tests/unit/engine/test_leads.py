"""How early a device is told, as experience with it grows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.domain.model import Part
from tallyd.domain.window import MILLISECOND, Window
from tallyd.engine.crowd import Crowd
from tallyd.engine.leads import REMEMBERED, Lead
from tallyd.ports.drivers import Traits
from tallyd.testing.virtual_time import START


def part(took_ms: float | None) -> Part:
    """Give a part whose data came so long after the command, or never."""
    return Part(
        number=1,
        input=0,
        piece=Window(START, START + timedelta(hours=1)),
        token="1-1-x",  # noqa: S106 - the part's name, no secret
        commanded_at=START,
        first_data_at=None if took_ms is None else START + timedelta(milliseconds=took_ms),
    )


def learnt_ms(*took_ms: float | None, guess_ms: int = 300) -> float:
    """Give the lead after starts that took so long."""
    lead = Lead("rooms.a", Traits(lead_ms=guess_ms), Crowd())
    for took in took_ms:
        lead.learn(part(took))
    return lead.value / MILLISECOND


@pytest.mark.parametrize(
    ("took_ms", "lead_ms"),
    [
        pytest.param((), 300, id="the driver's guess before the first start"),
        pytest.param((None,), 300, id="a start without data teaches nothing"),
        pytest.param((900,), 300, id="one start does not outweigh the guess"),
        pytest.param((180, 180, 180), 180, id="three starts do"),
        pytest.param((100, 900, 120, 110, 105), 120, id="a slow start among others changes little"),
        pytest.param((100, 121), 210, id="whole milliseconds"),
        pytest.param((60_000,) * 3, 5_000, id="never more than five seconds"),
        pytest.param((-20,) * 3, 0, id="never after the start"),
        pytest.param((0,) * 3, 0, id="a prompt device is told on time"),
    ],
)
def test_the_lead_follows_what_starts_took(took_ms, lead_ms):
    """What is allowed for a start is what its device usually needs, within bounds."""
    assert learnt_ms(*took_ms) == lead_ms


@pytest.mark.parametrize(
    ("took_ms", "lead_ms"),
    [
        pytest.param(100, 100, id="the others cost it nothing"),
        pytest.param(60, 60, id="it is quicker than it was thought to be"),
        pytest.param(350, 100, id="the others cost it what was allowed for them"),
        pytest.param(400, 100, id="all of that"),
        pytest.param(550, 250, id="it was late all the same"),
    ],
)
def test_what_others_cost_is_not_learnt_as_its_own(took_ms, lead_ms):
    """A device that always starts in a crowd is not told ever earlier for that."""
    lead = Lead("rooms.a", Traits(lead_ms=100, spread_ms=20), Crowd())
    crowded = replace(
        part(took_ms), lead=timedelta(milliseconds=400), spread=timedelta(milliseconds=300)
    )
    for _ in range(REMEMBERED):
        lead.learn(crowded)
    assert lead.value / MILLISECOND == lead_ms


def test_a_herd_does_not_teach_its_devices_to_be_told_early():
    """What five hundred starts at once cost the daemon is no delay of a device."""
    crowd = Crowd()
    for number in range(500):
        crowd.join(START, f"rooms.{number}")
    prompt, slow = (Lead(f"rooms.{number}", Traits(), crowd) for number in range(2))
    for _ in range(REMEMBERED):
        prompt.learn(part(40))
        slow.learn(part(1_500))
    assert prompt.value == timedelta(0)
    assert slow.value > timedelta(seconds=1)


def test_what_is_long_ago_is_forgotten():
    """A device that was slow last week and is quick now is told later from now on."""
    assert learnt_ms(*[2_000] * 20, *[100] * REMEMBERED) == 100


def test_what_waits_for_its_time_teaches_nothing():
    """A player that is cued early and begins on time keeps being cued as early."""
    lead = Lead("channels.a", Traits(lead_ms=2_500, waits=True), Crowd())
    for _ in range(10):
        lead.learn(part(400))
    assert lead.value == timedelta(milliseconds=2_500)
