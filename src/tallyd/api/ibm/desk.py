"""Who asks, and for which channel and event: what every endpoint of events needs first."""

from datetime import datetime

from starlette.requests import Request

from tallyd.api.answers import ForbiddenError, UnauthenticatedError
from tallyd.api.callers import TooManyRequestsError, origin_of
from tallyd.api.channels import ChannelOwners
from tallyd.api.ibm.events import is_event
from tallyd.api.ibm.limits import Allowances, note
from tallyd.api.ibm.programme import Programmes
from tallyd.api.services import Services
from tallyd.domain.accounts import Caller, may_book, may_change, may_see
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Schedule, Target, TargetKind
from tallyd.domain.window import floor_ms

_LONGEST_ID = 18


class Desk:
    """Knows callers, channels and events of one installation."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.programmes = Programmes(services.store, services.clock)
        http = services.settings.http
        self._allowances = Allowances(services.clock, http.ibm_requests_per_minute)
        self._owners = ChannelOwners(services.settings)

    @property
    def now(self) -> datetime:
        """The instant, in whole milliseconds."""
        return floor_ms(self.services.clock.now())

    async def caller(self, request: Request) -> Caller:
        """Tell whose access token a request shows.

        Raises:
            UnauthenticatedError: it shows none, or one that is no good.
        """
        found = await self._shown(request)
        return self._known(request, found)

    async def limited_caller(self, request: Request) -> Caller:
        """Tell the same, where requests of each are counted; the answer says what is left.

        Raises:
            UnauthenticatedError: as for `caller`.
            TooManyRequestsError: there were too many.
        """
        found = await self._shown(request)
        who = origin_of(request.scope) if found is None else f"user {found.user_id}"
        allowance = self._allowances.take(who)
        note(request.scope, allowance)
        if allowance.exceeded:
            raise TooManyRequestsError(allowance.wait_s)
        return self._known(request, found)

    async def _shown(self, request: Request) -> Caller | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return await self.services.oauth.caller_of(token.strip())

    def _known(self, request: Request, found: Caller | None) -> Caller:
        known = self.services.callers.found(request, found)
        if known is None:
            raise UnauthenticatedError("The access token is missing, revoked, expired or malformed")
        return known

    async def channel(self, channel_id: str) -> Target:
        """Give a channel that is configured.

        Raises:
            NotFound: there is none of that id.
        """
        wanted = id_of("channel", channel_id)
        async with self.services.store.read() as reader:
            targets = await reader.targets()
        for target in targets:
            if target.public_id == wanted and target.known and target.kind is TargetKind.CHANNEL:
                return target
        raise NotFound("channel", channel_id)

    async def own_channel(self, caller: Caller, channel_id: str) -> Target:
        """Give a channel whose events somebody may ask for.

        Raises:
            NotFound: there is none of that id.
            ForbiddenError: it is another account's.
        """
        found = await self.channel(channel_id)
        if not self._owners.is_open_to(caller, found.key):
            raise ForbiddenError("Resource ownership mismatch")
        return found

    def sees_all(self, caller: Caller, channel: Target) -> bool:
        """Tell whether every event on a channel is somebody's business: its owner's, an admin's."""
        return self._owners.sees_all(caller, channel.key)

    def require_booker(self, caller: Caller) -> None:
        """Make sure that somebody may change anything at all.

        Raises:
            ForbiddenError: the account may only look.
        """
        if not may_book(caller):
            raise ForbiddenError("This account may only look")

    async def event(self, caller: Caller, channel: Target, event_id: str) -> Schedule:
        """Give an event on a channel.

        Raises:
            NotFound: there is none of that id, not there, or not for that caller.
        """
        wanted = id_of("event", event_id)
        async with self.services.store.read() as reader:
            found = await reader.schedule(wanted)
        if found is None or found.target != channel.key or not is_event(found):
            raise NotFound("event", event_id)
        if not self.sees_all(caller, channel) and not may_see(caller, found.metadata):
            raise NotFound("event", event_id)
        return found

    async def own_event(self, caller: Caller, channel: Target, event_id: str) -> Schedule:
        """Give an event, to be changed.

        Raises:
            NotFound: as for `event`.
            ForbiddenError: it is somebody else's.
        """
        found = await self.event(caller, channel, event_id)
        if not self.sees_all(caller, channel) and not may_change(caller, found.metadata):
            raise ForbiddenError("Resource ownership mismatch")
        return found


def id_of(kind: str, text: str) -> int:
    """Read an id in a path.

    Raises:
        NotFound: nothing can have it.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_ID:
        raise NotFound(kind, text[:_LONGEST_ID])
    return int(text)
