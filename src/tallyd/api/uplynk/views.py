"""Entries, placeholders, channels, playlists and errors as clients are shown them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from tallyd.api.uplynk.requests import KINDS
from tallyd.api.uplynk.values import shown, shown_ms
from tallyd.domain.contents import Playlist, PlaylistItem
from tallyd.domain.model import Content, ContentKind, Schedule, Target
from tallyd.domain.window import EPOCH, Window, to_ms

Json = dict[str, object]

NO_SLICER = "no_slicer"
OF_KINDS: Mapping[ContentKind, str] = {kind: word for word, kind in KINDS.items()}

_CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    429: "too_many_requests",
}


@dataclass(frozen=True, slots=True)
class Played:
    """What was on air of a live input without a break.

    `booked` tells whether an entry wanted it; `token` and `name` are None and empty where none
    did, or one that is none of a caller's business.
    """

    slicer: str
    window: Window
    booked: bool
    token: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ChannelWords:
    """What of a channel stands in its entries: its id, its live input, whose it is shown as."""

    id: str
    slicer: str
    owner: str

    @property
    def path(self) -> str:
        """Its path, without that of the interface."""
        return f"/channels/{self.id}"


def entry(
    schedule: Schedule, window: Window, channel: ChannelWords, replaced_by: str | None = None
) -> Json:
    """Show an entry."""
    content = schedule.content or Content(ContentKind.SLICER)
    view = _head(channel, schedule.uid) | {"owner": channel.owner}
    view |= _content(content, channel)
    view |= {
        "desc": schedule.metadata.description,
        "external_id": schedule.metadata.external_id,
        **_times(window),
        "ad_breaks": [int(each) for each in content.ad_breaks_s],
        "type": "Time",
        **_dates(schedule),
    }
    if content.offset:
        view["offset"] = shown_ms(content.offset)
    if schedule.metadata.playlist is not None:
        view["source"] = {"id": schedule.metadata.playlist, "type": "playlist"}
    if replaced_by is not None:
        view["replaced_by"] = replaced_by
    return view


def removed_entry(
    schedule: Schedule, window: Window, channel: ChannelWords, replaced_by: str | None
) -> Json:
    """Show an entry that was removed."""
    return entry(schedule, window, channel, replaced_by) | {
        "deleted": shown(schedule.ended or schedule.created)
    }


def other(schedule: Schedule, window: Window, channel: ChannelWords, shown_id: str) -> Json:
    """Show what was booked by other means, as though it were an entry."""
    content = schedule.content or Content(ContentKind.LIVE)
    return (
        _head(channel, shown_id)
        | {"owner": channel.owner}
        | _content(content, channel)
        | {
            "desc": schedule.name,
            "external_id": "",
            **_times(window),
            "ad_breaks": [int(each) for each in content.ad_breaks_s],
            "type": "Time",
            **_dates(schedule),
        }
    )


def busy(window: Window, channel: ChannelWords) -> Json:
    """Show that a time is taken, by what is none of a caller's business."""
    return _head(channel, f"busy-{to_ms(window.start)}") | {
        "owner": channel.owner,
        "content_type": OF_KINDS[ContentKind.AD],
        "desc": "",
        "external_id": "",
        **_times(window),
        "ad_breaks": [],
        "type": "Time",
        "created": shown(EPOCH),
        "lastmod": shown(EPOCH),
    }


def placeholder(gap: Window, channel: ChannelWords) -> Json:
    """Show a gap."""
    times = _times(gap)
    return _head(channel, f"empty-{to_ms(gap.start)}") | {"desc": "", **times, "type": "Empty"}


def _head(channel: ChannelWords, shown_id: str) -> Json:
    path = f"{channel.path}/schedules/{shown_id}"
    return {"@id": path, "@type": "Schedule", "id": shown_id}


def _content(content: Content, channel: ChannelWords) -> Json:
    if content.kind is ContentKind.LIVE:
        return {"content_type": OF_KINDS[ContentKind.SLICER], "content_id": channel.slicer}
    view: Json = {"content_type": OF_KINDS[content.kind]}
    if content.id is not None:
        view["content_id"] = content.id
    elif content.kind is ContentKind.SLICER:
        view["content_id"] = channel.slicer
    if content.owner is not None and content.owner != channel.owner:
        view["content_owner"] = content.owner
    if content.replay is not None:
        view["replay_source_start"] = shown(content.replay.start)
        view["replay_source_end"] = shown(content.replay.stop)
    return view


def _times(window: Window) -> Json:
    return {
        "start": shown(window.start),
        "end": shown(window.stop),
        "dur": shown_ms(window.length),
    }


def _dates(schedule: Schedule) -> Json:
    created = shown(schedule.created)
    modified = created if schedule.modified is None else shown(schedule.modified)
    return {"created": created, "lastmod": modified}


def slicer_asset(played: Played, channel: ChannelWords) -> Json:
    """Show what a channel took from a live input, from the first to the last of it."""
    start, stop, length = played.window.start, played.window.stop, played.window.length
    return {
        "id": "",
        "slicer_id": played.slicer,
        "channel": channel.id,
        "content_id": played.token or f"{played.slicer}-{to_ms(start)}",
        "content_type": "slicer-asset",
        "created": shown(start),
        "desc": played.name,
        "lastmod": shown(stop),
        "dur": shown_ms(length),
        "actual_dur": shown_ms(length),
        "start": shown(start),
        "end": shown(stop),
        "external_id": "",
        "owner": channel.owner,
        "from_schedule": played.booked,
    }


def channel(target: Target, words: ChannelWords, use: int) -> Json:
    """Show a channel; `use` is 2 where entries can be booked on it, else 1."""
    return {
        "@id": words.path,
        "@type": "Channel",
        "id": words.id,
        "desc": target.name,
        "external_id": "",
        "slicer_id": words.slicer,
        "thumb_url": "",
        "created": shown(EPOCH),
        "use_chsched": use,
    }


def playlist(known: Playlist) -> Json:
    """Show a playlist."""
    return {
        "@id": f"/linear-playlist/{known.id}",
        "@type": "LinearPlaylist",
        "id": known.id,
        "desc": known.desc,
        "active": int(known.active),
        "repeat": known.repeat,
        "beam_break_duration": known.break_s,
        "ad_slate_fill": int(known.ad_slate_fill),
        "skip_drm": int(known.skip_drm),
        "studio_drm_required": int(known.studio_drm_required),
        "profile": "",
        "playlist": [_item(item) for item in known.items],
    }


def _item(item: PlaylistItem) -> Json:
    if item.ad is None:
        return {"beam": {"id": item.asset}}
    return {"ad": {"dur": shown_ms(item.ad) // 1000}}


def collection(path: str, items: Sequence[Json]) -> Json:
    """Show a list of things."""
    return {"@id": path, "@type": "Collection", "items": items, "total_items": len(items)}


def time_series(path: str, period: Window, items: Sequence[Json]) -> Json:
    """Show what a channel's time is taken by in a period."""
    return {
        "@id": path,
        "@type": "TimeSeries",
        "start": shown(period.start),
        "end": shown(period.stop),
        "items": items,
    }


def deleted(path: str, message: str) -> Json:
    """Say what was deleted."""
    return {"@id": path, "@type": "Schedule", "message": message}


def error(path: str, status: int, message: str) -> Json:
    """Say why there is no answer."""
    code = _CODES.get(status) or HTTPStatus(status).name.lower()
    return {"@id": path, "@type": "Error", "error": code, "message": message, "status": status}
