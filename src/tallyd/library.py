"""The library: files that channels play, and playlists of them. Not what is on air when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from tallyd.domain.accounts import Caller, may_change, may_see
from tallyd.domain.contents import (
    MAX_PLAYLIST_ASSETS,
    MAX_PLAYLIST_ITEMS,
    Asset,
    Playlist,
    PlaylistItem,
    require_breaks,
)
from tallyd.domain.errors import Forbidden, InvalidBooking, NotFound, Problem, Refused
from tallyd.domain.model import MAX_NAME, Metadata
from tallyd.domain.window import floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.contents import ContentReader, ContentStore

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found in a file: its absolute path, its length, what its streams are."""

    path: str
    duration: timedelta
    streams: tuple[str, ...]


class Library:
    """Every asset and every playlist of one installation."""

    def __init__(self, store: ContentStore, clock: Clock, nudge: Callable[[], object]) -> None:
        self._store = store
        self._clock = clock
        self._nudge = nudge

    async def add(self, probed: Probed, name: str, breaks: Sequence[timedelta]) -> Asset:
        """Take a file into the library; it stays where it is.

        Raises:
            InvalidBooking: the name or the ad breaks cannot be used.
        """
        return await self._add(self._asset(probed, name, breaks))

    async def add_ad(self, probed: Probed, name: str, breaks: Sequence[timedelta]) -> Asset:
        """Take an advertisement into the library, which fills the breaks of others from now on.

        Raises:
            InvalidBooking: the name or the ad breaks cannot be used.
        """
        return await self._add(replace(self._asset(probed, name, breaks), ad=True))

    def _asset(self, probed: Probed, name: str, breaks: Sequence[timedelta]) -> Asset:
        if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
            fix = f"give a name of at most {MAX_NAME} printable characters"
            raise InvalidBooking(Problem("name", name[:MAX_NAME], fix))
        require_breaks(breaks, probed.duration)
        return Asset(
            id=uuid4().hex,
            name=name,
            path=probed.path,
            duration=probed.duration,
            breaks=tuple(breaks),
            streams=probed.streams,
            created=self._now(),
        )

    async def _add(self, asset: Asset) -> Asset:
        async with self._store.write() as tx:
            await tx.put_asset(asset)
        self._nudge()
        return asset

    async def assets(self) -> tuple[Asset, ...]:
        """Give every asset, in order of name."""
        async with self._store.read() as reader:
            return await reader.assets()

    async def remove(self, asset_id: str) -> Asset:
        """Take an asset out of the library; its file is left alone.

        Raises:
            NotFound: there is none of that id.
            Refused: something that is not over plays it, or a playlist names it.
        """
        async with self._store.write() as tx:
            now = self._now()
            asset = await _asset(tx, asset_id)
            uses = [
                f'"{each.name}" (schedule {each.id})' for each in await tx.uses_of(asset.id, now)
            ]
            uses += [
                f"playlist {each.id}"
                for each in await tx.playlists()
                if any(item.asset == asset.id for item in each.items)
            ]
            if uses:
                more = ", ..." if uses[_NAMED_AT_MOST:] else ""
                raise Refused(f"{asset.name} is used by {', '.join(uses[:_NAMED_AT_MOST])}{more}")
            removed = replace(asset, removed=now)
            await tx.put_asset(removed)
        self._nudge()
        return removed

    async def playlists(self, caller: Caller) -> tuple[Playlist, ...]:
        """Give the playlists that somebody may see, in the order in which they were made."""
        async with self._store.read() as reader:
            found = await reader.playlists()
        return tuple(each for each in found if _is_seen(caller, each))

    async def playlist(self, caller: Caller, playlist_id: str) -> Playlist:
        """Give one playlist.

        Raises:
            NotFound: there is none of that id for whoever asks.
        """
        async with self._store.read() as reader:
            return await _playlist(reader, caller, playlist_id)

    async def add_playlist(self, caller: Caller, make: Callable[[Playlist], Playlist]) -> Playlist:
        """Keep the playlist that `make` makes of an empty one.

        Raises:
            InvalidBooking: it is too long.
            NotFound: an asset of it is not in the library.
        """
        async with self._store.write() as tx:
            now = self._now()
            playlist = make(Playlist(uuid4().hex, caller.owner, (), now, now))
            await _check(tx, playlist)
            await tx.put_playlist(playlist)
        return playlist

    async def playlist_of(self, asset_id: str, make: Callable[[Playlist], Playlist]) -> Playlist:
        """Keep a playlist of one asset, by the asset's own id; it belongs to the house.

        Raises:
            NotFound: there is no asset of that id.
        """
        async with self._store.write() as tx:
            now = self._now()
            await _asset(tx, asset_id)
            known = await tx.playlist(asset_id) or Playlist(asset_id, None, (), now, now)
            playlist = replace(make(known), items=(PlaylistItem(asset=asset_id),), modified=now)
            await tx.put_playlist(playlist)
        return playlist

    async def change_playlist(
        self, caller: Caller, playlist_id: str, make: Callable[[Playlist], Playlist]
    ) -> Playlist:
        """Make a playlist what `make` makes of it; what was booked from it stays.

        Raises:
            NotFound: there is none of that id, or an asset of it is not in the library.
            Forbidden: it belongs to somebody else.
            InvalidBooking: it would be too long.
        """
        async with self._store.write() as tx:
            known = await _playlist(tx, caller, playlist_id)
            _require_own(caller, known)
            playlist = replace(make(known), modified=self._now())
            await _check(tx, playlist)
            await tx.put_playlist(playlist)
        return playlist

    async def remove_playlist(self, caller: Caller, playlist_id: str) -> None:
        """Forget a playlist; what was booked from it stays.

        Raises:
            NotFound, Forbidden: as for `change_playlist`.
        """
        async with self._store.write() as tx:
            _require_own(caller, await _playlist(tx, caller, playlist_id))
            await tx.drop_playlist(playlist_id)

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())


async def _asset(reader: ContentReader, asset_id: str) -> Asset:
    found = await reader.assets_of({asset_id})
    if not found or found[0].removed is not None:
        raise NotFound("asset", asset_id)
    return found[0]


async def _playlist(reader: ContentReader, caller: Caller, playlist_id: str) -> Playlist:
    found = await reader.playlist(playlist_id)
    if found is None or not _is_seen(caller, found):
        raise NotFound("playlist", playlist_id)
    return found


def _is_seen(caller: Caller, playlist: Playlist) -> bool:
    return may_see(caller, Metadata(owner=playlist.owner))


def _require_own(caller: Caller, playlist: Playlist) -> None:
    if not may_change(caller, Metadata(owner=playlist.owner)):
        raise Forbidden("a playlist of another account is not yours to change")


async def _check(reader: ContentReader, playlist: Playlist) -> None:
    wanted = [item.asset for item in playlist.items if item.asset is not None]
    if len(wanted) > MAX_PLAYLIST_ASSETS:
        fix = f"a playlist has at most {MAX_PLAYLIST_ASSETS} assets"
        raise InvalidBooking(Problem("playlist", str(len(wanted)), fix))
    if len(playlist.items) > MAX_PLAYLIST_ITEMS:
        fix = f"a playlist has at most {MAX_PLAYLIST_ITEMS} items"
        raise InvalidBooking(Problem("playlist", str(len(playlist.items)), fix))
    there = {each.id for each in await reader.assets_of(set(wanted)) if each.removed is None}
    for missing in sorted(set(wanted) - there):
        raise NotFound("asset", missing)
