"""Native routes of rooms and channels, of what the engine does now, and of who asks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tallyd.api.native.asking import Asking, Asks, reply
from tallyd.api.native.bodies import TARGET, Moment
from tallyd.api.native.periods import period_of
from tallyd.api.native.replies import (
    BroadcastReply,
    LockReply,
    MeReply,
    StatusReply,
    TargetReply,
    gives,
)
from tallyd.api.services import Picture
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Target
from tallyd.notation.shapes import Shape, broadcast_shape, target_shape

router = APIRouter(tags=["targets"])

Key = Annotated[str, Path(pattern=TARGET)]
_LONGEST = timedelta(days=31)
"""So much of what was on air is shown at once."""

_HIDDEN = ("run_id", "schedule_id", "name", "bytes")


@router.get("/targets", responses=gives(list[TargetReply]))
async def list_(asks: Asks) -> Response:
    """List rooms and channels with the ids that clients know them by."""
    picture = await _picture(asks)
    found = await asks.services.reports.targets()
    return reply([_shape(asks, each, picture) for each in found])


@router.get("/targets/{target}", responses=gives(TargetReply))
async def show(asks: Asks, target: Key) -> Response:
    """Show one room or channel."""
    picture = await _picture(asks)
    for each in await asks.services.reports.targets():
        if each.key == target:
            return reply(_shape(asks, each, picture))
    raise NotFound("target", target)


@router.get("/targets/{channel_key}/as-run", responses=gives(list[BroadcastReply]))
async def as_run(
    asks: Asks,
    channel_key: Key,
    since: Annotated[Moment, Query(alias="from")] = "-1d",
    to: Annotated[Moment, Query()] = "now",
) -> Response:
    """Show what a channel had on air, as it went out, 31 days at most; the last one unless said."""
    services = asks.services
    period = period_of(since, to, services.zone, services.clock.now(), _LONGEST)
    found = await services.reports.as_run(channel_key, period)
    visible = await asks.visible()
    return reply(
        [_without_stranger(broadcast_shape(each, period), visible) for each in found or ()]
    )


@router.put("/targets/{target}/lock", responses=gives(LockReply))
async def lock(asks: Asks, target: Key) -> Response:
    """Let nothing start on a target until it is unlocked; only an admin may."""
    asks.require_administration()
    locked = await asks.services.bookings.lock_target(target)
    return reply({"target": locked.key, "locked_since": locked.locked_since})


@router.delete("/targets/{target}/lock", responses=gives(LockReply))
async def unlock(asks: Asks, target: Key) -> Response:
    """Let things start on a target again; only an admin may."""
    asks.require_administration()
    free = await asks.services.bookings.unlock_target(target)
    return reply({"target": free.key, "locked_since": free.locked_since})


@router.get("/status", responses=gives(StatusReply))
async def status(asks: Asks) -> Response:
    """Show what the daemon does now; `running` is false where none runs."""
    picture = await _picture(asks)
    if picture is None:
        return reply({"running": False, "ready": False, "targets": {}})
    visible = await asks.visible()
    targets: Mapping[str, Mapping[str, Any]] = picture["targets"]
    shown = {key: _known(doing, visible) for key, doing in targets.items()}
    return reply({"running": True, **picture, "targets": shown})


@router.get("/me", responses=gives(MeReply))
async def me(asks: Asks) -> Response:
    """Tell who you are."""
    caller = asks.caller
    return reply(
        {
            "id": caller.user_id,
            "name": caller.name,
            "role": caller.role,
            "groups": sorted(caller.groups),
        }
    )


def _without_stranger(shape: Shape, visible: frozenset[int] | None) -> Shape:
    """Tell only that something was on air where that belongs to somebody else, or nobody knows."""
    if visible is None or shape["part"] is None or shape["schedule_id"] in visible:
        return shape
    times = {"start": shape["start"], "stop": shape["stop"]}
    return {**dict.fromkeys(shape), **times, "name": ""}


def _known(doing: Mapping[str, Any], visible: frozenset[int] | None) -> Mapping[str, Any]:
    """Leave out what is recorded where it belongs to somebody else; that it is stays told."""
    if visible is None or doing.get("schedule_id") in visible:
        return doing
    return {key: value for key, value in doing.items() if key not in _HIDDEN}


async def _picture(asks: Asking) -> Picture | None:
    return await to_thread.run_sync(asks.services.picture)


def _shape(asks: Asking, target: Target, picture: Picture | None) -> Shape:
    drivers = {each.key: each.driver for each in asks.services.settings.targets()}
    doing = (picture or {"targets": {}})["targets"].get(target.key, {})
    return target_shape(target, drivers.get(target.key), doing)
