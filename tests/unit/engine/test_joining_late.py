"""Channels that come late: what they play is where it would be by then."""

from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.drafts import Draft
from tallyd.domain.model import Content, ContentKind, InstantStart
from tallyd.testing.virtual_time import START

FILM = Content(ContentKind.ASSET, "film", offset=timedelta(minutes=10))


class _Heard:
    """Keeps how far into their content sessions were told to join."""

    def __init__(self, device):
        self._device = device
        self.offsets_s = []

    def __getattr__(self, name):
        return getattr(self._device, name)

    async def start(self, order):
        self.offsets_s.append(order.media_offset.total_seconds())
        return await self._device.start(order)


@pytest.mark.parametrize("lead_s", [0, 2])
async def test_a_film_goes_on_where_it_would_be(rig, make_room, lead_s):
    """From its offset at the start; after a failure, or down time, as far on as time went by."""
    await rig.configure(make_room("channels.tv", min_piece_s=0))
    channel = rig.device("channels.tv", start_ms=1000 * lead_s, fail_starts=1, die_after_s=100)
    rig.drivers["channels.tv"] = heard = _Heard(channel)
    begins = START + timedelta(seconds=100)
    await rig.bookings.add(
        lambda _now: Draft(
            "channels.tv",
            "film",
            InstantStart(begins),
            timedelta(seconds=900),
            content=FILM,
        ),
        Policy.REPORT,
    )
    async with rig.running():
        await rig.until(250)
    await rig.until(500)
    async with rig.running():
        await rig.until(550)
    first, second, *_, last = heard.offsets_s
    assert first == 600
    assert second == pytest.approx(600 + 1 + lead_s, abs=1.5)
    assert last == pytest.approx(600 + 400 + lead_s, abs=0.1)
