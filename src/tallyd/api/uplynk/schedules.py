"""The endpoints of a channel's schedule: lists, one entry, changes. Not how they are reached."""

from collections.abc import Iterable, Mapping

from tallyd.api.uplynk import views
from tallyd.api.uplynk.desk import Channel, Desk, Signer, asked
from tallyd.api.uplynk.pages import Item, Page, Pages
from tallyd.api.uplynk.requests import (
    changed_after,
    entry_wish,
    listed_period,
    removed_period,
    resolution,
)
from tallyd.api.uplynk.slicers import Slicers
from tallyd.api.uplynk.values import Object, instant, is_set, refuse, text
from tallyd.bookings.entries import OnAir
from tallyd.bookings.timeline import Found, entry_called, entry_named, other_named
from tallyd.domain.accounts import may_see
from tallyd.domain.entries import is_entry, is_removed, window_of
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Schedule
from tallyd.domain.window import Window, subtract
from tallyd.ports.contents import ContentReader

_CHANGES_AT_MOST = 10_000
Json = views.Json
Query = Mapping[str, str]


class ScheduleDesk:
    """Answers what is asked of a channel's schedule."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._entries = desk.services.entries
        self._contents = desk.services.contents
        self._pages = Pages()
        self._slicers = Slicers(desk.services)

    async def listed(self, signer: Signer, channel: Channel, path: str, query: Query) -> Json:
        """List entries of a period, or, where `after` is said, those that changed.

        Raises:
            InvalidBooking: something of the query makes no sense.
        """
        if "after" in query:
            return await self._changed(signer, channel, path, query)
        now = self._desk.now
        period = listed_period(query, now)
        with_removed = is_set(query, "include_deleted")
        key = channel.target.key
        async with self._contents.read() as reader:
            found = await self._pages.page(reader, key, period, now, removed=with_removed)
            names = await _replacements(reader, (each.stretch.schedule for each in found.items))
        items = [_shown(each, signer, channel, names) for each in found.items]
        if is_set(query, "include_empty"):
            items = _with_gaps(items, found, channel)
        answer = views.time_series(path, found.period, items)
        if is_set(query, "slicer_assets"):
            played = await self._slicers.played(channel, found.period, signer, now)
            answer["@included"] = [views.slicer_asset(each, channel.words) for each in played]
            answer["@links"] = {"assets": {"href": path}}
        return answer

    async def _changed(self, signer: Signer, channel: Channel, path: str, query: Query) -> Json:
        after = changed_after(query, self._desk.now)
        with_removed = is_set(query, "include_deleted")
        async with self._contents.read() as reader:
            rows = [
                row
                for row in await reader.one_shots_changed(
                    channel.target.key, after, _CHANGES_AT_MOST
                )
                if is_entry(row)
                and may_see(signer.caller, row.metadata)
                and (with_removed or not is_removed(row))
            ]
            windows = await _windows(reader, rows)
            names = await _replacements(reader, rows)
        shown = [_entry(row, windows[row.id], channel, names) for row in rows]
        return views.collection(path, shown)

    async def one(self, signer: Signer, channel: Channel, wanted: str, query: Query) -> Json:
        """Show one entry, by its id or by that which a client gave it.

        Raises:
            NotFound: there is none; or it was deleted, and that was not asked for.
        """
        now, key = self._desk.now, channel.target.key
        with_removed = is_set(query, "include_deleted")
        async with self._contents.read() as reader:
            named = await entry_named(reader, key, wanted, now)
            candidates = (named,) if named else await entry_called(reader, key, wanted, now)
            for found in candidates:
                if (with_removed or not found.removed) and _is_seen(signer, found):
                    names = await _replacements(reader, [found.schedule])
                    return _entry(found.schedule, found.window, channel, names)
            ahead = self._desk.services.settings.appliance.horizon
            other = await other_named(reader, key, wanted, now, ahead)
        if other is None or named or not may_see(signer.caller, other.schedule.metadata):
            raise NotFound("schedule entry", wanted)
        return views.other(other.schedule, other.window, channel.words, other.id)

    async def add(self, signer: Signer, channel: Channel, body: Object) -> Json:
        """Book an entry; raises what `EntryBookings.add` does."""
        how, wish = resolution(body), entry_wish(body)
        booked = await self._entries.add(asked(signer, channel, how), wish)
        return views.entry(booked, window_of(booked), channel.words)

    async def change(self, signer: Signer, channel: Channel, wanted: str, body: Object) -> Json:
        """Change an entry; raises what `EntryBookings.change` does."""
        how, wish = resolution(body), entry_wish(body)
        changed = await self._entries.change(asked(signer, channel, how), wanted, wish)
        return views.entry(changed, window_of(changed), channel.words)

    async def add_playlist(self, signer: Signer, channel: Channel, path: str, body: Object) -> Json:
        """Book the items of a playlist; raises what `EntryBookings.add_playlist` does."""
        how, playlist_id = resolution(body), text(body, "playlist_id")
        start = instant(body, "start")
        if playlist_id is None:
            refuse("playlist_id", "", "it is required")
        booked = await self._entries.add_playlist(asked(signer, channel, how), playlist_id, start)
        shown = [views.entry(each, window_of(each), channel.words) for each in booked]
        return views.collection(path, shown)

    async def remove(
        self, signer: Signer, channel: Channel, wanted: str, path: str, query: Query
    ) -> Json:
        """Delete an entry, or all that came with it; raises what `EntryBookings.remove` does."""
        if is_set(query, "include_linked"):
            await self._entries.remove_linked(asked(signer, channel), wanted)
        else:
            await self._entries.remove(asked(signer, channel), wanted)
        return views.deleted(path, "Deleted")

    async def remove_range(self, signer: Signer, channel: Channel, path: str, query: Query) -> Json:
        """Delete what is in a period; raises what `EntryBookings.remove_range` does."""
        period = removed_period(query, self._desk.now)
        on_air = OnAir.KEPT if is_set(query, "keep_live") else OnAir.CUT
        count = await self._entries.remove_range(asked(signer, channel), period, on_air)
        return views.deleted(path, f"Deleted entries: {count}")


def _is_seen(signer: Signer, found: Found) -> bool:
    return may_see(signer.caller, found.schedule.metadata)


def _shown(item: Item, signer: Signer, channel: Channel, names: Mapping[int, str]) -> Json:
    schedule = item.stretch.schedule
    if not may_see(signer.caller, schedule.metadata):
        return views.busy(item.window, channel.words)
    if not is_entry(schedule):
        return views.other(schedule, item.window, channel.words, item.stretch.id)
    return _entry(schedule, item.window, channel, names)


def _entry(schedule: Schedule, window: Window, channel: Channel, names: Mapping[int, str]) -> Json:
    replaced_by = names.get(schedule.replaced_by or 0)
    if is_removed(schedule):
        return views.removed_entry(schedule, window, channel.words, replaced_by)
    return views.entry(schedule, window, channel.words, replaced_by)


def _with_gaps(items: Iterable[Json], found: Page, channel: Channel) -> list[Json]:
    taken = [each.window for each in found.items if not each.removed]
    gaps = [views.placeholder(gap, channel.words) for gap in subtract(found.period, taken)]
    # Instants are written so that they sort as text.
    return sorted([*items, *gaps], key=lambda each: str(each["start"]))


async def _replacements(reader: ContentReader, schedules: Iterable[Schedule]) -> Mapping[int, str]:
    """Give the ids by which clients know what took the place of schedules."""
    wanted = {each.replaced_by for each in schedules if each.replaced_by is not None}
    if not wanted:
        return {}
    return {each.id: each.uid for each in await reader.schedules_of(wanted)}


async def _windows(reader: ContentReader, schedules: Iterable[Schedule]) -> Mapping[int, Window]:
    known = {each.id: each for each in schedules}
    overrides = await reader.overrides(known.keys())
    own = {o.schedule_id: o for o in overrides if o.stop is not None}
    return {id_: window_of(each, [own[id_]] if id_ in own else ()) for id_, each in known.items()}
