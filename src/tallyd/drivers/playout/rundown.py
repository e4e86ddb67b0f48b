"""What is to be on air when: entries taken apart into clips, and the clip of any instant. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.domain.window import EPOCH, Window
from tallyd.ports.as_run import Kind
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    Playable,
    ReplayProgramme,
    Spot,
)

SHORTEST_GAP = timedelta(milliseconds=500)
"""A shorter gap between entries is not filled: the earlier one goes on."""

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class FileTake:
    """A stretch of a file that begins at `position`."""

    path: Path
    position: timedelta


@dataclass(frozen=True, slots=True)
class LiveTake:
    """An input; `source` is its address, which may be secret."""

    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplayTake:
    """What was on air from an instant on."""

    since: datetime


@dataclass(frozen=True, slots=True)
class SlateTake:
    """A picture that stands."""

    ad: bool = False


Take = FileTake | LiveTake | ReplayTake | SlateTake


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of a schedule: `window` is its time on air.

    `begins_at` is when the entry as it was booked would have begun, and `offset` how far into it
    that is: whoever joins later, joins further on.
    """

    token: str
    name: str
    window: Window
    begins_at: datetime
    offset: timedelta
    programme: Playable


@dataclass(frozen=True, slots=True)
class Clip:
    """What one source plays at one stretch; `number` tells the clips of an entry apart.

    The default of a channel is a clip without a token, and without an end.
    """

    kind: Kind
    take: Take
    token: str | None = None
    number: int = 0
    name: str = ""
    window: Window | None = None
    entry_start: datetime = EPOCH


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of an entry, in its own time."""

    start: timedelta
    stop: timedelta
    kind: Kind
    take: Take
    name: str


def clips_of(entry: Entry) -> tuple[Clip, ...]:
    """Give what an entry consists of, in order; where its material ends early, that is all."""
    zero = entry.begins_at - entry.offset
    found: list[Clip] = []
    for number, stretch in enumerate(_stretches(entry)):
        start = max(entry.window.start, zero + stretch.start)
        stop = min(entry.window.stop, zero + stretch.stop)
        if start < stop:
            take = _later(stretch.take, start - zero - stretch.start)
            window = Window(start, stop)
            begun = entry.window.start
            clip = Clip(stretch.kind, take, entry.token, number, stretch.name, window, begun)
            found.append(clip)
    return tuple(found)


def wanted(clips: Iterable[Clip], default: Clip, at: datetime) -> Clip:
    """Give the clip that is to be on air: of several the one whose entry was to begin last."""
    begun: Clip | None = None
    before: Clip | None = None
    after: datetime | None = None
    for clip in clips:
        window = _window(clip)
        if window.holds(at):
            if begun is None or clip.entry_start >= begun.entry_start:
                begun = clip
        elif window.stop <= at:
            if before is None or window.stop > _window(before).stop:
                before = clip
        elif after is None or window.start < after:
            after = window.start
    if begun is not None:
        return begun
    if before is not None and after is not None and after - _window(before).stop < SHORTEST_GAP:
        return before
    return default


def coming(
    clips: Iterable[Clip], default: Clip, at: datetime, ahead: timedelta
) -> tuple[Clip, ...]:
    """Give the clips that will be on air from `at` on for a while, each once, in order."""
    clips = tuple(clips)
    edges = {at}
    for clip in clips:
        window = _window(clip)
        edges |= {edge for edge in (window.start, window.stop) if at < edge <= at + ahead}
    return tuple(dict.fromkeys(wanted(clips, default, edge) for edge in sorted(edges)))


def filled(length: timedelta, spots: Iterable[Spot]) -> Iterator[tuple[timedelta, Spot | None]]:
    """Fill a break: spots that fit, in their order; None stands for the ad slate, at the end."""
    at = _NOTHING
    for spot in spots:
        if _NOTHING < spot.length <= length - at:
            yield at, spot
            at += spot.length
    if at < length:
        yield at, None


def _stretches(entry: Entry) -> Iterator[_Stretch]:
    end = entry.offset + (entry.window.stop - entry.begins_at)
    match entry.programme:
        case AssetProgramme() as asset:
            yield from _asset(asset, entry.name)
        case AdProgramme(spots=spots):
            yield from _break(_NOTHING, AdBreak(_NOTHING, end, spots))
        case LiveProgramme(source=source, slicer=slicer):
            kind = Kind.LIVE if slicer is None else Kind.SLICER
            yield _Stretch(_NOTHING, end, kind, LiveTake(source), slicer or entry.name)
        case ReplayProgramme(window=window):
            length = min(end, window.length)
            take = ReplayTake(window.start)
            yield _Stretch(_NOTHING, length, Kind.REPLAY, take, entry.name)


def _asset(asset: AssetProgramme, name: str) -> Iterator[_Stretch]:
    at = position = _NOTHING
    for each in asset.breaks:
        until = max(position, min(each.after, asset.length))
        if each.length > _NOTHING:
            take = FileTake(asset.path, position)
            yield _Stretch(at, at + until - position, Kind.ASSET, take, name)
            yield from _break(at + until - position, each)
            at += until - position + each.length
            position = until
    if position < asset.length:
        take = FileTake(asset.path, position)
        yield _Stretch(at, at + asset.length - position, Kind.ASSET, take, name)


def _break(begins: timedelta, each: AdBreak) -> Iterator[_Stretch]:
    for at, spot in filled(each.length, each.spots):
        start = begins + at
        if spot is None:
            stop = begins + each.length
            yield _Stretch(start, stop, Kind.AD_SLATE, SlateTake(ad=True), "")
        else:
            take = FileTake(spot.path, _NOTHING)
            yield _Stretch(start, start + spot.length, Kind.AD, take, spot.path.stem)


def _later(take: Take, by: timedelta) -> Take:
    match take:
        case FileTake(path=path, position=position):
            return FileTake(path, position + by)
        case ReplayTake(since=since):
            return ReplayTake(since + by)
        case LiveTake() | SlateTake():
            return take


def _window(clip: Clip) -> Window:
    if clip.window is None:
        raise ValueError("only the default of a channel has no end")
    return clip.window
