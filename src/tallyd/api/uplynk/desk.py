"""Who asks, and for which channel: what every endpoint needs first. Answers nothing.

A channel that a caller may not see is not there for it.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request

from tallyd.api.answers import ApiError, ForbiddenError, UnauthenticatedError
from tallyd.api.channels import ChannelOwners
from tallyd.api.services import Services
from tallyd.api.uplynk.signature import (
    Claim,
    UnreadableMessage,
    claim_of,
    parameters,
    signed,
)
from tallyd.api.uplynk.views import NO_SLICER, ChannelWords
from tallyd.bookings.entries import Asked
from tallyd.config import ChannelSettings
from tallyd.domain.accounts import Caller, may_book
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Target, TargetKind
from tallyd.domain.resolution import Resolution
from tallyd.domain.window import floor_ms

NOT_SCHEDULED, SCHEDULED = 1, 2
"""What `use_chsched` says of a channel."""

_NOT_SIGNED = "msg and sig say nothing of who asks"
_NOT_TIMELY = "that message is not of now: look at the clock, and sign anew"
_LEFT_AS_IT_IS = ":@,+"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who asks, and the owner's id that it signs as."""

    caller: Caller
    owner: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as one who asks is shown it; `use` says whether entries can be booked on it."""

    target: Target
    words: ChannelWords
    use: int
    ad_slate: str


class Desk:
    """Knows callers and channels of one installation."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._channels = services.settings.channels
        self._owners = ChannelOwners(services.settings)

    @property
    def now(self) -> datetime:
        """The instant, in whole milliseconds."""
        return floor_ms(self.services.clock.now())

    async def signer(self, request: Request) -> Signer:
        """Tell who signed a request.

        Raises:
            UnauthenticatedError: nobody did who is known, or it was too long ago.
        """
        callers = self.services.callers
        found = signed(request.scope["query_string"], request.headers.get("authorization"))
        try:
            claim = None if found is None else claim_of(found.message)
        except UnreadableMessage:
            claim = None
        if found is None or claim is None:
            callers.of_nobody(request)
            raise UnauthenticatedError(_NOT_SIGNED)
        caller = await callers.of_signer(request, claim.owner, found.is_signed_with)
        if caller is None:
            raise UnauthenticatedError(_NOT_SIGNED)
        self._require_timely(claim)
        return Signer(caller, claim.owner)

    def _require_timely(self, claim: Claim) -> None:
        skew = self.services.settings.http.uplynk_skew
        if not claim.is_timely(self.services.clock.now(), skew):
            raise UnauthenticatedError(_NOT_TIMELY)

    async def booker(self, request: Request) -> Signer:
        """Tell who signed a request that wants to change something.

        Raises:
            UnauthenticatedError: as for `signer`.
            ForbiddenError: it may only look.
        """
        signer = await self.signer(request)
        if not may_book(signer.caller):
            raise ForbiddenError("this account may only look")
        return signer

    async def channels(self, signer: Signer) -> tuple[Channel, ...]:
        """Give the channels that one may see, in order of name."""
        async with self.services.store.read() as reader:
            targets = await reader.targets()
        return tuple(self._channel(each, signer) for each in targets if self._is_seen(each, signer))

    async def channel(self, signer: Signer, wanted: str) -> Channel:
        """Give one channel.

        Raises:
            NotFound: there is none of that id for that one.
        """
        for channel in await self.channels(signer):
            if channel.words.id == wanted:
                return channel
        raise NotFound("channel", wanted)

    async def scheduled_channel(self, signer: Signer, wanted: str) -> Channel:
        """Give one channel on which entries can be booked.

        Raises:
            NotFound: as for `channel`.
            ApiError: it takes none.
        """
        channel = await self.channel(signer, wanted)
        if channel.use != SCHEDULED:
            raise ApiError("this channel has no schedule: use_chsched is 1")
        return channel

    def _channel(self, target: Target, signer: Signer) -> Channel:
        settings = self._settings_of(target)
        words = ChannelWords(target.uid, settings.live or NO_SLICER, signer.owner)
        slate = "" if settings.ad_slate is None else settings.ad_slate.name
        return Channel(target, words, SCHEDULED if settings.scheduling else NOT_SCHEDULED, slate)

    def _settings_of(self, target: Target) -> ChannelSettings:
        return self._channels[target.key.partition(".")[2]]

    def _is_seen(self, target: Target, signer: Signer) -> bool:
        name = target.key.partition(".")[2]
        if target.kind is not TargetKind.CHANNEL or not target.known or name not in self._channels:
            return False
        return self._owners.is_open_to(signer.caller, target.key)


def asked(signer: Signer, channel: Channel, how: Resolution = Resolution.REJECT) -> Asked:
    """Say who asks for something on which channel."""
    return Asked(signer.caller, channel.target.key, how)


def path_of(request: Request) -> str:
    """Give the path of a request without that of the interface, and without what signs it."""
    path: str = request.scope["path"]
    root: str = request.scope.get("root_path", "")
    query = "&".join(
        f"{quote(name, safe=_LEFT_AS_IT_IS)}={quote(value, safe=_LEFT_AS_IT_IS)}"
        for name, value in parameters(request.scope["query_string"]).items()
    )
    return quote(path.removeprefix(root)) + (f"?{query}" if query else "")
