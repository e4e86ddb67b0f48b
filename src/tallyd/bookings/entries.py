"""Entries of channels: booked, changed, withdrawn, alone or many in one go; whole or not at all."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from tallyd.bookings.placing import (
    Asked,
    assets_of,
    booked,
    channel_of,
    free_channel_of,
    in_progress,
    make_room,
    named_to,
    rebooked,
    require_own,
    settled,
    withdraw,
)
from tallyd.bookings.rows import materialise
from tallyd.bookings.timeline import Found, entry_named, other_named, timeline
from tallyd.domain.accounts import Caller, may_see
from tallyd.domain.contents import Asset, Playlist
from tallyd.domain.entries import (
    ORIGIN,
    EntryWish,
    changed_entry,
    entries_of,
    is_entry,
    new_entry,
    require_start,
)
from tallyd.domain.errors import Forbidden, InvalidBooking, NotFound, Problem
from tallyd.domain.model import ContentKind, Metadata, Schedule
from tallyd.domain.resolution import Placed, Withdrawal, lay_out, withdrawal
from tallyd.domain.window import Window, floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.contents import ContentReader, ContentStore

__all__ = ["Asked", "EntryBookings", "OnAir"]


class OnAir(StrEnum):
    """What becomes of the entry that is on air when a range is withdrawn: it ends, or is kept."""

    CUT = "cut"
    KEPT = "kept"


class EntryBookings:
    """Changes the entries of channels; `slicers` are the live inputs that there are.

    `ahead` is how far what is no entry is looked for by its id.
    """

    def __init__(
        self,
        store: ContentStore,
        clock: Clock,
        nudge: Callable[[], object],
        slicers: Collection[str],
        ahead: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._nudge = nudge
        self._slicers = frozenset(slicers)
        self._ahead = ahead

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())

    async def add(self, asked: Asked, wish: EntryWish) -> Schedule:
        """Book an entry.

        Raises:
            InvalidBooking: something is missing, makes no sense, or is over already.
            NotFound: there is no such channel, asset or slicer.
            Refused: its time is taken, and may not be had.
            StoreError: nothing was stored.
        """
        async with self._store.write() as tx:
            now = self._now()
            target = await free_channel_of(tx, asked.target)
            assets = await self._contents(tx, wish.kind, wish.content_id)
            entry = new_entry(wish, assets, now)
            late = in_progress(entry.wanted, now)
            done = await settled(tx, asked, late.window, now)
            content = entry.skipping(done.placed.skipped, late.skipped)
            new = booked(
                target,
                replace(entry, content=content),
                done.placed.window,
                _metadata(asked.caller),
                now,
            )
            stored = await tx.add_schedule(new)
            await make_room(tx, done, stored.id, now)
            await materialise(tx, (stored,), {}, now)
        self._nudge()
        return stored

    async def change(self, asked: Asked, uid: str, wish: EntryWish) -> Schedule:
        """Make an entry that has not begun what is asked.

        Raises:
            NotFound: there is no such entry, asset or slicer.
            Forbidden: it has begun, or belongs to somebody else.
            InvalidBooking, Refused, StoreError: as for `add`.
        """
        async with self._store.write() as tx:
            now = self._now()
            await channel_of(tx, asked.target)
            found = await self._own(tx, asked, uid, now)
            if found.window.start <= now:
                raise Forbidden("an entry that has begun cannot be changed")
            await free_channel_of(tx, asked.target)
            before = found.schedule
            assets: Mapping[str, Asset] = {}
            if wish.changes_content or wish.duration is not None:
                assets = await self._contents(tx, *_content_after(wish, before))
            entry = changed_entry(wish, before, assets, now)
            late = in_progress(entry.wanted, now)
            done = await settled(tx, asked, late.window, now, but_for=before.id)
            content = entry.skipping(done.placed.skipped, late.skipped)
            after = rebooked(before, replace(entry, content=content), done.placed.window, now)
            await tx.change_schedule(after)
            if after.start != before.start:
                await tx.drop_overrides(before.id)
            await make_room(tx, done, after.id, now)
            await materialise(tx, (after,), {after.id: await tx.overrides({after.id})}, now)
        self._nudge()
        return after

    async def add_playlist(
        self, asked: Asked, playlist_id: str, start: datetime | None
    ) -> tuple[Schedule, ...]:
        """Book the items of a playlist, one behind the other, all or none.

        Raises:
            NotFound: there is no such channel or playlist, or an asset of it is not there.
            InvalidBooking, Refused, StoreError: as for `add`.
        """
        async with self._store.write() as tx:
            now = self._now()
            target = await free_channel_of(tx, asked.target)
            playlist = await _playlist(tx, asked.caller, playlist_id)
            wanted = {item.asset for item in playlist.items if item.asset is not None}
            assets = await assets_of(tx, wanted)
            entries = entries_of(playlist, assets, require_start(start, now))
            whole = Window(entries[0].wanted.start, entries[-1].wanted.stop)
            late = in_progress(whole, now)
            done = await settled(tx, asked, late.window, now)
            trimmed = done.placed.skipped
            place = Placed(done.placed.window, late.skipped + trimmed)
            metadata = replace(_metadata(asked.caller), batch=uuid4().hex, playlist=playlist.id)
            stored: list[Schedule] = []
            for laid in lay_out([entry.wanted.length for entry in entries], place):
                entry = entries[laid.number]
                content = entry.skipping(*_why_skipped(laid.skipped, trimmed))
                new = booked(target, replace(entry, content=content), laid.window, metadata, now)
                stored.append(await tx.add_schedule(new))
            await make_room(tx, done, stored[0].id, now)
            await materialise(tx, stored, {}, now)
        self._nudge()
        return tuple(stored)

    async def remove(self, asked: Asked, uid: str) -> None:
        """Withdraw an entry; one that is on air ends at once.

        Raises:
            NotFound: there is no such entry.
            Forbidden: it is over, or belongs to somebody else.
        """
        async with self._store.write() as tx:
            now = self._now()
            await channel_of(tx, asked.target)
            await withdraw(tx, [await self._own(tx, asked, uid, now)], now)
        self._nudge()

    async def remove_linked(self, asked: Asked, uid: str) -> None:
        """Withdraw an entry with all that was booked by the same playlist request; all or none.

        Raises:
            NotFound: there is no such entry.
            Forbidden: all of them are over, or one belongs to somebody else.
        """
        async with self._store.write() as tx:
            now = self._now()
            await channel_of(tx, asked.target)
            found = await self._own(tx, asked, uid, now)
            linked = [found]
            if found.schedule.metadata.batch is not None:
                booked_with = await tx.batch(found.schedule.metadata.batch)
                others = [await entry_named(tx, asked.target, e.uid, now) for e in booked_with]
                linked = [each for each in others if each is not None and not each.removed]
            for each in linked:
                require_own(asked.caller, each.schedule)
            ahead = [e for e in linked if withdrawal(e.window, now) is not Withdrawal.OVER]
            await withdraw(tx, ahead or linked, now)
        self._nudge()

    async def remove_range(self, asked: Asked, period: Window, on_air: OnAir) -> int:
        """Withdraw what starts in a period, and what is on air if it begins by now; gives how many.

        All or none. The past of the period is left out.

        Raises:
            NotFound: there is no such channel.
            Forbidden: something there is no entry, or belongs to somebody else.
        """
        async with self._store.write() as tx:
            now = self._now()
            await channel_of(tx, asked.target)
            if period.stop <= now:
                return 0
            ahead = Window(max(period.start, now), period.stop)
            also_begun = ahead.start == now and on_air is OnAir.CUT
            affected = [
                each
                for each in await timeline(tx, asked.target, ahead)
                if also_begun or ahead.holds(each.window.start)
            ]
            for each in affected:
                if not is_entry(each.schedule):
                    named = named_to(asked.caller, each)
                    raise Forbidden(f"{named} was booked by other means; change it there")
                require_own(asked.caller, each.schedule)
            found = [Found(each.schedule, each.window, removed=False) for each in affected]
            await withdraw(tx, found, now)
        self._nudge()
        return len(affected)

    async def _own(self, reader: ContentReader, asked: Asked, uid: str, now: datetime) -> Found:
        """Give an entry that is there and that may be changed by who asks."""
        found = await entry_named(reader, asked.target, uid, now)
        if found is not None:
            if found.removed or not may_see(asked.caller, found.schedule.metadata):
                raise NotFound("schedule entry", uid)
            require_own(asked.caller, found.schedule)
            return found
        other = await other_named(reader, asked.target, uid, now, self._ahead)
        if other is None or not may_see(asked.caller, other.schedule.metadata):
            raise NotFound("schedule entry", uid)
        raise Forbidden("that was booked by other means; change it there")

    async def _contents(
        self, reader: ContentReader, kind: ContentKind | None, content_id: str | None
    ) -> Mapping[str, Asset]:
        """Make sure that there is what is to be played; gives the asset if it is one."""
        if kind is ContentKind.ASSET and content_id is not None:
            return await assets_of(reader, {content_id})
        if kind is ContentKind.SLICER and content_id not in {None, *self._slicers}:
            raise NotFound("slicer", str(content_id))
        return {}


def _metadata(caller: Caller) -> Metadata:
    return Metadata(origin=ORIGIN, owner=caller.owner, author=caller.owner)


def _content_after(wish: EntryWish, known: Schedule) -> tuple[ContentKind | None, str | None]:
    """Give what will be played once a wish is granted."""
    content = known.content
    if content is None or wish.kind not in {None, content.kind}:
        return wish.kind, wish.content_id
    return content.kind, content.id if wish.content_id is None else wish.content_id


def _why_skipped(skipped: timedelta, trimmed: timedelta) -> tuple[timedelta, timedelta]:
    """Say of what an item of a sequence loses at its beginning how much a trim takes, and delay."""
    nothing = timedelta(0)
    return (skipped, nothing) if trimmed else (nothing, skipped)


async def _playlist(reader: ContentReader, caller: Caller, playlist_id: str) -> Playlist:
    found = await reader.playlist(playlist_id)
    if found is None or not may_see(caller, Metadata(owner=found.owner)):
        raise NotFound("playlist", playlist_id)
    if not found.items:
        raise InvalidBooking(Problem("playlist_id", playlist_id, "that playlist is empty"))
    return found
