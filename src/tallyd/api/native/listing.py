"""Every schedule with its chances, as it is shown: worked out once for all who ask."""

from dataclasses import dataclass
from typing import cast

import anyio

from tallyd.api.services import Services
from tallyd.domain.model import Schedule
from tallyd.notation.plain import plain
from tallyd.notation.shapes import Shape, prospect_shape

FRESH_S = 5.0
"""So long chances are good enough while nothing is written: time alone changes them too."""


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule, and how it is shown to somebody who may know of everything."""

    schedule: Schedule
    shape: Shape


class Listing:
    """The rows as they were when the database was written last, a few seconds ago at most."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = anyio.Lock()
        self._version: int | None = None
        self._made_s = 0.0
        self._rows: tuple[Row, ...] = ()

    async def rows(self) -> tuple[Row, ...]:
        """Give every schedule that is not removed, in order of id."""
        async with self._turn:
            version = await self._services.store.data_version()
            now_s = self._services.clock.monotonic()
            if version != self._version or now_s - self._made_s >= FRESH_S:
                found = await self._services.reports.prospects()
                self._rows = tuple(
                    Row(each.schedule, cast("Shape", plain(prospect_shape(each)))) for each in found
                )
                self._version, self._made_s = version, now_s
            return self._rows
