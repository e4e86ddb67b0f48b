"""The volatile picture of the engine, published for `status` and monitoring; never read back."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta

import anyio

from tallyd.domain.model import Run
from tallyd.engine.agenda import Agenda, key_of
from tallyd.engine.executor import Session
from tallyd.engine.gap import Gap
from tallyd.ports.clock import Clock

AT_MOST_EVERY_S = 0.25
HEARTBEAT_S = 5.0
SILENT_AFTER = timedelta(seconds=3)
"""A session that shows no new data for so long is not said to be recording."""

Snapshot = Mapping[str, object]
Publish = Callable[[Snapshot], Awaitable[None]]


class Presence:
    """Publishes the picture when it changed, at most four times a second, and as a heartbeat."""

    def __init__(
        self, clock: Clock, look: Callable[[], Snapshot], publish: Publish, gap: Gap
    ) -> None:
        self._clock = clock
        self._gap = gap
        self._look = look
        self._publish = publish
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Publish soon."""
        self._changed.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._changed = anyio.Event()
            await self._gap.wait()
            await self._publish(self._look())
            with anyio.move_on_after(HEARTBEAT_S):
                await self._changed.wait()
            # Not at once: what changed may be the first of a herd, and the picture is large.
            await self._clock.sleep(AT_MOST_EVERY_S)


def picture_of(
    target: str, sessions: Collection[Session], agenda: Agenda, now: datetime
) -> dict[str, object]:
    """Give what a target is doing, for people."""
    # While one session closes and the next has opened, the next is what people ask for.
    session = min(sessions, key=lambda each: each.ending, default=None)
    if session is not None:
        return _session_picture(session, agenda.run(target, session.key), now)
    for run in agenda.runs(target):
        if run.planned.holds(now) and run.confirmed and agenda.is_paused(key_of(run)):
            return {
                "status": "paused",
                **_names(run),
                "since": run.parts[-1].stopped_at,
                "planned_stop": run.planned.stop,
            }
    return {"status": "idle"}


def _session_picture(session: Session, run: Run | None, now: datetime) -> dict[str, object]:
    """Give what a session is doing; nothing is said of it that its data do not show."""
    part = session.part
    return {
        "status": _status(session, now),
        **_names(run),
        "since": part.first_data_at or part.commanded_at,
        "planned_stop": part.piece.stop,
        "bytes": part.bytes,
    }


def _names(run: Run | None) -> dict[str, object]:
    return {
        "run_id": run.id if run else None,
        "schedule_id": run.shown_schedule if run else None,
        "name": run.name if run else None,
    }


def is_recording(session: Session, now: datetime) -> bool:
    """Tell whether the data of a session shows that it records."""
    return _status(session, now) == "recording"


def _status(session: Session, now: datetime) -> str:
    part = session.part
    if part.first_data_at is None:
        return "starting"
    if session.ending:
        return "stopping"
    silent = now - (part.last_data_at or part.first_data_at) > SILENT_AFTER
    return "silent" if silent else "recording"
