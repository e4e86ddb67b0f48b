"""What an order plays: as a library has found it, or else by the channel's own options. Pure."""

from datetime import timedelta
from pathlib import Path

from tallyd.domain.model import Content, ContentKind, Reason
from tallyd.drivers.playout.options import PlayoutOptions
from tallyd.drivers.playout.rundown import Entry
from tallyd.ports.drivers import GiveUpError, StartOrder
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    Programme,
)


def entry_of(order: StartOrder, programme: Programme) -> Entry:
    """Give the entry that an order asks for."""
    if order.begins_at is None:
        begins_at, offset = order.piece.start, order.media_offset
    else:
        begins_at = order.begins_at
        offset = order.content.offset if order.content is not None else timedelta(0)
    return Entry(order.token, order.name, order.piece, begins_at, offset, programme)


def asset_path(content: Content | None, options: PlayoutOptions) -> Path | None:
    """Give the file that a content names; None where it names none.

    Raises:
        GiveUpError: there are no assets here, or that is no name of one.
    """
    if content is None or content.kind is not ContentKind.ASSET:
        return None
    name = content.id or ""
    if options.assets is None or not name or "/" in name or name.startswith("."):
        raise GiveUpError(Reason.DEVICE_REFUSED, f"there is no asset {name!r} for this channel")
    return options.assets / name


def asset(path: Path, length: timedelta, content: Content) -> AssetProgramme:
    """Give an asset of which nobody knows where its breaks are: they are spread evenly."""
    count = len(content.ad_breaks_s) + 1
    breaks = tuple(
        AdBreak(length * number / count, timedelta(seconds=seconds))
        for number, seconds in enumerate(content.ad_breaks_s, start=1)
    )
    return AssetProgramme(path, length, breaks)


def other_than_asset(content: Content | None, options: PlayoutOptions) -> Programme:
    """Give what plays where no file is named: an input, or advertisements.

    Raises:
        GiveUpError: the channel has no such input, or nobody has found the content.
    """
    kind = ContentKind.LIVE if content is None else content.kind
    name = (content.id or "") if content is not None else ""
    match kind:
        case ContentKind.LIVE:
            if options.live is None:
                raise GiveUpError(Reason.DEVICE_REFUSED, "the channel has no `live` input")
            return LiveProgramme(options.live)
        case ContentKind.SLICER:
            if name not in options.slicers:
                raise GiveUpError(Reason.DEVICE_REFUSED, f"the channel has no slicer {name!r}")
            return LiveProgramme(options.slicers[name], slicer=name)
        case ContentKind.AD:
            return AdProgramme()
        case ContentKind.ASSET | ContentKind.REPLAY:
            sentence = f"what {kind} {name!r} is was not found"
            raise GiveUpError(Reason.DEVICE_REFUSED, sentence)
