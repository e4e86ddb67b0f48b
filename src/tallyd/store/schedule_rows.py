"""Schedules as rows of the database, and rows as schedules. Nothing is asked or changed here."""

import json
import sqlite3
from datetime import date, datetime, timedelta
from typing import Any

from tallyd.domain.model import (
    Content,
    ContentKind,
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.window import MILLISECOND, Window, from_ms, to_ms
from tallyd.store.session import Parameters


def optional_ms(instant: datetime | None) -> int | None:
    """Give the epoch milliseconds of an instant that may be missing."""
    return None if instant is None else to_ms(instant)


def optional_instant(epoch_ms: int | None) -> datetime | None:
    """Give the instant of epoch milliseconds that may be missing."""
    return None if epoch_ms is None else from_ms(epoch_ms)


def schedule_from(row: sqlite3.Row) -> Schedule:
    """Make a schedule of its row."""
    return Schedule(
        id=row["id"],
        uid=row["uid"],
        target=row["target"],
        name=row["name"],
        start=_start(row),
        duration=timedelta(milliseconds=row["duration_ms"]),
        effective_from=from_ms(row["effective_from_ms"]),
        created=from_ms(row["created_ms"]),
        recurrence=None if row["frequency"] is None else _recurrence(row),
        priority=row["priority"],
        dst_gap=DstGap(row["dst_gap"]),
        dst_overlap=DstOverlap(row["dst_overlap"]),
        ended=optional_instant(row["ended_ms"]),
        content=None if row["content_kind"] is None else _content(row),
        metadata=_metadata(row),
        manual=bool(row["manual"]),
        modified=optional_instant(row["modified_ms"]),
        replaced_by=row["replaced_by"],
    )


def _start(row: sqlite3.Row) -> WallStart | InstantStart:
    if row["start_ms"] is not None:
        return InstantStart(from_ms(row["start_ms"]))
    return WallStart(datetime.fromisoformat(row["start_local"]), row["zone"])


def _recurrence(row: sqlite3.Row) -> Recurrence:
    return Recurrence(
        frequency=Frequency(row["frequency"]),
        every=row["every"],
        weekdays=frozenset(day for day in range(1, 8) if row["weekdays"] >> (day - 1) & 1),
        last_day=bool(row["last_day"]),
        count=row["count"],
        until=None if row["until"] is None else date.fromisoformat(row["until"]),
    )


def _content(row: sqlite3.Row) -> Content:
    return Content(
        kind=ContentKind(row["content_kind"]),
        id=row["content_id"],
        owner=row["content_owner"],
        offset=timedelta(milliseconds=row["content_offset_ms"]),
        ad_breaks_s=_listed(row["ad_breaks_s"]),
        replay=_replay(row),
    )


def _replay(row: sqlite3.Row) -> Window | None:
    if row["replay_start_ms"] is None:
        return None
    return Window(from_ms(row["replay_start_ms"]), from_ms(row["replay_stop_ms"]))


def _metadata(row: sqlite3.Row) -> Metadata:
    return Metadata(
        description=row["description"],
        origin=row["origin"],
        author=row["author"],
        owner=row["owner"],
        external_id=row["external_id"],
        template={} if row["template"] == "{}" else json.loads(row["template"]),
        shared_users=_listed(row["shared_users"]),
        shared_groups=_listed(row["shared_groups"]),
        batch=row["batch"],
        playlist=row["playlist"],
    )


def _listed(text: str) -> tuple[Any, ...]:
    """Read a list; most are empty, and a page of schedules has many."""
    return () if text == "[]" else tuple(json.loads(text))


def schedule_row(schedule: Schedule) -> Parameters:
    """Give a schedule as the parameters of the statements that store it."""
    return {
        "id": schedule.id,
        "uid": schedule.uid,
        "target": schedule.target,
        "name": schedule.name,
        "duration_ms": schedule.duration // MILLISECOND,
        "priority": schedule.priority,
        "dst_gap": schedule.dst_gap,
        "dst_overlap": schedule.dst_overlap,
        "effective_from_ms": to_ms(schedule.effective_from),
        "created_ms": to_ms(schedule.created),
        "ended_ms": optional_ms(schedule.ended),
        "manual": schedule.manual,
        "modified_ms": optional_ms(schedule.modified),
        "replaced_by": schedule.replaced_by,
        **_start_row(schedule.start),
        **_recurrence_row(schedule.recurrence),
        **_content_row(schedule.content),
        **_metadata_row(schedule.metadata),
    }


def _start_row(start: WallStart | InstantStart) -> Parameters:
    if isinstance(start, InstantStart):
        return {"start_ms": to_ms(start.at), "start_local": None, "zone": None}
    return {"start_ms": None, "start_local": start.local.isoformat(), "zone": start.zone}


def _recurrence_row(rule: Recurrence | None) -> Parameters:
    if rule is None:
        return dict.fromkeys(("frequency", "every", "weekdays", "last_day", "count", "until"))
    return {
        "frequency": rule.frequency,
        "every": rule.every,
        "weekdays": sum(1 << (day - 1) for day in rule.weekdays),
        "last_day": rule.last_day,
        "count": rule.count,
        "until": None if rule.until is None else rule.until.isoformat(),
    }


def _content_row(content: Content | None) -> Parameters:
    if content is None:
        return dict.fromkeys(
            (
                "content_kind",
                "content_id",
                "content_owner",
                "content_offset_ms",
                "ad_breaks_s",
                "replay_start_ms",
                "replay_stop_ms",
            )
        )
    return {
        "content_kind": content.kind,
        "content_id": content.id,
        "content_owner": content.owner,
        "content_offset_ms": content.offset // MILLISECOND,
        "ad_breaks_s": json.dumps(content.ad_breaks_s),
        "replay_start_ms": content.replay and to_ms(content.replay.start),
        "replay_stop_ms": content.replay and to_ms(content.replay.stop),
    }


def _metadata_row(metadata: Metadata) -> Parameters:
    return {
        "description": metadata.description,
        "origin": metadata.origin,
        "author": metadata.author,
        "owner": metadata.owner,
        "external_id": metadata.external_id,
        "template": json.dumps(dict(metadata.template), ensure_ascii=False),
        "shared_users": json.dumps(metadata.shared_users),
        "shared_groups": json.dumps(metadata.shared_groups),
        "batch": metadata.batch,
        "playlist": metadata.playlist,
    }
