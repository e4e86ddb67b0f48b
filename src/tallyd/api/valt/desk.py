"""Who asks, and for which room or schedule: what every VALT endpoint needs first. Answers nothing.

What a caller may not see is not there for it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from starlette.requests import Request

from tallyd.api.answers import ForbiddenError, UnauthenticatedError
from tallyd.api.services import Services
from tallyd.api.valt import answers
from tallyd.api.valt.board import Board, Standing, is_room, standing_of
from tallyd.api.valt.requests import ORIGIN, Labels
from tallyd.api.valt.values import MAX_ID, InvalidField
from tallyd.api.valt.views import Named, Shown
from tallyd.domain.accounts import Caller, Purpose, User, may_book, may_change, may_see
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Metadata, Target
from tallyd.domain.occupancy import Occupancy
from tallyd.domain.window import floor_ms
from tallyd.ports.store import Reader

_TOKEN = "access_token"  # noqa: S105 - the name of a parameter

_CALLERS_KEPT = 64
"""For so many accounts lists are kept until something is different."""

_Seen = tuple[tuple[Standing, ...], Mapping[str, str], tuple[Shown, ...]]


class Desk:
    """Knows callers, rooms and schedules of one installation."""

    def __init__(self, services: Services) -> None:
        self.services = services
        ahead = services.settings.appliance.horizon
        self._board = Board(services.store, services.clock, ahead)
        self._seen: dict[Caller, _Seen] = {}

    @property
    def now(self) -> datetime:
        """The instant, in whole milliseconds."""
        return floor_ms(self.services.clock.now())

    async def caller(self, request: Request) -> Caller:
        """Tell whose token a request shows.

        Raises:
            UnauthenticatedError: it shows none, or one that is no good.
        """
        token = request.query_params.get(_TOKEN, "")
        if not token:
            self.services.callers.of_nobody(request)
            raise UnauthenticatedError(answers.NO_KEY)
        known = await self.services.callers.of_token(request, token, Purpose.LOGIN, Purpose.NATIVE)
        if known is None:
            raise UnauthenticatedError(answers.WRONG_KEY)
        return known

    async def booker(self, request: Request) -> Caller:
        """Tell whose token a request shows that wants to change something.

        Raises:
            UnauthenticatedError: as for `caller`.
            ForbiddenError: it belongs to somebody who may only look.
        """
        caller = await self.caller(request)
        if not may_book(caller):
            raise ForbiddenError("this account may only look")
        return caller

    async def schedules(self, caller: Caller) -> tuple[Shown, ...]:
        """Give every schedule that a caller may see, as it is shown, in order of id.

        It is the very same tuple for as long as nothing is different.
        """
        standings, names = await self._board.look(), await self.names()
        before = self._seen.get(caller)
        if before is not None and before[0] is standings and before[1] == names:
            return before[2]
        shown = tuple(
            self._shown(standing, names)
            for standing in standings
            if may_see(caller, standing.schedule.metadata)
        )
        if len(self._seen) >= _CALLERS_KEPT:
            self._seen.clear()
        self._seen[caller] = standings, names, shown
        return shown

    async def occupancies(self) -> Mapping[str, Occupancy]:
        """Give who holds each room now, by the room's key."""
        return {each.target.key: each for each in await self._board.occupancies()}

    async def schedule(self, caller: Caller, text: str) -> Standing:
        """Give one schedule.

        Raises:
            NotFound: there is none of that id for that caller.
        """
        schedule_id = id_of("schedule", text)
        async with self.services.store.read() as reader:
            found = await standing_of(reader, schedule_id, self.now)
        if not may_see(caller, found.schedule.metadata):
            raise NotFound("schedule", text)
        return found

    async def own_schedule(self, caller: Caller, text: str) -> Standing:
        """Give one schedule, to be changed.

        Raises:
            NotFound: as for `schedule`.
            ForbiddenError: it is somebody else's.
        """
        found = await self.schedule(caller, text)
        require_own(caller, found.schedule.metadata)
        return found

    async def shown(self, standing: Standing) -> Shown:
        """Give a schedule as it is shown."""
        return self._shown(standing, await self.names())

    def _shown(self, standing: Standing, names: Mapping[str, str]) -> Shown:
        metadata = standing.schedule.metadata
        return Shown(
            standing.schedule,
            Named(standing.target.public_id, standing.target.name),
            self._author(metadata, names),
            standing.occurrence.window,
            standing.started,
            standing.verdict,
        )

    def _author(self, metadata: Metadata, names: Mapping[str, str]) -> Named:
        """Name who will own what is recorded; what has no account belongs to the house."""
        author = metadata.author or metadata.owner
        if author is None or not author.isdecimal():
            return Named(0, author or self.services.settings.appliance.name)
        return Named(int(author), names.get(author, f"user {author}"))

    async def names(self) -> Mapping[str, str]:
        """Give the names of all accounts, by the text of their ids."""
        return {str(user.id): user.name for user in await self.services.accounts.users()}

    async def users(self) -> tuple[User, ...]:
        """Give all accounts in order of id."""
        return await self.services.accounts.users()

    async def rooms(self) -> tuple[Target, ...]:
        """Give the rooms that are configured, in order of id."""
        async with self.services.store.read() as reader:
            return await _rooms(reader)

    async def room(self, text: str) -> Target:
        """Give one room.

        Raises:
            NotFound: there is none of that id.
        """
        room_id = id_of("room", text)
        found = await self.find_room(room_id)
        if found is None:
            raise NotFound("room", text)
        return found

    async def find_room(self, room_id: int) -> Target | None:
        """Give the room of an id, if there is one."""
        return next((room for room in await self.rooms() if room.public_id == room_id), None)

    async def metadata(self, labels: Labels, known: Metadata) -> Metadata:
        """Give metadata with what was sent, and with whoever is named as the author.

        Raises:
            InvalidField: there is no such user.
        """
        laid = labels.laid_over(known)
        if labels.author is None:
            return laid
        author = str(labels.author)
        if author not in await self.names():
            raise InvalidField("author", "there is no such user")
        return replace(laid, author=author)


def metadata_of(caller: Caller) -> Metadata:
    """Give what whatever a caller books carries from the start."""
    return Metadata(origin=ORIGIN, owner=caller.owner, author=caller.owner)


def require_own(caller: Caller, metadata: Metadata) -> None:
    """Make sure that a caller may change what carries that metadata.

    Raises:
        ForbiddenError: it is somebody else's.
    """
    if not may_change(caller, metadata):
        raise ForbiddenError("this belongs to somebody else")


def id_of(kind: str, text: str) -> int:
    """Read an id in a path.

    Raises:
        NotFound: nothing can have it.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_ID)):
        raise NotFound(kind, text[: len(str(MAX_ID))])
    found = int(text)
    if found > MAX_ID:
        raise NotFound(kind, text)
    return found


async def _rooms(reader: Reader) -> tuple[Target, ...]:
    known = (each for each in await reader.targets() if each.known and is_room(each.key))
    return tuple(sorted(known, key=lambda room: room.public_id))
