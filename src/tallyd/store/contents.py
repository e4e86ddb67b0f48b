"""Entries of channels, assets and playlists in the database."""

# ruff: noqa: D102 - the port says what each method gives

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from tallyd.domain.contents import Asset, Playlist, PlaylistItem
from tallyd.domain.model import MAX_DURATION, Override, Run, Schedule
from tallyd.domain.planner import Wishes
from tallyd.domain.window import MILLISECOND, Window, from_ms, to_ms
from tallyd.store.asset_rows import asset_from, asset_row
from tallyd.store.runs import LedgerReader, LedgerWriter
from tallyd.store.schedule_rows import schedule_from
from tallyd.store.session import Parameters

_NO_LIMIT: Final = -1
_ASTRAY: Final = timedelta(days=2)
"""By so much, at most, a wall time differs from the same time in UTC."""


class ContentsReader(LedgerReader):
    """Reads channels and the library; see the port for what each method gives."""

    async def one_shots_within(
        self, target: str, period: Window, *, limit: int, removed: bool
    ) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_entries_within",
            schedule_from,
            target=target,
            start_ms=to_ms(period.start),
            stop_ms=to_ms(period.stop),
            limit=limit,
            ended=removed,
        )

    async def wall_times_within(self, target: str, period: Window) -> tuple[Schedule, ...]:
        earliest = period.start - MAX_DURATION - _ASTRAY
        return await self._session.rows(
            "list_wall_times_within",
            schedule_from,
            target=target,
            from_local=_local(earliest),
            to_local=_local(period.stop + _ASTRAY),
            since_ms=to_ms(earliest),
        )

    async def wishes_within(self, target: str, period: Window) -> Wishes | None:
        found = await self.target(target)
        if found is None:
            return None
        schedules = [
            *await self.one_shots_within(target, period, limit=_NO_LIMIT, removed=False),
            *await self.wall_times_within(target, period),
        ]
        overrides = await self.overrides({schedule.id for schedule in schedules})
        return Wishes(
            target=found,
            schedules=tuple(sorted(schedules, key=attrgetter("id"))),
            overrides=_by_schedule(overrides),
            exception_days=await self.exception_days(),
            runs=await self._runs_within(target, period),
        )

    async def _runs_within(self, target: str, period: Window) -> tuple[Run, ...]:
        return await self.runs(start=period.start, stop=period.stop, target=target)

    async def one_shots_changed(
        self, target: str, after: datetime, limit: int
    ) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_entries_changed",
            schedule_from,
            target=target,
            after_ms=to_ms(after),
            limit=limit,
        )

    async def entry(self, target: str, uid: str) -> Schedule | None:
        return await self._session.first("get_entry", schedule_from, target=target, uid=uid)

    async def entries_called(self, target: str, external_id: str) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_entries_of_external_id", schedule_from, target=target, external_id=external_id
        )

    async def batch(self, batch: str) -> tuple[Schedule, ...]:
        return await self._session.rows("list_batch", schedule_from, batch=batch)

    async def assets_of(self, ids: Collection[str]) -> tuple[Asset, ...]:
        return await self._session.rows("list_assets_of_ids", asset_from, ids=json.dumps([*ids]))

    async def uses_of(self, asset: str, now: datetime) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_uses_of_asset", schedule_from, asset=asset, now_ms=to_ms(now)
        )

    async def playlists(self) -> tuple[Playlist, ...]:
        return await self._session.rows("list_playlists", _playlist)

    async def playlist(self, playlist_id: str) -> Playlist | None:
        return await self._session.first("get_playlist", _playlist, id=playlist_id)


class ContentsWriter(ContentsReader, LedgerWriter):
    """Changes channels and the library, beside whatever else the transaction does."""

    async def end_schedules(
        self, ids: Collection[int], now: datetime, replaced_by: int | None
    ) -> None:
        if ids:
            await self._stamp(
                "end_schedules",
                ids=json.dumps([*ids]),
                now_ms=to_ms(now),
                replaced_by=replaced_by,
            )

    async def put_asset(self, asset: Asset) -> None:
        await self._session.integers("put_asset", **asset_row(asset))
        await self._stamp("stamp_assets")

    async def put_playlist(self, playlist: Playlist) -> None:
        await self._session.integers("put_playlist", **_playlist_row(playlist))

    async def drop_playlist(self, playlist_id: str) -> None:
        await self._session.integers("delete_playlist", id=playlist_id)


def _local(instant: datetime) -> str:
    return instant.replace(tzinfo=None).isoformat()


def _by_schedule(overrides: Iterable[Override]) -> dict[int, tuple[Override, ...]]:
    return {id_: tuple(own) for id_, own in groupby(overrides, attrgetter("schedule_id"))}


def _playlist(row: sqlite3.Row) -> Playlist:
    return Playlist(
        id=row["id"],
        owner=row["owner"],
        items=tuple(map(_item, json.loads(row["items"]))),
        created=from_ms(row["created_ms"]),
        modified=from_ms(row["modified_ms"]),
        desc=row["description"],
        active=bool(row["active"]),
        repeat=row["repeats"],
        break_s=row["break_s"],
        ad_slate_fill=bool(row["ad_slate_fill"]),
        skip_drm=bool(row["skip_drm"]),
        studio_drm_required=bool(row["studio_drm_required"]),
    )


def _item(stored: dict[str, object]) -> PlaylistItem:
    if "asset" in stored:
        return PlaylistItem(asset=str(stored["asset"]))
    return PlaylistItem(ad=timedelta(milliseconds=int(str(stored["ad_ms"]))))


def _item_row(item: PlaylistItem) -> dict[str, object]:
    if item.ad is None:
        return {"asset": item.asset}
    return {"ad_ms": item.ad // MILLISECOND}


def _playlist_row(playlist: Playlist) -> Parameters:
    return {
        "id": playlist.id,
        "owner": playlist.owner,
        "description": playlist.desc,
        "active": playlist.active,
        "repeats": playlist.repeat,
        "break_s": playlist.break_s,
        "ad_slate_fill": playlist.ad_slate_fill,
        "skip_drm": playlist.skip_drm,
        "studio_drm_required": playlist.studio_drm_required,
        "items": json.dumps([_item_row(item) for item in playlist.items]),
        "created_ms": to_ms(playlist.created),
        "modified_ms": to_ms(playlist.modified),
    }
