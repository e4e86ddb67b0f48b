"""Schedules as lists read them: so many at a time, or those of some ids. Changes nothing."""

# ruff: noqa: D102 - the port says what each method gives

import json
from collections.abc import Collection

from tallyd.domain.model import Schedule
from tallyd.store.schedule_rows import schedule_from
from tallyd.store.session import Session


class ListReader:
    """Reads schedules for lists; see the port for what each method gives."""

    _session: Session

    async def standing_schedules(
        self, target: str, *, after: int, limit: int
    ) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_standing_schedules", schedule_from, target=target, after=after, limit=limit
        )

    async def schedules_of(self, schedule_ids: Collection[int]) -> tuple[Schedule, ...]:
        return await self._session.rows(
            "list_schedules_of_ids", schedule_from, schedule_ids=json.dumps([*schedule_ids])
        )
