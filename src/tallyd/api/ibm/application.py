"""The routes of events, and how they are answered; those of OAuth are put beside them."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tallyd.api.answers import Answer, write_errors
from tallyd.api.ibm import answers
from tallyd.api.ibm.consent import route_consent
from tallyd.api.ibm.desk import Desk
from tallyd.api.ibm.events import edited_draft, event_view, new_draft
from tallyd.api.ibm.fields import InvalidFields, Wish, parse_body, parse_paging, parse_wish
from tallyd.api.ibm.limits import AllowanceHeaders
from tallyd.api.ibm.programme import Page
from tallyd.api.ibm.tokens import route_tokens, unavailable
from tallyd.api.services import Services

USUAL, MOST = 20, 1000
"""How many events a page has, and may have."""

MOST_UPCOMING = 50

_UPCOMING = "/channels/{channel_id}/upcoming-events.json"
_EVENTS = "/v2/channels/{channel_id}/events.json"
_EVENT = "/v2/channels/{channel_id}/events/{event_id}.json"


def build(services: Services) -> Mapping[str, ASGIApp]:
    """Give the application of the dialect; its paths have nothing in common to be put under."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.add_middleware(AllowanceHeaders)
    _write_refusals(app)
    desk = Desk(services)
    _route_lists(app, desk)
    _route_events(app, desk)
    route_tokens(app, services)
    route_consent(app, services)
    return {"": app}


def _write_refusals(app: FastAPI) -> None:
    write_errors(app, _refusal)

    @app.exception_handler(InvalidFields)
    async def _invalid(_request: Request, error: InvalidFields) -> Response:
        return JSONResponse(answers.invalid(error.details), 400)


def _refusal(request: Request, answer: Answer) -> Response:
    """Write an error in IBM's shape; a conflict is a 400 there, a full disk a 503."""
    if answer.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INSUFFICIENT_STORAGE}:
        return unavailable(request)
    if answer.problems:
        return JSONResponse(answers.problems(answer.problems), 400)
    conflict = answer.status == HTTPStatus.CONFLICT
    status = HTTPStatus.BAD_REQUEST if conflict else answer.status
    refusal = JSONResponse(answers.error(status, answer.sentence), status)
    if status == HTTPStatus.UNAUTHORIZED:
        refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return refusal


def _route_lists(app: FastAPI, desk: Desk) -> None:
    @app.get(_EVENTS)
    async def events(request: Request, channel_id: str) -> Response:
        caller = await desk.limited_caller(request)
        channel = await desk.own_channel(caller, channel_id)
        paging = parse_paging(request.query_params, USUAL, MOST)
        viewer = None if desk.sees_all(caller, channel) else caller
        page = await desk.programmes.of(channel).events(viewer, paging)
        address = _address(desk, request, f"/v2/channels/{channel.public_id}/events.json")
        return _listed(page, paging.counted_links(address, page.total))

    @app.get(_UPCOMING)
    async def upcoming(request: Request, channel_id: str) -> Response:
        await desk.caller(request)
        channel = await desk.channel(channel_id)
        paging = parse_paging(request.query_params, MOST_UPCOMING, MOST_UPCOMING)
        page = await desk.programmes.of(channel).upcoming(paging)
        path = f"/channels/{channel.public_id}/upcoming-events.json"
        return _listed(page, paging.links(_address(desk, request, path), page.total))


def _route_events(app: FastAPI, desk: Desk) -> None:
    bookings = desk.services.bookings

    @app.post(_EVENTS)
    async def create(request: Request, channel_id: str) -> Response:
        caller = await desk.limited_caller(request)
        channel = await desk.own_channel(caller, channel_id)
        desk.require_booker(caller)
        wish = await _wish(desk, request)
        made = await bookings.add(lambda now: new_draft(wish, channel.key, caller, now))
        path = f"/v2/channels/{channel.public_id}/events/{made.after.id}.json"
        return Response(status_code=201, headers={"Location": _address(desk, request, path)})

    @app.get(_EVENT)
    async def show(request: Request, channel_id: str, event_id: str) -> Response:
        caller = await desk.limited_caller(request)
        channel = await desk.own_channel(caller, channel_id)
        found = await desk.event(caller, channel, event_id)
        return JSONResponse({"event": event_view(found, channel.zone)})

    @app.put(_EVENT)
    async def change(request: Request, channel_id: str, event_id: str) -> Response:
        caller = await desk.limited_caller(request)
        channel = await desk.own_channel(caller, channel_id)
        desk.require_booker(caller)
        found = await desk.own_event(caller, channel, event_id)
        wish = await _wish(desk, request, known_zone=event_view(found, channel.zone)["timezone"])
        now = desk.now
        await bookings.edit(found.id, lambda known: edited_draft(wish, known, channel.zone, now))
        return Response()

    @app.delete(_EVENT)
    async def remove(request: Request, channel_id: str, event_id: str) -> Response:
        caller = await desk.limited_caller(request)
        channel = await desk.own_channel(caller, channel_id)
        desk.require_booker(caller)
        found = await desk.own_event(caller, channel, event_id)
        await bookings.remove(found.id)
        return Response()


async def _wish(desk: Desk, request: Request, known_zone: object = None) -> Wish:
    """Read the event in a body; the zone that an event is in already may stay."""
    given = parse_body(request.headers.get("content-type", ""), await request.body())
    accepted = desk.services.settings.http.ibm_timezones
    return parse_wish(given, "any" if given.get("timezone") == known_zone else accepted)


def _address(desk: Desk, request: Request, path: str) -> str:
    """Give the whole address of a path, as whoever asks can reach it."""
    host = request.headers.get("host", "localhost")
    return f"{desk.services.settings.http.public_url or f'http://{host}'}{path}"


def _listed(page: Page, paging: Mapping[str, object]) -> Response:
    links = json.dumps(paging, separators=(",", ":")).encode()
    body = b'{"events":[%b],"paging":%b}' % (b",".join(page.events), links)
    return Response(body, media_type="application/json")
