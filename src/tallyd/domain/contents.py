"""What channels play: assets, ad breaks, playlists, and how long each of them is on air. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.window import MILLISECOND

MAX_ENTRY = timedelta(hours=12)
"""The longest entry of a channel, ad breaks included."""

MAX_PLAYLIST_ASSETS = 100
MAX_PLAYLIST_ITEMS = 1000
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the library: `breaks` are the positions at which ads may interrupt it, in order.

    `streams` say in words what was found in it, such as `video h264 1920x1080`. One that was
    `removed` can be booked no more; what was booked keeps its name. An `ad` fills breaks, too.
    """

    id: str
    name: str
    path: str
    duration: timedelta
    breaks: tuple[timedelta, ...]
    streams: tuple[str, ...]
    created: datetime
    removed: datetime | None = None
    ad: bool = False


@dataclass(frozen=True, slots=True)
class PlaylistItem:
    """One item of a playlist: an asset by its id, or an ad of a length; exactly one of the two."""

    asset: str | None = None
    ad: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A list of items that can be booked in one go; `break_s` fills each ad break of its assets.

    `owner` is whose it is, as in `Metadata`. `repeat`, `active` and the flags are kept for the
    clients that set them: one pass is booked, whatever they say.
    """

    id: str
    owner: str | None
    items: tuple[PlaylistItem, ...]
    created: datetime
    modified: datetime
    desc: str = ""
    active: bool = True
    repeat: int = 0
    break_s: int = 0
    ad_slate_fill: bool = False
    skip_drm: bool = False
    studio_drm_required: bool = False


@dataclass(frozen=True, slots=True)
class Airtime:
    """How long an asset is on air, and for how long each of its ad breaks is filled."""

    duration: timedelta
    ad_breaks_s: tuple[int, ...] = ()


def airtime(asset: Asset, ad_breaks_s: Sequence[int], wanted: timedelta | None) -> Airtime:
    """Give how long an asset is on air: its length and its ad breaks, or shorter where wanted so.

    A longer time is spread over its ad breaks where none of them was said, in whole seconds, what
    is left over going to the first ones.

    Raises:
        InvalidBooking: there are more or fewer ad breaks than it has, or it is not that long.
    """
    if ad_breaks_s and len(ad_breaks_s) != len(asset.breaks):
        fix = f"the asset has {len(asset.breaks)} ad breaks: give as many, or none"
        raise InvalidBooking(Problem("ad_breaks", str(list(ad_breaks_s)), fix))
    breaks = tuple(ad_breaks_s)
    whole = asset.duration + sum(breaks) * SECOND
    duration = whole if wanted is None else wanted
    if duration > whole and not breaks and asset.breaks:
        breaks = _spread(duration - asset.duration, len(asset.breaks))
    elif duration > whole:
        fix = f"the asset and its ad breaks have {whole // MILLISECOND} ms"
        raise InvalidBooking(Problem("dur", str(duration // MILLISECOND), fix))
    require_length(duration)
    return Airtime(duration, breaks)


def _spread(surplus: timedelta, breaks: int) -> tuple[int, ...]:
    seconds = -(-surplus // SECOND)
    each, left_over = divmod(seconds, breaks)
    return tuple(each + (number < left_over) for number in range(breaks))


def require_length(duration: timedelta) -> None:
    """Make sure that an entry is longer than nothing and at most twelve hours long.

    Raises:
        InvalidBooking: it is not.
    """
    if not MILLISECOND <= duration <= MAX_ENTRY:
        fix = f"more than nothing and at most {MAX_ENTRY // MILLISECOND} ms"
        raise InvalidBooking(Problem("dur", str(duration // MILLISECOND), fix))


def require_breaks(breaks: Sequence[timedelta], duration: timedelta) -> None:
    """Make sure that ad breaks lie inside an asset, one after the other.

    Raises:
        InvalidBooking: they do not.
    """
    inside = all(timedelta(0) < each < duration for each in breaks)
    if not inside or not all(one < other for one, other in pairwise(breaks)):
        shown = ",".join(f"{each / SECOND:g}s" for each in breaks)
        fix = f"give positions in rising order, inside the {duration / SECOND:g} s of the file"
        raise InvalidBooking(Problem("ad_breaks", shown, fix))
