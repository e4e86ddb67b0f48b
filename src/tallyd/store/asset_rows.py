"""Between assets and the rows of their table; no statement is run here."""

import json
import sqlite3
from datetime import timedelta

from tallyd.domain.contents import Asset
from tallyd.domain.window import MILLISECOND, from_ms, to_ms
from tallyd.store.schedule_rows import optional_instant, optional_ms
from tallyd.store.session import Parameters


def asset_from(row: sqlite3.Row) -> Asset:
    """Make an asset of its row."""
    return Asset(
        id=row["id"],
        name=row["name"],
        path=row["path"],
        duration=timedelta(milliseconds=row["duration_ms"]),
        breaks=tuple(timedelta(milliseconds=each) for each in json.loads(row["breaks_ms"])),
        streams=tuple(json.loads(row["streams"])),
        created=from_ms(row["created_ms"]),
        removed=optional_instant(row["removed_ms"]),
        ad=bool(row["ad"]),
    )


def asset_row(asset: Asset) -> Parameters:
    """Give the row of an asset."""
    return {
        "id": asset.id,
        "name": asset.name,
        "path": asset.path,
        "duration_ms": asset.duration // MILLISECOND,
        "breaks_ms": json.dumps([each // MILLISECOND for each in asset.breaks]),
        "streams": json.dumps(asset.streams, ensure_ascii=False),
        "created_ms": to_ms(asset.created),
        "removed_ms": optional_ms(asset.removed),
        "ad": asset.ad,
    }
