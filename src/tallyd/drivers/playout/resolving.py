"""From an order to an entry of the rundown. Pure; nothing is looked for here."""

from datetime import timedelta

from tallyd.domain.model import Reason
from tallyd.drivers.ffmpeg.sources import DEVICES, parse_source
from tallyd.drivers.playout.rundown import Entry
from tallyd.ports.drivers import GiveUpError, StartOrder, TryAgainError
from tallyd.ports.programme import LiveProgramme, MissingProgramme


def entry_of(order: StartOrder, live: str | None) -> Entry:
    """Give the entry that an order asks for: by itself a channel shows its `live` input.

    Raises:
        GiveUpError: it asks for nothing that a playout could ever play.
        TryAgainError: what it asks for is not there.
    """
    programme = order.programme
    if programme is None:
        if live is None:
            raise GiveUpError(Reason.DEVICE_REFUSED, "nobody has said what is to be played")
        programme = LiveProgramme(live)
    if isinstance(programme, MissingProgramme):
        raise TryAgainError(Reason.DEVICE_REFUSED, programme.why)
    if isinstance(programme, LiveProgramme):
        require_input(programme.source, programme.slicer)
    if order.begins_at is None:
        begins_at, offset = order.piece.start, order.media_offset
    else:
        begins_at = order.begins_at
        offset = order.content.offset if order.content is not None else timedelta(0)
    return Entry(order.token, order.name, order.piece, begins_at, offset, programme)


def require_input(address: str, slicer: str | None = None) -> None:
    """Make sure that an address is one that a channel can show; what it is stays unsaid.

    Raises:
        GiveUpError: it is not.
    """
    name = "the `live` input" if slicer is None else f"slicer {slicer}"
    try:
        is_device = parse_source(address).kind in DEVICES
    except ValueError as error:
        raise GiveUpError(Reason.DEVICE_REFUSED, f"{name} {error}") from None
    if is_device:
        raise GiveUpError(Reason.DEVICE_REFUSED, f"{name} is a device; give a URL, or `test`")
