"""What clients ask for: bodies of entries and playlists, periods of queries, as values. Pure.

Whether there is such a channel or asset, and who may, is not said here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, cast

from tallyd.api.uplynk.values import (
    Object,
    instant,
    milliseconds,
    read_moment,
    refuse,
    seconds,
    text,
    whole,
    whole_number,
)
from tallyd.domain.contents import MAX_ENTRY, Playlist, PlaylistItem
from tallyd.domain.entries import EntryWish
from tallyd.domain.model import ContentKind
from tallyd.domain.resolution import Resolution
from tallyd.domain.window import Window

T = TypeVar("T")

LISTED = timedelta(hours=4)
"""How much of a schedule is listed where no period is said."""

REMOVED = timedelta(minutes=15)
"""How much of a schedule is deleted where only one end of a period is said."""

REMOVED_AT_MOST = timedelta(days=5)
CHANGED_WITHIN = timedelta(minutes=10)

KINDS: Mapping[str, ContentKind] = {
    "ad": ContentKind.AD,
    "asset": ContentKind.ASSET,
    "slicer": ContentKind.SLICER,
    "replay_source": ContentKind.REPLAY,
}
_MOST_REPEATS = 2**31


def entry_wish(body: Object) -> EntryWish:
    """Read the body of an entry, whole or in part; what is not known there is ignored.

    Raises:
        InvalidBooking: something that was sent makes no sense.
    """
    return EntryWish(
        kind=_kind(body),
        content_id=text(body, "content_id"),
        content_owner=text(body, "content_owner"),
        desc=text(body, "desc"),
        external_id=text(body, "external_id"),
        start=instant(body, "start"),
        duration=milliseconds(body, "dur"),
        ad_breaks_s=seconds(body, "ad_breaks"),
        replay_start=instant(body, "replay_source_start"),
        replay_stop=instant(body, "replay_source_end"),
    )


def _kind(body: Object) -> ContentKind | None:
    value = text(body, "content_type")
    if value is None:
        return None
    if value not in KINDS:
        refuse("content_type", value, f"write {', '.join(KINDS)}")
    return KINDS[value]


def resolution(body: Object) -> Resolution:
    """Read what is to be done where the time is not free; the older word counts only alone.

    Raises:
        InvalidBooking: it is none of the three.
    """
    value = text(body, "conflict_resolution")
    if value is not None:
        if value not in {*Resolution} - {Resolution.REJECT}:
            refuse("conflict_resolution", value, "write replace, trim-start or trim-end")
        return Resolution(value)
    overwrite = body.get("overwrite")
    wanted = overwrite is True or overwrite == 1 or str(overwrite).lower() in {"1", "true"}
    return Resolution.REPLACE if wanted else Resolution.REJECT


def listed_period(query: Mapping[str, str], now: datetime) -> Window:
    """Read the period of a list: four hours from now, or from the one end that is said.

    Raises:
        InvalidBooking: an end is no instant, or the period none.
    """
    start, end = _ends(query, now)
    if start is None:
        start = now if end is None else end - LISTED
    return _period(start, start + LISTED if end is None else end)


def removed_period(query: Mapping[str, str], now: datetime) -> Window:
    """Read the period of a delete: a quarter of an hour, where only one end of it is said, or none.

    Raises:
        InvalidBooking: an end is no instant, or the period none or longer than five days.
    """
    start, end = _ends(query, now)
    if start is None:
        start = now if end is None else end - REMOVED
    period = _period(start, start + REMOVED if end is None else end)
    if period.length > REMOVED_AT_MOST:
        refuse("end", query.get("end", ""), "delete at most 5 days at once")
    return period


def _ends(query: Mapping[str, str], now: datetime) -> tuple[datetime | None, datetime | None]:
    start, end = (
        read_moment(name, query[name], now) if query.get(name) else None
        for name in ("start", "end")
    )
    return start, end


def _period(start: datetime, end: datetime) -> Window:
    if end <= start:
        refuse("end", end.isoformat(), "it must lie after start")
    return Window(start, end)


def changed_after(query: Mapping[str, str], now: datetime) -> datetime:
    """Read after which instant changes are asked for: no more than ten minutes ago.

    Raises:
        InvalidBooking: it is no instant.
    """
    earliest = now - CHANGED_WITHIN
    value = query.get("after")
    return max(earliest, read_moment("after", value, now)) if value else earliest


def playlist_changes(body: Object) -> Callable[[Playlist], Playlist]:
    """Read the body of a playlist, whole or in part; gives what makes it of one that there is.

    Raises:
        InvalidBooking: something that was sent makes no sense.
    """
    items = _items(body)
    desc, repeat = text(body, "desc"), whole(body, "repeat")
    break_s = whole(body, "beam_break_duration")
    if break_s is not None and not 0 <= break_s <= MAX_ENTRY.total_seconds():
        refuse("beam_break_duration", break_s, "it has 0 to 43200 seconds")
    if repeat is not None and not -1 <= repeat <= _MOST_REPEATS:
        refuse("repeat", repeat, "write -1 for ever, or how often")
    flags = {
        name: _flag(body, name)
        for name in ("active", "ad_slate_fill", "skip_drm", "studio_drm_required")
    }

    def changed(known: Playlist) -> Playlist:
        return replace(
            known,
            items=_either(items, known.items),
            desc=_either(desc, known.desc),
            repeat=_either(repeat, known.repeat),
            break_s=_either(break_s, known.break_s),
            active=_either(flags["active"], known.active),
            ad_slate_fill=_either(flags["ad_slate_fill"], known.ad_slate_fill),
            skip_drm=_either(flags["skip_drm"], known.skip_drm),
            studio_drm_required=_either(flags["studio_drm_required"], known.studio_drm_required),
        )

    return changed


def _either(said: T | None, known: T) -> T:
    return known if said is None else said


def _flag(body: Object, field: str) -> bool | None:
    value = body.get(field)
    if value is None or isinstance(value, bool):
        return value
    if whole_number(field, value) not in {0, 1}:
        refuse(field, value, "write 0 or 1")
    return whole_number(field, value) == 1


def _items(body: Object) -> tuple[PlaylistItem, ...] | None:
    value = body.get("playlist")
    if value is None:
        return None
    if not isinstance(value, list):
        refuse("playlist", value, 'write a list of {"beam": {"id": ID}} and {"ad": {"dur": 30}}')
    return tuple(map(_item, cast("list[object]", value)))


def _item(value: object) -> PlaylistItem:
    asset = text(_within(value, "beam"), "id")
    ad = _within(value, "ad")
    if asset is not None and not ad:
        return PlaylistItem(asset=asset)
    if asset is not None or "dur" not in ad:
        refuse("playlist", value, 'write {"beam": {"id": ID}} or {"ad": {"dur": SECONDS}}')
    length = whole_number("ad.dur", ad["dur"])
    if not 1 <= length <= MAX_ENTRY.total_seconds():
        refuse("ad.dur", length, "an ad has 1 to 43200 seconds")
    return PlaylistItem(ad=timedelta(seconds=length))


def _within(value: object, word: str) -> Object:
    """Give the object of a name within another one, empty where there is none."""
    found = cast("Object", value).get(word) if isinstance(value, dict) else None
    return cast("Object", found) if isinstance(found, dict) else {}
