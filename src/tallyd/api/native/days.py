"""Native routes of the days on which nothing starts."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from tallyd.api.native.asking import LAST_ID, Asks, OnConflict, reply
from tallyd.api.native.bodies import NewDay
from tallyd.api.native.replies import ExceptionDayReply, gives
from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.notation.shapes import exception_day_shape

router = APIRouter(tags=["exceptions"])


@router.get("/exceptions", responses=gives(list[ExceptionDayReply]))
async def list_(asks: Asks) -> Response:
    """List the days, those gone by included."""
    return reply([exception_day_shape(day) for day in await asks.services.reports.exception_days()])


@router.post("/exceptions", status_code=201, responses=gives(ExceptionDayReply, 201))
async def add(asks: Asks, body: NewDay, on_conflict: OnConflict = Policy.REPORT) -> Response:
    """Let nothing start on a day, on one target or on all; only an admin may."""
    asks.require_administration()
    try:
        day = date.fromisoformat(body.date)
    except ValueError:
        raise InvalidBooking(Problem("date", body.date, "there is no such day")) from None
    bookings = asks.services.bookings
    added = await bookings.add_exception_day(day, body.name, body.target, on_conflict)
    return reply(exception_day_shape(added), 201, f"/api/v1/exceptions/{added.id}")


@router.delete("/exceptions/{day_id}", status_code=204)
async def remove(asks: Asks, day_id: Annotated[int, Path(ge=1, le=LAST_ID)]) -> Response:
    """Let things start again on a day; only an admin may."""
    asks.require_administration()
    await asks.services.bookings.remove_exception_day(day_id)
    return Response(status_code=204)
