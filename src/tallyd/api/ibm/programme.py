"""The events of a channel in their order, kept while they change: a page costs what is on it.

Loaded once, a stretch at a time; afterwards only what has changed is looked at. Of a schedule no
more is kept than its place and who may see it; the events shown last are kept as written.
"""

import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import anyio
from anyio.lowlevel import checkpoint

from tallyd.api.ibm.answers import Paging
from tallyd.api.ibm.events import Json, anchor, event_view, is_event, upcoming_view
from tallyd.api.ibm.ordering import Key, Ordering
from tallyd.api.ibm.upcoming import holidays_of, next_occurrence
from tallyd.domain.accounts import Caller, may_see
from tallyd.domain.model import Metadata, Occurrence, Override, Schedule, Target
from tallyd.domain.window import floor_ms, to_ms
from tallyd.ports.clock import Clock
from tallyd.ports.store import Reader, Store

_LOADED_AT_ONCE = 200
_VIEWS_KEPT = 64
_WRITTEN_KEPT = 4096

Overrides = Mapping[int, tuple[Override, ...]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a schedule stands among the events, if it is one; what comes next; who may see it."""

    event: Key | None
    upcoming: Key | None
    owned: Metadata


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a page, and how many there are on all pages."""

    events: tuple[bytes, ...]
    total: int


class Programme:
    """Everything on one channel."""

    def __init__(self, store: Store, clock: Clock, channel: Target) -> None:
        self.channel = channel
        self._store = store
        self._clock = clock
        self._turn = anyio.Lock()
        self._revision = -1
        self._at: datetime | None = None
        self._holidays = holidays_of((), channel)
        self._entries: dict[int, _Entry] = {}
        self._owned: dict[object, Metadata] = {}
        self._events = Ordering()
        self._upcoming = Ordering()
        self._views: OrderedDict[Caller, Ordering] = OrderedDict()
        self._written: OrderedDict[int, bytes] = OrderedDict()

    async def events(self, viewer: Caller | None, paging: Paging) -> Page:
        """Give a page of the events that somebody may see (None: all), by start, then id."""
        async with self._current() as (reader, _):
            order = self._events if viewer is None else self._view(viewer)
            ids = order.stretch(paging.first, paging.size)
            return Page(await self._texts(reader, ids), len(order))

    async def upcoming(self, paging: Paging) -> Page:
        """Give a page of what comes next of each schedule, by start, then id."""
        async with self._current() as (reader, now):
            ids = self._upcoming.stretch(paging.first, paging.size)
            schedules, overrides = await _loaded(reader, ids)
            shown: dict[int, Json] = {}
            for schedule in schedules:
                coming = self._next(schedule, overrides, now)
                if coming is not None:
                    shown[schedule.id] = upcoming_view(schedule, coming)
            texts = (_written(shown[id_]) for id_ in ids if id_ in shown)
            return Page(tuple(texts), len(self._upcoming))

    @asynccontextmanager
    async def _current(self) -> AsyncGenerator[tuple[Reader, datetime]]:
        """Have all of it as it is now inside, a look at the database at that, and the instant."""
        async with self._turn:
            while True:
                if self._at is None:
                    await self._load()
                async with self._store.read() as reader:
                    if await self._catch_up(reader):
                        yield reader, self._at or self._now()
                        return
                self._at = None

    async def _load(self) -> None:
        """Load everything, a stretch at a time: others have their turn in between."""
        now, key = self._now(), self.channel.key
        async with self._store.read() as reader:
            self._revision = await reader.revision()
            self._holidays = holidays_of(await reader.exception_days(), self.channel)
        self._entries, self._owned = {}, {}
        after, more = 0, True
        while more:
            async with self._store.read() as reader:
                found = await reader.standing_schedules(key, after=after, limit=_LOADED_AT_ONCE)
                overrides = _grouped(await reader.overrides({each.id for each in found}))
            for schedule in found:
                self._entries[schedule.id] = self._entry(schedule, overrides, now)
                after = schedule.id
            more = len(found) == _LOADED_AT_ONCE
            await checkpoint()
        entries = self._entries.values()
        self._events = Ordering(each.event for each in entries if each.event)
        self._upcoming = Ordering(each.upcoming for each in entries if each.upcoming)
        self._views.clear()
        self._written.clear()
        self._at = now  # not before: what breaks off half-way is begun anew

    async def _catch_up(self, reader: Reader) -> bool:
        """Look at what has changed, and at what has begun; False where all is to be loaded anew."""
        now = self._now()
        changes = await reader.changes_since(self._revision)
        days = changes.exception_days
        moved = days is not None and holidays_of(days, self.channel) != self._holidays
        if moved or self._at is None or now < self._at:
            return False
        await self._replace(changes.schedules, _grouped(changes.overrides), now)
        self._revision = changes.revision
        begun = self._upcoming.until(to_ms(now))
        if begun:
            schedules, overrides = await _loaded(reader, begun)
            await self._replace(schedules, overrides, now)
        self._at = now
        return True

    async def _replace(
        self, schedules: Iterable[Schedule], overrides: Overrides, now: datetime
    ) -> None:
        for number, schedule in enumerate(schedules, start=1):
            self._drop(schedule.id)
            if schedule.target == self.channel.key and schedule.ended is None:
                self._put(schedule.id, self._entry(schedule, overrides, now))
            if number % _LOADED_AT_ONCE == 0:
                await checkpoint()

    def _drop(self, schedule_id: int) -> None:
        entry = self._entries.pop(schedule_id, None)
        if entry is None:
            return
        self._written.pop(schedule_id, None)
        if entry.upcoming is not None:
            self._upcoming.discard(entry.upcoming)
        if entry.event is not None:
            for order in (self._events, *self._views.values()):
                order.discard(entry.event)

    def _put(self, schedule_id: int, entry: _Entry) -> None:
        self._entries[schedule_id] = entry
        if entry.upcoming is not None:
            self._upcoming.add(entry.upcoming)
        if entry.event is not None:
            self._events.add(entry.event)
            for viewer, order in self._views.items():
                if may_see(viewer, entry.owned):
                    order.add(entry.event)

    def _entry(self, schedule: Schedule, overrides: Overrides, now: datetime) -> _Entry:
        coming = self._next(schedule, overrides, now)
        return _Entry(
            event=(to_ms(anchor(schedule)), schedule.id) if is_event(schedule) else None,
            upcoming=(to_ms(coming.window.start), schedule.id) if coming else None,
            owned=self._owner_of(schedule.metadata),
        )

    def _next(self, schedule: Schedule, overrides: Overrides, now: datetime) -> Occurrence | None:
        own = overrides.get(schedule.id, ())
        return next_occurrence(schedule, own, self._holidays, self.channel.zone, now)

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())

    def _owner_of(self, metadata: Metadata) -> Metadata:
        """Keep what says who may see something, once for all that belongs to the same people."""
        said = metadata.owner, metadata.author, metadata.shared_users, metadata.shared_groups
        known = self._owned.get(said)
        if known is None:
            owner, author, users, groups = said
            known = Metadata(owner=owner, author=author, shared_users=users, shared_groups=groups)
            self._owned[said] = known
        return known

    def _view(self, viewer: Caller) -> Ordering:
        """Give the events that somebody may see, worked out once for as long as they look."""
        if viewer not in self._views:
            # By identity: there are few owners, and many events.
            seen = {id(each) for each in self._owned.values() if may_see(viewer, each)}
            every = self._entries.values()
            self._views[viewer] = Ordering(
                each.event for each in every if each.event and id(each.owned) in seen
            )
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(viewer)
        return self._views[viewer]

    async def _texts(self, reader: Reader, ids: Collection[int]) -> tuple[bytes, ...]:
        missing = [id_ for id_ in ids if id_ not in self._written]
        if missing:
            for schedule in await reader.schedules_of(missing):
                self._written[schedule.id] = _written(event_view(schedule, self.channel.zone))
        texts = tuple(self._written[id_] for id_ in ids)
        while len(self._written) > _WRITTEN_KEPT:
            self._written.popitem(last=False)
        return texts


async def _loaded(reader: Reader, ids: Collection[int]) -> tuple[tuple[Schedule, ...], Overrides]:
    return await reader.schedules_of(ids), _grouped(await reader.overrides(ids))


def _grouped(overrides: Iterable[Override]) -> Overrides:
    """Group what comes in order of schedule."""
    return {id_: tuple(own) for id_, own in groupby(overrides, attrgetter("schedule_id"))}


def _written(shown: Json) -> bytes:
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()


class Programmes:
    """The programme of each channel, made when it is first asked for."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, Programme] = {}

    def of(self, channel: Target) -> Programme:
        """Give that of a channel; another where its zone is another."""
        known = self._known.get(channel.key)
        if known is None or known.channel.zone != channel.zone:
            known = Programme(self._store, self._clock, channel)
            self._known[channel.key] = known
        return known
