"""What an occurrence plays, found in the library and among the inputs of its channel. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from zlib import crc32

from tallyd.domain.contents import SECOND, Asset
from tallyd.domain.model import Content, ContentKind
from tallyd.domain.planner import Planned
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    MissingProgramme,
    Programme,
    ReplayProgramme,
    Spot,
)

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class LiveInputs:
    """The live inputs of an installation; addresses may be secret.

    `slicers` are by name, `live` is by the key of the channel that shows it by itself.
    """

    slicers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    live: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def differ(self, other: "LiveInputs", target: str) -> bool:
        """Tell whether a channel's driver, built with these, must be built anew with others."""
        return self.live.get(target) != other.live.get(target)


@dataclass(frozen=True, slots=True)
class Library:
    """The assets by id, and those that fill ad breaks, in order of name."""

    assets: Mapping[str, Asset] = field(default_factory=dict[str, Asset])
    ads: tuple[Asset, ...] = ()

    @classmethod
    def of(cls, assets: Iterable[Asset]) -> "Library":
        """Sort assets that were not removed."""
        found = {asset.id: asset for asset in assets}
        ads = sorted((each for each in found.values() if each.ad), key=lambda a: (a.name, a.id))
        return cls(found, tuple(ads))


NO_INPUTS = LiveInputs()


def programme_of(planned: Planned, inputs: LiveInputs, library: Library) -> Programme:
    """Give what an occurrence plays; where that is not to be found, why.

    The same occurrence gets the same advertisements, however often it is asked about.
    """
    content = planned.schedule.content
    if content is None or content.kind is ContentKind.LIVE:
        address = inputs.live.get(planned.schedule.target)
        missing = MissingProgramme("the channel has no `live` input")
        return missing if address is None else LiveProgramme(address)
    turn = crc32(f"{planned.schedule.uid} {planned.occurrence.slot}".encode())
    match content.kind:
        case ContentKind.ASSET:
            return _asset(content, library, turn)
        case ContentKind.AD:
            length = content.offset + planned.occurrence.window.length
            return AdProgramme(tuple(_spots(library.ads, length, turn)))
        case ContentKind.SLICER:
            return _slicer(content.id or "", inputs)
        case ContentKind.REPLAY if content.replay is not None:
            return ReplayProgramme(content.replay)
        case ContentKind.REPLAY:
            return MissingProgramme("nobody has said what is to be replayed")


def _slicer(name: str, inputs: LiveInputs) -> Programme:
    address = inputs.slicers.get(name)
    if address is None:
        return MissingProgramme(f"there is no [slicers.{name}] in the configuration")
    return LiveProgramme(address, slicer=name)


def _asset(content: Content, library: Library, turn: int) -> Programme:
    asset = library.assets.get(content.id or "")
    if asset is None:
        return MissingProgramme(f"asset {content.id} is not in the library")
    breaks = tuple(
        AdBreak(after, seconds * SECOND, tuple(_spots(library.ads, seconds * SECOND, turn + at)))
        for at, (after, seconds) in enumerate(_breaks(asset, content))
    )
    return AssetProgramme(Path(asset.path), asset.duration, breaks)


def _breaks(asset: Asset, content: Content) -> Iterator[tuple[timedelta, float]]:
    """Give where an asset is interrupted, and for how many seconds, but for where it is not."""
    for after, seconds in zip_longest(asset.breaks, content.ad_breaks_s):
        if after is not None and seconds:
            yield after, seconds


def _spots(ads: Sequence[Asset], length: timedelta, turn: int) -> Iterator[Spot]:
    """Give the advertisements that fit into a break, each once, another one first each turn."""
    first = turn % len(ads) if ads else 0
    free = length
    for each in (*ads[first:], *ads[:first]):
        if each.duration <= free:
            free -= each.duration
            yield Spot(Path(each.path), each.duration)
