"""The port of what channels play: entries of a channel, assets, playlists. Not how it is kept."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tallyd.domain.contents import Asset, Playlist
from tallyd.domain.model import Schedule
from tallyd.domain.planner import Wishes
from tallyd.domain.window import Window
from tallyd.ports.store import Reader, Transaction


class ContentReader(Reader, Protocol):
    """A consistent look at a channel and at the library."""

    async def one_shots_within(
        self, target: str, period: Window, *, limit: int, removed: bool
    ) -> tuple[Schedule, ...]:
        """Give the one-shots, booked as instants, of a period, in order of start.

        Of those that start inside it only the first `limit`; the `removed` ones too, if wanted.
        """
        ...

    async def wall_times_within(self, target: str, period: Window) -> tuple[Schedule, ...]:
        """Give every series, and the one-shots booked as wall times around a period, by id."""
        ...

    async def wishes_within(self, target: str, period: Window) -> Wishes | None:
        """Give what decides who holds a target in a period; None where there is no such target.

        However much else is booked on it.
        """
        ...

    async def one_shots_changed(
        self, target: str, after: datetime, limit: int
    ) -> tuple[Schedule, ...]:
        """Give the first one-shots that changed after an instant, in that order."""
        ...

    async def entry(self, target: str, uid: str) -> Schedule | None:
        """Give a schedule of a target by its uid, removed or not."""
        ...

    async def entries_called(self, target: str, external_id: str) -> tuple[Schedule, ...]:
        """Give what a client calls by an id of its own, the last to start first."""
        ...

    async def batch(self, batch: str) -> tuple[Schedule, ...]:
        """Give what was booked in one go, in order of start."""
        ...

    async def assets(self) -> tuple[Asset, ...]:
        """Give the assets that were not removed, in order of name."""
        ...

    async def assets_of(self, ids: Collection[str]) -> tuple[Asset, ...]:
        """Give the assets of some ids, removed or not."""
        ...

    async def uses_of(self, asset: str, now: datetime) -> tuple[Schedule, ...]:
        """Give the schedules that were not removed and that may play an asset after an instant."""
        ...

    async def playlists(self) -> tuple[Playlist, ...]:
        """Give every playlist, in the order in which they were made."""
        ...

    async def playlist(self, playlist_id: str) -> Playlist | None:
        """Give one playlist."""
        ...


class ContentWriter(ContentReader, Transaction, Protocol):
    """Reads and writes that become durable together or not at all."""

    async def end_schedules(
        self, ids: Collection[int], now: datetime, replaced_by: int | None
    ) -> None:
        """Remove schedules, and note which one took their place, if one did."""
        ...

    async def put_asset(self, asset: Asset) -> None:
        """Insert an asset, or replace the one of that id."""
        ...

    async def put_playlist(self, playlist: Playlist) -> None:
        """Insert a playlist, or replace the one of that id; its owner stays."""
        ...

    async def drop_playlist(self, playlist_id: str) -> None:
        """Remove a playlist; what was booked from it stays."""
        ...


class ContentStore(Protocol):
    """The database as whoever books entries, or keeps the library, sees it."""

    def read(self) -> AbstractAsyncContextManager[ContentReader]:
        """Open a consistent look; raises StoreError where the database cannot be read."""
        ...

    def write(self) -> AbstractAsyncContextManager[ContentWriter]:
        """Open a transaction that waits its turn; raises StoreError where it cannot be written."""
        ...
