"""What VALT's clients do with schedules: each request from its parsed body to its answer."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from tallyd.api.valt import answers, views
from tallyd.api.valt.board import Standing, standing_of
from tallyd.api.valt.current import after, records
from tallyd.api.valt.desk import Desk, id_of, metadata_of, require_own
from tallyd.api.valt.requests import (
    Booked,
    Wish,
    edited_draft,
    new_draft,
    parse_wish,
    required,
)
from tallyd.api.valt.values import InvalidField, Object
from tallyd.api.valt.views import Json, Shown
from tallyd.domain.accounts import Caller, may_see
from tallyd.domain.drafts import Draft, draft_of
from tallyd.domain.errors import NotFound, Refused
from tallyd.domain.model import Run, Target
from tallyd.ports.store import Reader

_LISTS_KEPT = 64

ListView = Callable[[Iterable[Shown]], Json]


class ScheduleDesk:
    """Answers the endpoints below `schedule`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._services = desk.services
        self._kept: dict[tuple[Caller, ListView], tuple[tuple[Shown, ...], bytes]] = {}

    async def every(self, caller: Caller) -> bytes:
        """Give the list, as it is sent."""
        return await self._written(caller, views.list_view)

    async def blocked(self, caller: Caller) -> bytes:
        """Give those that another covers wholly."""
        return await self._written(caller, views.blocked_view)

    async def conflicting(self, caller: Caller) -> bytes:
        """Give those that another covers partly."""
        return await self._written(caller, views.conflict_view)

    async def _written(self, caller: Caller, view: ListView) -> bytes:
        """Write a list once for as long as nothing is different: it is asked for over and over."""
        shown = await self._desk.schedules(caller)
        before = self._kept.get((caller, view))
        if before is not None and before[0] is shown:
            return before[1]
        body = json.dumps(view(shown), ensure_ascii=False, separators=(",", ":")).encode()
        if len(self._kept) >= _LISTS_KEPT:
            self._kept.clear()
        self._kept[caller, view] = shown, body
        return body

    async def details(self, caller: Caller, schedule_id: str) -> Json:
        """Give one."""
        return await self._view(await self._desk.schedule(caller, schedule_id))

    async def create(self, caller: Caller, body: Object) -> list[int]:
        """Book one; gives its id in a list, which is what clients look for first."""
        wish = parse_wish(body)
        required("name", wish.labels.name)
        room = await self._room(required("room", wish.room))
        draft = new_draft(wish, room.key, self._services.zone, self._desk.now)
        metadata = await self._desk.metadata(wish.labels, metadata_of(caller))
        booked = replace(draft, metadata=metadata)
        change = await self._services.bookings.add(lambda _now: booked)
        return [change.after.id]

    async def edit(self, caller: Caller, schedule_id: str, body: Object) -> Json:
        """Change what is sent of one; what is not sent stays."""
        wish = parse_wish(body)
        found = await self._desk.own_schedule(caller, schedule_id)
        room = None if wish.room is None else await self._room(wish.room)
        change = await self._change(wish, found, room)
        await self._services.bookings.edit(found.schedule.id, change)
        return await self._view(await self._again(found))

    async def _change(
        self, wish: Wish, found: Standing, room: Target | None
    ) -> Callable[[Draft], Draft]:
        key = None if room is None else room.key
        zone, now = self._services.zone, self._desk.now
        start = found.occurrence.window.start
        metadata = await self._desk.metadata(wish.labels, found.schedule.metadata)

        def change(known: Draft) -> Draft:
            edited = edited_draft(wish, Booked(known, start), key, zone, now)
            return replace(edited, metadata=metadata)

        change(draft_of(found.schedule))  # what makes no sense is refused before anybody waits
        return change

    async def delete(self, caller: Caller, schedule_id: str) -> Json:
        """Remove what lies ahead of one; what records goes on."""
        found = await self._desk.own_schedule(caller, schedule_id)
        await self._services.bookings.remove(found.schedule.id)
        return {}

    async def delete_next(self, caller: Caller, schedule_id: str) -> Json:
        """Leave out the next occurrence, the one after it where that records; the last ends all."""
        shown = await self._desk.own_schedule(caller, schedule_id)

        async def pick(reader: Reader, now: datetime) -> str | None:
            nonlocal shown
            shown = await standing_of(reader, shown.schedule.id, now)
            return _next_to_drop(shown, now)

        await self._services.bookings.drop_next(shown.schedule.id, pick)
        return await self._view(await self._again(shown))

    async def stop(self, caller: Caller, schedule_id: str) -> Json | None:
        """End what one records now; None where it records nothing."""
        try:
            run = await self._recorded_by(caller, id_of("schedule", schedule_id))
            if run is None:
                return None
            await self._services.bookings.stop_run(run.id)
        except (NotFound, Refused):  # there is no such thing, or it ended by itself meanwhile
            return None
        return answers.stopped()

    async def _recorded_by(self, caller: Caller, schedule_id: int) -> Run | None:
        """Find what a schedule records, also one that was removed meanwhile."""
        async with self._services.store.read() as reader:
            schedule = await reader.schedule(schedule_id)
            if schedule is None or schedule.manual or not may_see(caller, schedule.metadata):
                return None
            overrides = await reader.overrides({schedule_id})
            runs = await reader.unfinished_runs({schedule.target})
        now = self._desk.now
        own = (run for run in runs if run.schedule_id == schedule_id)
        found = next((run for run in own if records(run, overrides, now)), None)
        if found is not None:
            require_own(caller, schedule.metadata)
        return found

    async def _room(self, room_id: int) -> Target:
        found = await self._desk.find_room(room_id)
        if found is None:
            raise InvalidField("room", "there is no such room")
        return found

    async def _again(self, before: Standing) -> Standing:
        """Give a schedule as a change has left it; as it was where it is over by now."""
        try:
            async with self._services.store.read() as reader:
                return await standing_of(reader, before.schedule.id, self._desk.now)
        except NotFound:
            return before

    async def _view(self, standing: Standing) -> Json:
        return {"data": views.schedule_view(await self._desk.shown(standing))}


def _next_to_drop(standing: Standing, now: datetime) -> str | None:
    """Give the slot of the occurrence to be left out; None where a schedule ends with it."""
    known, shown = standing.known, standing.occurrence
    running = any(
        run.slot == shown.slot and records(run, known.overrides, now) for run in known.runs
    )
    leaves = after(known, shown, now) if running else shown
    if leaves is None or not (running or after(known, leaves, now)):
        return None
    return leaves.slot
