"""Native routes of what became of occurrences, and of what runs now."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tallyd.api.native.asking import LAST_ID, Asking, Asks, OnConflict, reply
from tallyd.api.native.bodies import Extension, Moment, Target
from tallyd.api.native.periods import moment_of
from tallyd.api.native.replies import ExtendedReply, RunReply, gives
from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, NotFound, Problem
from tallyd.domain.model import Run
from tallyd.domain.window import EPOCH, FAR_FUTURE, Window
from tallyd.notation.shapes import Shape, run_shape
from tallyd.notation.values import booking_duration
from tallyd.ports.as_run import Aired

router = APIRouter(tags=["runs"])

Id = Annotated[int, Path(ge=1, le=LAST_ID)]
_USUAL_LIMIT = 100
_MOST = 1000


@router.get("/runs", responses=gives(list[RunReply]))
async def list_(
    asks: Asks,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    to: Annotated[Moment | None, Query()] = None,
    target: Annotated[Target | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = _USUAL_LIMIT,
) -> Response:
    """Show what became of every occurrence, the newest first."""
    reports = asks.services.reports
    if target is not None and all(each.key != target for each in await reports.targets()):
        raise NotFound("target", target)
    visible = await asks.visible()
    found = await reports.runs(_period(asks, since, to), target, limit)
    known = [run for run in found if _is_known(run, visible)]
    on_air = await reports.on_air(known)
    return reply([_shape(asks, run, visible, on_air) for run in known])


@router.get("/runs/{run_id}", responses=gives(RunReply))
async def show(asks: Asks, run_id: Id) -> Response:
    """Show what became of one occurrence."""
    return await _told(asks, await asks.run(run_id))


@router.post("/runs/{run_id}/stop", responses=gives(RunReply))
async def stop(asks: Asks, run_id: Id) -> Response:
    """Let a run that has begun end now."""
    await asks.own_run(run_id)
    return await _told(asks, await asks.services.bookings.stop_run(run_id))


@router.post("/runs/{run_id}/pause", responses=gives(RunReply))
async def pause(asks: Asks, run_id: Id) -> Response:
    """Let a run record nothing until it is resumed."""
    await asks.own_run(run_id)
    return await _told(asks, await asks.services.bookings.pause_run(run_id))


@router.post("/runs/{run_id}/resume", responses=gives(RunReply))
async def resume(asks: Asks, run_id: Id) -> Response:
    """Let a paused run record on."""
    await asks.own_run(run_id)
    return await _told(asks, await asks.services.bookings.resume_run(run_id))


@router.post("/runs/{run_id}/extend", responses=gives(ExtendedReply))
async def extend(
    asks: Asks, run_id: Id, body: Extension, on_conflict: OnConflict = Policy.REJECT
) -> Response:
    """Let a run end later; only free time is taken unless forced."""
    asks.require_policy(on_conflict)
    await asks.own_run(run_id)
    try:
        by = booking_duration(body.by)
    except ValueError as error:
        raise InvalidBooking(Problem("by", body.by, str(error))) from None
    longer = await asks.services.bookings.extend_run(run_id, by, on_conflict)
    return reply({"run_id": run_id, "start": longer.start, "stop": longer.stop})


def _period(asks: Asking, since: str | None, to: str | None) -> Window:
    now, zone = asks.services.clock.now(), asks.services.zone
    start = EPOCH if since is None else moment_of("from", since, zone, now)
    stop = FAR_FUTURE if to is None else moment_of("to", to, zone, now)
    if stop <= start:
        raise InvalidBooking(Problem("to", to or "", "it must be later than from"))
    return Window(start, stop)


def _is_known(run: Run, visible: frozenset[int] | None) -> bool:
    return visible is None or run.schedule_id in visible


async def _told(asks: Asking, run: Run) -> Response:
    on_air = await asks.services.reports.on_air([run])
    return reply(_shape(asks, run, await asks.visible(), on_air))


def _shape(
    asks: Asking,
    run: Run,
    visible: frozenset[int] | None,
    on_air: Mapping[int, Sequence[Aired]],
) -> Shape:
    """Give a run; of whoever stood in its way nothing is told that may not be known."""
    shape = run_shape(run, asks.services.clock.now(), on_air.get(run.id))
    if visible is not None and run.blocker is not None and run.blocker not in visible:
        shape["blocker"] = None
        shape["sentence"] = "somebody else held the room"
    return shape
