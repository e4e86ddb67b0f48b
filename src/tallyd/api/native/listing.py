"""Every schedule with its chances, as it is shown: worked out once for all who ask.

A list is asked for far oftener than anything changes, and to plan the days ahead costs the most.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import cast

import anyio

from tallyd.api.changes import Seen, look
from tallyd.api.native.strangers import without_strangers
from tallyd.api.services import Services
from tallyd.domain.accounts import Caller, Role, may_see
from tallyd.domain.model import Schedule
from tallyd.domain.window import floor_ms
from tallyd.notation.plain import plain
from tallyd.notation.shapes import Shape, prospect_shape
from tallyd.reports import Prospect

PLANNED_AGAIN_AFTER = timedelta(minutes=10)
"""So much later a plan no longer reaches far enough ahead."""

_LISTS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule, how it is shown to whoever may know of everything, and that as it is sent."""

    schedule: Schedule
    shape: Shape
    written: bytes


@dataclass(frozen=True, slots=True)
class _Planned:
    """The rows of a target, and from when until when they are true if nothing is changed."""

    rows: tuple[Row, ...]
    since: datetime
    until: datetime

    def holds(self, now: datetime) -> bool:
        return self.since <= now < self.until


class Listing:
    """The rows of all schedules, kept for as long as they are true."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = anyio.Lock()
        self._version: int | None = None
        self._seen = Seen()
        self._there: dict[str, _Planned] = {}
        self._rows: tuple[Row, ...] = ()
        self._kept: dict[tuple[Caller, str | None], tuple[tuple[Row, ...], bytes]] = {}

    async def written(self, caller: Caller, target: str | None) -> bytes:
        """Give the list that a caller may see, of one target or of all, as it is sent."""
        rows = await self._look()
        before = self._kept.get((caller, target))
        if before is not None and before[0] is rows:
            return before[1]
        body = _list(rows, caller, target)
        if len(self._kept) >= _LISTS_KEPT:
            self._kept.clear()
        self._kept[caller, target] = rows, body
        return body

    async def _look(self) -> tuple[Row, ...]:
        """Give every row in order of id; the very same tuple for as long as nothing changes."""
        async with self._turn:
            version = await self._services.store.data_version()
            now = floor_ms(self._services.clock.now())
            stale = {key for key, each in self._there.items() if not each.holds(now)}
            seen = self._seen
            if version != self._version:
                async with self._services.store.read() as reader:
                    found = await look(reader, seen, now)
                seen = found.seen
                if found.targets is None:
                    self._there = {}
                    stale = await self._every_target()
                else:
                    stale |= found.targets
            for key in stale:
                self._there[key] = await self._planned(key, now)
            if stale:
                every = (row for each in self._there.values() for row in each.rows)
                self._rows = tuple(sorted(every, key=attrgetter("schedule.id")))
            self._version, self._seen = version, seen
            return self._rows

    async def _every_target(self) -> set[str]:
        return {target.key for target in await self._services.reports.targets()}

    async def _planned(self, key: str, now: datetime) -> _Planned:
        found = await self._services.reports.prospects_of(key)
        edges = (edge for each in found for edge in _edges(each))
        until = min(edges, default=now + PLANNED_AGAIN_AFTER)
        return _Planned(tuple(map(_row, found)), now, min(until, now + PLANNED_AGAIN_AFTER))


def _edges(prospect: Prospect) -> Iterable[datetime]:
    """Give when, if nothing else happens, something else is to be shown of a schedule."""
    if prospect.next:
        yield prospect.next[0].window.start
    if prospect.trouble is not None:
        yield prospect.trouble.occurrence.window.stop


def _row(prospect: Prospect) -> Row:
    shape = cast("Shape", plain(prospect_shape(prospect)))
    return Row(prospect.schedule, shape, _json(shape))


def _list(rows: Iterable[Row], caller: Caller, target: str | None) -> bytes:
    """Write the rows that a caller may know of; only what hides something is written anew."""
    known = [row for row in rows if may_see(caller, row.schedule.metadata)]
    visible = None if caller.role is Role.ADMIN else frozenset(row.schedule.id for row in known)
    return b"[%s]" % b",".join(
        _written(row, visible) for row in known if target in {None, row.schedule.target}
    )


def _written(row: Row, visible: frozenset[int] | None) -> bytes:
    shown = without_strangers(row.shape, visible)
    return row.written if shown is row.shape else _json(shown)


def _json(shape: Shape) -> bytes:
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode()
