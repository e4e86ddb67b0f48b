"""Native routes of schedules and of what is said about single occurrences of them."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from tallyd.api.answers import ForbiddenError
from tallyd.api.native.asking import LAST_ID, Asking, Asks, OnConflict, reply
from tallyd.api.native.bodies import NewSchedule, Options, OverrideChange, ScheduleChange, Target
from tallyd.api.native.replies import (
    EffectReply,
    ExcludedReply,
    OverrideReply,
    ProspectReply,
    ScheduleReply,
    gives,
)
from tallyd.api.native.strangers import without_strangers
from tallyd.bookings import Change, Policy
from tallyd.domain.accounts import may_administer
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Override, RequestKey
from tallyd.notation.shapes import (
    Shape,
    effect_shape,
    occurrence_shape,
    prospect_shape,
    schedule_shape,
)
from tallyd.notation.wishes import Wish, changed_draft, new_draft, read_wish
from tallyd.reports import Effect, Prospect

router = APIRouter(tags=["schedules"])

Id = Annotated[int, Path(ge=1, le=LAST_ID)]
Slot = Annotated[
    str,
    Path(
        min_length=1,
        max_length=40,
        description="Its slot, its start as a plan has it, its date, or `next`",
    ),
]
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="However often a booking comes with the same key, it is made once",
    ),
]


@router.get("/schedules", responses=gives(list[ProspectReply]))
async def list_(asks: Asks, target: Annotated[Target | None, Query()] = None) -> Response:
    """List the schedules that you may know of, with their chances over the horizon."""
    if target is not None:
        await _require_target(asks, target)
    written = await asks.listing.written(asks.caller, target)
    return Response(written, media_type="application/json")


@router.post("/schedules", status_code=201, responses=gives(EffectReply, 201))
async def create(
    asks: Asks,
    body: NewSchedule,
    on_conflict: OnConflict = Policy.REPORT,
    idempotency_key: Once = None,
) -> Response:
    """Book a schedule."""
    asks.require_booking()
    asks.require_channel(body.target)
    asks.require_policy(on_conflict)
    _require_priority(asks, body.priority)
    make = new_draft(await _wish(body), asks.services.zone)

    def owned(now: datetime) -> Draft:
        draft = make(now)
        owner = asks.caller.owner
        mine = replace(draft.metadata, origin="api", author=owner, owner=owner)
        return replace(draft, metadata=mine)

    key = None if idempotency_key is None else _request_key(asks, idempotency_key, body)
    made = await asks.services.bookings.add(owned, on_conflict, key)
    location = f"/api/v1/schedules/{made.after.id}"
    return reply(await _effect(asks, made), 201, location)


@router.get("/schedules/{schedule_id}", responses=gives(ProspectReply))
async def show(asks: Asks, schedule_id: Id) -> Response:
    """Show one schedule."""
    await asks.schedule(schedule_id)
    prospect = await asks.services.reports.prospect(schedule_id)
    return reply(_prospect(prospect, await asks.visible()))


@router.patch("/schedules/{schedule_id}", responses=gives(EffectReply))
async def change(
    asks: Asks, schedule_id: Id, body: ScheduleChange, on_conflict: OnConflict = Policy.REPORT
) -> Response:
    """Change what is given of a schedule and keep the rest."""
    asks.require_policy(on_conflict)
    await asks.own_schedule(schedule_id)
    if body.target is not None:
        asks.require_channel(body.target)
    _require_priority(asks, body.priority)
    wish = await _wish(body)
    services = asks.services
    made = await services.bookings.edit(
        schedule_id,
        lambda draft: changed_draft(draft, wish, services.zone, services.clock.now()),
        on_conflict,
    )
    return reply(await _effect(asks, made))


@router.delete("/schedules/{schedule_id}", responses=gives(ScheduleReply))
async def remove(
    asks: Asks,
    schedule_id: Id,
    stop: Annotated[bool, Query(description="Stop what it records now, too")] = False,  # noqa: FBT002 - a parameter of the query
) -> Response:
    """Remove what lies ahead of a schedule; what it records now goes on unless `stop` is given."""
    await asks.own_schedule(schedule_id)
    bookings = asks.services.bookings
    removed = await (bookings.remove_and_stop if stop else bookings.remove)(schedule_id)
    return reply(schedule_shape(removed.after))


@router.get("/schedules/{schedule_id}/overrides", responses=gives(list[OverrideReply]))
async def overrides(asks: Asks, schedule_id: Id) -> Response:
    """List what was said of single occurrences."""
    await asks.schedule(schedule_id)
    async with asks.services.store.read() as reader:
        found = await reader.overrides({schedule_id})
    return reply([_override(each) for each in found])


@router.put("/schedules/{schedule_id}/overrides/{occurrence}", responses=gives(ExcludedReply))
async def override(
    asks: Asks,
    schedule_id: Id,
    occurrence: Slot,
    body: OverrideChange,
    on_conflict: OnConflict = Policy.REPORT,
) -> Response:
    """Leave one occurrence out, or take that back."""
    asks.require_policy(on_conflict)
    await asks.own_schedule(schedule_id)
    bookings = asks.services.bookings
    act = bookings.skip if body.excluded else bookings.restore
    found = await act(schedule_id, occurrence, on_conflict)
    said = {"schedule_id": schedule_id, "excluded": body.excluded}
    return reply({**said, **occurrence_shape(found)})


async def _wish(body: Options) -> Wish:
    """Read what is asked for; in a thread, for a time zone may have to be looked up."""
    return await to_thread.run_sync(read_wish, body.options())


async def _require_target(asks: Asking, key: str) -> None:
    if all(target.key != key for target in await asks.services.reports.targets()):
        raise NotFound("target", key)


def _require_priority(asks: Asking, priority: int | None) -> None:
    """Let nobody but an admin take a place before others."""
    if priority is not None and priority > 0 and not may_administer(asks.caller):
        raise ForbiddenError("only an admin books with a priority above 0")


def _request_key(asks: Asking, key: str, body: NewSchedule) -> RequestKey:
    asked = json.dumps(body.options(), sort_keys=True, default=str)
    fingerprint = hashlib.sha256(asked.encode()).hexdigest()
    return RequestKey(asks.caller.owner or asks.caller.name, key, fingerprint)


def _override(override: Override) -> Shape:
    return {
        "schedule_id": override.schedule_id,
        "slot": override.slot,
        "excluded": override.excluded,
        "stop": override.stop,
        "paused": override.paused,
    }


async def _effect(asks: Asking, made: Change) -> Shape:
    effect = await asks.services.reports.effect(made)
    visible = await asks.visible()
    if visible is None:
        return effect_shape(effect)
    known = tuple(each for each in effect.affects if each.schedule_id in visible)
    return {
        **effect_shape(Effect(effect.prospect, known)),
        "by": _prospect(effect.prospect, visible)["by"],
    }


def _prospect(prospect: Prospect, visible: Collection[int] | None) -> Shape:
    return without_strangers(prospect_shape(prospect), visible)
