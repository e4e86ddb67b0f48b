"""What VALT's clients do with rooms: look at them, record by hand, pause, lock."""

from collections.abc import Awaitable, Callable

from anyio import to_thread

from tallyd.api.valt import answers
from tallyd.api.valt.desk import Desk, metadata_of, require_own
from tallyd.api.valt.requests import Labels, parse_labels, required
from tallyd.api.valt.rooms import Room, Session, cameras_view, info_view, room_view, status_view
from tallyd.api.valt.values import InvalidField, Object
from tallyd.api.valt.views import Json
from tallyd.domain.accounts import Caller, may_see
from tallyd.domain.errors import InvalidBooking, NotFound, Occupied, Refused
from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import Run, Status, Target
from tallyd.domain.occupancy import Holder, Occupancy


class NotStarted(Exception):  # noqa: N818 - what clients are told
    """No recording begins, and why."""


class RoomDesk:
    """Answers the endpoints below `admin/rooms` and `rooms`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._services = desk.services

    async def every(self) -> Json:
        """Give the rooms with their cameras."""
        return {"data": [room_view(room) for room in await self._desk.rooms()]}

    async def details(self, room_id: str) -> Json:
        """Give one room with its cameras."""
        return {"data": room_view(await self._desk.room(room_id))}

    async def cameras(self, room_id: str) -> Json:
        """Give the cameras of a room."""
        return {"data": {"cameras": cameras_view(await self._desk.room(room_id))}}

    async def infos(self, caller: Caller) -> Json:
        """Give what every room records."""
        now = self._desk.now
        there = await self._desk.occupancies()
        rooms = [
            info_view(_seen(caller, there[room.key]), now)
            for room in await self._desk.rooms()
            if room.key in there
        ]
        return {"data": {"rooms": rooms}}

    async def info(self, caller: Caller, room_id: str) -> Json:
        """Give what one room records."""
        return {"data": info_view(_seen(caller, await self._look(room_id)), self._desk.now)}

    async def status(self, caller: Caller, room_id: str) -> Json:
        """Give what one room does."""
        return status_view(_seen(caller, await self._look(room_id)))

    async def start(self, caller: Caller, room_id: str, body: Object) -> Json:
        """Begin a recording by hand.

        Raises:
            NotFound: there is no such room.
            NotStarted: the room cannot record now, or what was sent makes no sense.
        """
        room = await self._desk.room(room_id)
        try:
            wanted = await self._wanted(caller, room, parse_labels(body))
            await self._require_daemon()
            longest = self._services.settings.appliance.manual_max
            run = await self._services.bookings.start_recording(wanted, longest)
        except InvalidField as error:
            raise NotStarted(str(error)) from error
        except InvalidBooking as error:
            raise NotStarted(answers.problems(error.problems)) from error
        except Occupied as error:  # by whom is not everybody's business
            raise NotStarted("the room is recording already") from error
        except Refused as error:
            raise NotStarted(error.brief) from error
        return answers.started(run.id)

    async def _wanted(self, caller: Caller, room: Target, labels: Labels) -> ManualRecording:
        name = required("name", labels.name)
        metadata = await self._desk.metadata(labels, metadata_of(caller))
        return ManualRecording(room.key, name, metadata=metadata)

    async def _require_daemon(self) -> None:
        """Refuse where a wish would wait, and begin when nobody thinks of it any more."""
        if await to_thread.run_sync(self._services.picture) is None:
            raise Refused("nothing can record now: the daemon does not run")

    async def stop(self, caller: Caller, room_id: str) -> Json | None:
        """End what a room records; None where it records nothing."""
        return await self._act(caller, room_id, self._services.bookings.stop_run)

    async def pause(self, caller: Caller, room_id: str) -> Json | None:
        """Let what a room records pause; None where it records nothing."""
        return await self._act(caller, room_id, self._services.bookings.pause_run)

    async def resume(self, caller: Caller, room_id: str) -> Json | None:
        """Let what a room records go on, paused or not; None where it records nothing."""
        return await self._act(caller, room_id, self._services.bookings.resume_run)

    async def _act(
        self, caller: Caller, room_id: str, act: Callable[[int], Awaitable[Run]]
    ) -> Json | None:
        try:
            holder = _recording(await self._look(room_id))
            if holder is None:
                return None
            run, metadata = holder[0], holder[1].entry.schedule.metadata
            require_own(caller, metadata)
            await act(run.id)
        except (NotFound, Refused):  # there is no such room, or it ended by itself meanwhile
            return None
        return answers.done(run.id)

    async def lock(self, room_id: str) -> Json:
        """Let nothing start in a room."""
        room = await self._desk.room(room_id)
        await self._services.bookings.lock_target(room.key)
        return answers.room_id(room.public_id)

    async def unlock(self, room_id: str) -> Json:
        """Let things start in a room again."""
        room = await self._desk.room(room_id)
        await self._services.bookings.unlock_target(room.key)
        return answers.room_id(room.public_id)

    async def users(self) -> Json:
        """Give the accounts with whom recordings can be shared."""
        return {"data": [{"id": each.id, "name": each.name} for each in await self._desk.users()]}

    async def user(self, user_id: str) -> Json:
        """Give one account."""
        for each in await self._desk.users():
            if str(each.id) == user_id:
                return {"data": {"id": each.id, "name": each.name}}
        raise NotFound("user", user_id)

    async def _look(self, room_id: str) -> Occupancy:
        return await self._services.reports.occupancy((await self._desk.room(room_id)).key)


def _seen(caller: Caller, there: Occupancy) -> Room:
    """Give a room with what records in it, as one caller sees it."""
    found = _recording(there)
    if found is None:
        return Room(there.target)
    run, holder = found
    begun = next((part.first_data_at for part in run.parts if part.first_data_at), None)
    since = run.planned.start if begun is None else begun
    seen = may_see(caller, holder.entry.schedule.metadata)
    return Room(there.target, Session(run.id, since, holder.paused, seen))


def _recording(there: Occupancy) -> tuple[Run, Holder] | None:
    """Find what records in a room, by hand first; one that was only begun by hand counts."""
    found = [
        (holder.run, holder)
        for holder in there.holders
        if holder.run is not None
        and (holder.run.manual or holder.run.confirmed or holder.run.status is not Status.PENDING)
        and holder.run.status is not Status.FINISHED
    ]
    return min(found, key=lambda each: not each[0].manual, default=None)
