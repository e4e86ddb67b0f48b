"""Channels that have nothing to show by themselves are booked with something to show, or not."""

from dataclasses import replace

import pytest

from tallyd.bookings import Bookings, nothing_told
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import Content, ContentKind, Target

FILM = Content(ContentKind.ASSET, "film")


@pytest.fixture
async def channel(desk):
    """Have a channel without a live input, beside the rooms."""
    async with desk.store.write() as tx:
        await tx.add_target(Target("channels.tv", "TV", 0, "c" * 32, "UTC"))
    told = (lambda: None, nothing_told, {"channels.tv"})
    desk.bookings = Bookings(desk.store, desk.clock, *told)
    return "channels.tv"


@pytest.mark.parametrize("content", [None, Content(ContentKind.LIVE)])
async def test_nothing_to_show(desk, channel, content):
    """What would show the live input is refused, newly booked, moved there, or made so later."""
    with pytest.raises(InvalidBooking, match="no `live` input"):
        await desk.book(10, 20, target=channel, content=content)
    film = await desk.book(10, 20, target=channel, content=FILM)
    with pytest.raises(InvalidBooking, match="no `live` input"):
        await desk.bookings.edit(film.id, lambda draft: replace(draft, content=content))
    talk = await desk.book(10, 20, content=content)
    with pytest.raises(InvalidBooking, match="no `live` input"):
        await desk.bookings.edit(talk.id, lambda draft: replace(draft, target=channel))


async def test_what_was_booked_before_can_be_edited(desk, channel):
    """The input may be gone from the configuration since: a name is changed all the same."""
    shown, dark = Bookings(desk.store, desk.clock, lambda: None, nothing_told), desk.bookings
    desk.bookings = shown
    event = await desk.book(10, 20, target=channel)
    change = await dark.edit(event.id, lambda draft: replace(draft, name="Renamed"))
    assert change.after.name == "Renamed"
