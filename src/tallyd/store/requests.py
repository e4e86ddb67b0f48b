"""Requests in the database that were carried out already: what each has booked."""

# ruff: noqa: D102 - the port says what each method gives

from datetime import datetime, timedelta
from typing import Final

from tallyd.domain.model import RequestKey, Schedule
from tallyd.domain.window import to_ms
from tallyd.store.schedule_rows import schedule_from
from tallyd.store.session import Session

_KEPT: Final = timedelta(days=7)


class RequestsWriter:
    """Looks requests up and notes them, beside whatever else the transaction does."""

    _session: Session

    async def booked_by(self, key: RequestKey) -> tuple[Schedule, str] | None:
        return await self._session.first(
            "get_request",
            lambda row: (schedule_from(row), str(row["fingerprint"])),
            caller=key.caller,
            key=key.key,
        )

    async def note_request(self, key: RequestKey, schedule_id: int, at: datetime) -> None:
        await self._session.integers("delete_old_requests", before_ms=to_ms(at - _KEPT))
        await self._session.integers(
            "insert_request",
            caller=key.caller,
            key=key.key,
            fingerprint=key.fingerprint,
            schedule_id=schedule_id,
            created_ms=to_ms(at),
        )
