"""Who asks, and what they may know and do: what every native route begins with."""

from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tallyd.api.answers import ForbiddenError, UnauthenticatedError
from tallyd.api.channels import ChannelOwners
from tallyd.api.native.listing import Listing
from tallyd.api.services import Services
from tallyd.bookings import Policy
from tallyd.domain.accounts import (
    Caller,
    Purpose,
    Role,
    may_administer,
    may_book,
    may_change,
    may_see,
)
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Run, Schedule
from tallyd.notation.plain import plain

LAST_ID = 2**63 - 1
_bearer = HTTPBearer(auto_error=False, description="A key of `tallyd accounts key`")


class Asking:
    """A request of somebody who is known."""

    def __init__(
        self, services: Services, listing: Listing, owners: ChannelOwners, caller: Caller
    ) -> None:
        self.services = services
        self.listing = listing
        self.caller = caller
        self._owners = owners

    def require_booking(self) -> None:
        """Make sure that whoever asks may change wishes at all; raises ForbiddenError."""
        if not may_book(self.caller):
            raise ForbiddenError("a viewer changes nothing")

    def require_administration(self) -> None:
        """Make sure that whoever asks may change what holds for all; raises ForbiddenError."""
        if not may_administer(self.caller):
            raise ForbiddenError("only an admin may do that")

    def require_channel(self, target: str) -> None:
        """Make sure that a target is not another account's channel; raises ForbiddenError."""
        if not self._owners.is_open_to(self.caller, target):
            raise ForbiddenError(f"{target} belongs to another account")

    def require_policy(self, policy: Policy) -> None:
        """Make sure that whoever asks may do that to others; raises ForbiddenError."""
        if policy is Policy.FORCE:
            self.require_administration()

    def sees_all(self) -> bool:
        """Tell whether nothing has to be hidden."""
        return self.caller.role is Role.ADMIN

    def sees(self, schedule: Schedule) -> bool:
        """Tell whether whoever asks may know of a schedule."""
        return may_see(self.caller, schedule.metadata)

    async def visible(self) -> frozenset[int] | None:
        """Give the ids of the schedules that may be known; None for all."""
        if self.sees_all():
            return None
        async with self.services.store.read() as reader:
            return frozenset(each.id for each in await reader.schedules() if self.sees(each))

    async def schedule(self, schedule_id: int) -> Schedule:
        """Give a schedule that may be known, removed or not.

        Raises:
            NotFound: there is none.
        """
        async with self.services.store.read() as reader:
            found = await reader.schedule(schedule_id)
        if found is None or not self.sees(found):
            raise NotFound("schedule", str(schedule_id))
        return found

    async def own_schedule(self, schedule_id: int) -> Schedule:
        """Give a schedule that may be changed.

        Raises:
            NotFound, ForbiddenError: there is none, or it may not.
        """
        found = await self.schedule(schedule_id)
        if not may_change(self.caller, found.metadata):
            raise ForbiddenError("it belongs to somebody else")
        return found

    async def run(self, run_id: int) -> Run:
        """Give a run that may be known; raises NotFound."""
        run = await self.services.reports.run(run_id)
        try:
            await self.schedule(run.schedule_id)
        except NotFound:
            raise NotFound("run", str(run_id)) from None
        return run

    async def own_run(self, run_id: int) -> Run:
        """Give a run that may be changed; raises as `own_schedule` does."""
        run = await self.run(run_id)
        await self.own_schedule(run.schedule_id)
        self.require_booking()
        return run


async def _asking(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Asking:
    services: Services = request.app.state.services
    if credentials is not None:
        caller = await services.callers.of_token(
            request, credentials.credentials, Purpose.NATIVE, Purpose.LOGIN
        )
    elif "authorization" in request.headers:
        caller = None
    else:
        caller = services.callers.of_peer(request)
    if caller is None:
        services.callers.of_nobody(request)
        raise UnauthenticatedError("give a valid key: Authorization: Bearer KEY")
    state = request.app.state
    return Asking(services, state.listing, state.owners, caller)


Asks = Annotated[Asking, Depends(_asking)]
OnConflict = Annotated[
    Policy,
    Query(description="What overlaps is stored and reported, not stored, or whatever it cuts"),
]


def reply(shape: Any, status: int = 200, location: str | None = None) -> Response:  # noqa: ANN401 - whatever a report gives
    """Write a report as JSON, with instants in UTC."""
    headers = None if location is None else {"Location": location}
    return JSONResponse(plain(shape), status, headers)
