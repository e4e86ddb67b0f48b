"""Native routes of rooms and channels, of what the engine does now, and of who asks."""

from collections.abc import Mapping
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path
from starlette.responses import Response

from tallyd.api.native.asking import Asking, Asks, reply
from tallyd.api.native.bodies import TARGET
from tallyd.api.native.replies import LockReply, MeReply, StatusReply, TargetReply, gives
from tallyd.api.services import Picture
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Target
from tallyd.notation.shapes import Shape, target_shape

router = APIRouter(tags=["targets"])

Key = Annotated[str, Path(pattern=TARGET)]
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
