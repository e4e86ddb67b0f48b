"""Entries of channels: what a client asks for, made into what is booked, and who holds what. Pure.

An entry is a one-shot that a client of channel schedules has booked; all else on a channel is
shown beside entries, and changed where it was booked.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from tallyd.domain.contents import Asset, Playlist, airtime, require_length
from tallyd.domain.drafts import MAX_YEARS
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.model import (
    MAX_NAME,
    Content,
    ContentKind,
    InstantStart,
    Occurrence,
    Override,
    Schedule,
)
from tallyd.domain.planner import Wishes, plan_target
from tallyd.domain.recurrence import occurrences
from tallyd.domain.window import Window

T = TypeVar("T")

ORIGIN = "uplynk"
"""What `Metadata.origin` says of an entry."""

RETENTION = timedelta(days=30)
"""So long after its end an entry is shown."""

_AROUND = timedelta(milliseconds=1)
_LIVE = frozenset({ContentKind.SLICER, ContentKind.REPLAY})
_CANNOT_BE_SEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def is_entry(schedule: Schedule) -> bool:
    """Tell whether it is an entry, and not something else that a channel is booked for."""
    one_shot = schedule.recurrence is None and isinstance(schedule.start, InstantStart)
    return schedule.metadata.origin == ORIGIN and one_shot and not schedule.manual


def is_removed(schedule: Schedule) -> bool:
    """Tell whether a one-shot was removed before it began."""
    start = schedule.start
    if schedule.ended is None or not isinstance(start, InstantStart):
        return False
    return schedule.ended <= start.at


def window_of(entry: Schedule, overrides: Iterable[Override] = ()) -> Window:
    """Give the window of an entry, removed or not; an operator may have moved its end."""
    standing = replace(entry, ended=None)
    start = start_of(entry)
    found = occurrences(standing, overrides, Window(start, start + _AROUND))
    return next((o.window for o in found), Window(start, start + entry.duration))


def start_of(entry: Schedule) -> datetime:
    """Give when an entry starts.

    Raises:
        TypeError: it is no entry.
    """
    if not isinstance(entry.start, InstantStart):
        raise TypeError(f"schedule {entry.id} is no entry: it starts by a clock on a wall")
    return entry.start.at


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a channel's time is taken by: of an entry its window, of all else what it claims."""

    schedule: Schedule
    slot: str
    window: Window

    @property
    def id(self) -> str:
        """The id by which clients know it: stable, whatever else changes."""
        if self.schedule.recurrence is None:
            return self.schedule.uid
        return occurrence_id(self.schedule.uid, self.slot)


def occurrence_id(uid: str, slot: str) -> str:
    """Give the id of one occurrence of a series."""
    return hashlib.sha256(f"{uid}{slot}".encode()).hexdigest()[:32]


def stretches(wishes: Wishes, period: Window) -> tuple[Stretch, ...]:
    """Give what takes time of a channel in a period, in order of start.

    Entries take their windows, whoever else outranks them, so that no two are ever shown at once;
    all else what it claims, from its first instant to its last. What is left out takes none.
    """
    found = [*_entries(wishes, period)]
    if not all(is_entry(schedule) for schedule in wishes.schedules):
        found += _others(wishes, period)
    found.sort(key=lambda each: (each.window.start, each.schedule.id))
    return tuple(found)


def _entries(wishes: Wishes, period: Window) -> Iterator[Stretch]:
    for schedule in wishes.schedules:
        if not is_entry(schedule):
            continue
        overrides = wishes.overrides.get(schedule.id, ())
        for occurrence in occurrences(schedule, overrides, period):
            if not _is_excluded(occurrence, overrides):
                yield Stretch(schedule, occurrence.slot, occurrence.window)


def _is_excluded(occurrence: Occurrence, overrides: Iterable[Override]) -> bool:
    return any(o.excluded for o in overrides if o.slot == occurrence.slot)


def _others(wishes: Wishes, period: Window) -> Iterator[Stretch]:
    for planned in plan_target(wishes, period):
        if planned.claim and not is_entry(planned.schedule):
            held = Window(planned.claim[0].start, planned.claim[-1].stop)
            if held.overlaps(period):
                yield Stretch(planned.schedule, planned.occurrence.slot, held)


@dataclass(frozen=True, slots=True)
class EntryWish:
    """What a client asks of an entry; None is what was not said."""

    kind: ContentKind | None = None
    content_id: str | None = None
    content_owner: str | None = None
    desc: str | None = None
    external_id: str | None = None
    start: datetime | None = None
    duration: timedelta | None = None
    ad_breaks_s: tuple[int, ...] | None = None
    replay_start: datetime | None = None
    replay_stop: datetime | None = None

    @property
    def changes_content(self) -> bool:
        """Whether something else is to be played."""
        said = (self.kind, self.content_id, self.ad_breaks_s, self.replay_start, self.replay_stop)
        return any(each is not None for each in said)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is to be booked, before it has its place."""

    wanted: Window
    content: Content
    name: str
    desc: str
    external_id: str = ""

    @property
    def is_live(self) -> bool:
        """Whether what is over when it begins is not made up for by playing from further on."""
        return self.content.kind in _LIVE

    def skipping(self, trimmed: timedelta, late: timedelta) -> Content:
        """Give its content without what is left out at the beginning, by a trim or for being late.

        What is live has no beginning; of an ad only what is late is missing.
        """
        if self.is_live:
            return self.content
        skipped = late if self.content.kind is ContentKind.AD else late + trimmed
        return replace(self.content, offset=self.content.offset + skipped)


def new_entry(wish: EntryWish, assets: Mapping[str, Asset], now: datetime) -> Entry:
    """Make what a client asks for an entry; `assets` holds the one that it names.

    Raises:
        InvalidBooking: something is missing, or makes no sense.
    """
    kind = _needed("content_type", wish.kind)
    start = require_start(wish.start, now)
    content, duration = _content(kind, wish, assets)
    desc = _default_desc(kind, wish, assets)
    return Entry(
        wanted=Window(start, start + duration),
        content=content,
        name=name_of(desc, content),
        desc=desc,
        external_id=wish.external_id or "",
    )


def changed_entry(
    wish: EntryWish, known: Schedule, assets: Mapping[str, Asset], now: datetime
) -> Entry:
    """Make an entry what a client asks; what was not said stays, its length with its start.

    Raises:
        InvalidBooking: something makes no sense.
    """
    content = known.content or Content(ContentKind.SLICER)
    start = start_of(known) if wish.start is None else require_start(wish.start, now)
    duration = known.duration
    if wish.changes_content or wish.duration is not None:
        content, duration = _content(wish.kind or content.kind, _laid_over(wish, known), assets)
    desc = known.metadata.description if wish.desc is None else wish.desc
    external_id = known.metadata.external_id if wish.external_id is None else wish.external_id
    return Entry(
        wanted=Window(start, start + duration),
        content=content,
        name=name_of(desc, content),
        desc=desc,
        external_id=external_id,
    )


def _laid_over(wish: EntryWish, known: Schedule) -> EntryWish:
    """Give a wish for an entry that says what of its content stays as it is."""
    content = known.content or Content(ContentKind.SLICER)
    same_kind = wish.kind in {None, content.kind}
    same = same_kind and wish.content_id in {None, content.id}
    replay = content.replay if same_kind else None
    breaks = tuple(int(each) for each in content.ad_breaks_s) if same else ()
    is_asset = (wish.kind or content.kind) is ContentKind.ASSET
    keeps_length = wish.duration is None and not (is_asset and wish.changes_content)
    return replace(
        wish,
        content_id=content.id if same_kind and wish.content_id is None else wish.content_id,
        content_owner=content.owner if same else wish.content_owner,
        ad_breaks_s=breaks if wish.ad_breaks_s is None else wish.ad_breaks_s,
        duration=known.duration if keeps_length else wish.duration,
        desc=known.metadata.description if wish.desc is None else wish.desc,
        replay_start=wish.replay_start or (replay.start if replay else None),
        replay_stop=wish.replay_stop or (replay.stop if replay else None),
    )


def entries_of(
    playlist: Playlist, assets: Mapping[str, Asset], start: datetime
) -> tuple[Entry, ...]:
    """Give the items of a playlist as entries, one behind the other from a start on.

    Each ad break of an asset is filled for as long as the playlist says; 0 leaves them out.

    Raises:
        InvalidBooking: an item is longer than an entry may be.
    """
    entries: list[Entry] = []
    for item in playlist.items:
        if item.asset is None:
            desc, content, length = "", Content(ContentKind.AD), item.ad or timedelta(0)
            require_length(length)
        else:
            asset = assets[item.asset]
            time = airtime(asset, (playlist.break_s,) * len(asset.breaks), None)
            breaks = time.ad_breaks_s if playlist.break_s else ()
            content = Content(ContentKind.ASSET, asset.id, ad_breaks_s=breaks)
            desc, length = asset.name, time.duration
        window = Window(start, start + length)
        entries.append(Entry(window, content, name_of(desc, content), desc))
        start = window.stop
    return tuple(entries)


def require_start(start: datetime | None, now: datetime) -> datetime:
    """Make sure that there is a start, and that the calendar goes as far.

    Raises:
        InvalidBooking: it does not.
    """
    start = _needed("start", start)
    if abs(start.year - now.year) > MAX_YEARS:
        fix = f"that is more than {MAX_YEARS} years from now; is the year right?"
        raise InvalidBooking(Problem("start", start.isoformat(), fix))
    return start


def _content(
    kind: ContentKind, wish: EntryWish, assets: Mapping[str, Asset]
) -> tuple[Content, timedelta]:
    if kind is ContentKind.ASSET:
        asset_id = _needed("content_id", wish.content_id)
        time = airtime(assets[asset_id], wish.ad_breaks_s or (), wish.duration)
        return Content(kind, asset_id, ad_breaks_s=time.ad_breaks_s), time.duration
    duration = _needed("dur", wish.duration)
    require_length(duration)
    if wish.ad_breaks_s:
        fix = "only an asset has ad breaks"
        raise InvalidBooking(Problem("ad_breaks", str(list(wish.ad_breaks_s)), fix))
    if kind is ContentKind.AD:
        return Content(kind, wish.content_id), duration
    content_id = _needed("content_id", wish.content_id)
    if kind is ContentKind.SLICER:
        return Content(kind, content_id, wish.content_owner), duration
    return Content(kind, content_id, replay=_replay(wish)), duration


def _replay(wish: EntryWish) -> Window:
    _needed("desc", wish.desc)
    start = _needed("replay_source_start", wish.replay_start)
    stop = _needed("replay_source_end", wish.replay_stop)
    if stop <= start:
        fix = "it must lie after replay_source_start"
        raise InvalidBooking(Problem("replay_source_end", stop.isoformat(), fix))
    return Window(start, stop)


def _default_desc(kind: ContentKind, wish: EntryWish, assets: Mapping[str, Asset]) -> str:
    if wish.desc is not None or kind is not ContentKind.ASSET:
        return wish.desc or ""
    return assets[wish.content_id or ""].name


def name_of(desc: str, content: Content) -> str:
    """Give what an entry is called in reports: what of its description can be seen."""
    seen = "".join(
        " " if unicodedata.category(c) in _CANNOT_BE_SEEN else c for c in desc[:MAX_NAME]
    )
    return " ".join(seen.split()) or f"{content.kind} {content.id or ''}".strip()[:MAX_NAME]


def _needed(field: str, value: T | None) -> T:
    if value is None:
        raise InvalidBooking(Problem(field, "", "it is required"))
    return value
