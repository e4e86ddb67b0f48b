"""Native routes of the plan, also as if more were booked."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.responses import Response

from tallyd.api.native.asking import Asking, Asks, reply
from tallyd.api.native.bodies import Moment, WhatIf
from tallyd.api.native.periods import period_of
from tallyd.api.native.replies import PlanReply, gives
from tallyd.api.native.strangers import without_strangers
from tallyd.notation.shapes import plan_shape
from tallyd.notation.what_if import Row, drafts_of, makes_of
from tallyd.reports import WHAT_IF_ID

router = APIRouter(tags=["plan"])


@router.get("/plan", responses=gives(list[PlanReply]))
async def plan(
    asks: Asks,
    since: Annotated[Moment, Query(alias="from")] = "now",
    to: Annotated[Moment | None, Query()] = None,
) -> Response:
    """Show every occurrence of a period with its verdict; a week from now unless said."""
    return await _planned(asks, since, to, [])


@router.post("/plan", responses=gives(list[PlanReply]))
async def what_if(asks: Asks, body: WhatIf) -> Response:
    """Show the same as if more were booked; nothing is."""
    asks.require_booking()
    return await _planned(asks, body.from_, body.to, [each.options() for each in body.with_])


async def _planned(asks: Asking, since: str, to: str | None, rows: list[Row]) -> Response:
    services = asks.services
    now = services.clock.now()
    period = period_of(since, to, services.zone, now)
    known = [target.key for target in await services.reports.targets() if target.known]
    makes = await to_thread.run_sync(makes_of, rows, services.zone)
    drafts = drafts_of(makes, now, known)
    planned = await services.reports.plan(period, drafts)
    visible = await asks.visible()
    return reply(
        [
            without_strangers(plan_shape(entry), visible)
            for entry in planned
            if visible is None or entry.schedule.id in visible or entry.schedule.id > WHAT_IF_ID
        ]
    )
