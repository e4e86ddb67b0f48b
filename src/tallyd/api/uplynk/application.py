"""The routes of `/api/v4`: who may call what, how it is answered. What is done is elsewhere."""

from collections.abc import Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tallyd.api.answers import Answer, ForbiddenError, write_errors
from tallyd.api.services import Services
from tallyd.api.uplynk import views
from tallyd.api.uplynk.desk import Desk, path_of
from tallyd.api.uplynk.playlists import PlaylistDesk
from tallyd.api.uplynk.schedules import ScheduleDesk
from tallyd.api.uplynk.signature import parameters
from tallyd.api.uplynk.values import Object, parse_body

PATH = "/api/v4"
_CONFIGURED = "channels are what the configuration of tallyd says: ask its administrator"


def build(services: Services) -> Mapping[str, ASGIApp]:
    """Give the application of the dialect."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    desk = Desk(services)
    write_errors(app, _refusal)
    _route_channels(app, desk)
    _route_schedules(app, desk)
    _route_entries(app, desk)
    _route_playlists(app, desk)
    return {PATH: app}


def _refusal(request: Request, answer: Answer) -> Response:
    said = "; ".join(f"{each.field}: {each.fix}" for each in answer.problems)
    body = views.error(path_of(request), answer.status, said or answer.sentence)
    return JSONResponse(body, answer.status)


async def _object(request: Request) -> Object:
    return parse_body(await request.body())


def _query(request: Request) -> Mapping[str, str]:
    return parameters(request.scope["query_string"])


def _route_channels(app: FastAPI, desk: Desk) -> None:
    @app.get("/channels")
    async def every(request: Request) -> Response:
        found = await desk.channels(await desk.signer(request))
        shown = [views.channel(each.target, each.words, each.use) for each in found]
        return JSONResponse(views.collection(path_of(request), shown))

    @app.get("/channels/{channel}")
    async def one(request: Request, channel: str) -> Response:
        found = await desk.channel(await desk.signer(request), channel)
        shown = views.channel(found.target, found.words, found.use)
        return JSONResponse(shown | {"ad_slate": found.ad_slate, "blackout_slate": ""})

    @app.post("/channels")
    async def create(request: Request) -> Response:
        await desk.booker(request)
        raise ForbiddenError(_CONFIGURED)

    @app.patch("/channels/{channel}")
    async def change(request: Request, channel: str) -> Response:
        await desk.channel(await desk.booker(request), channel)
        raise ForbiddenError(_CONFIGURED)

    @app.delete("/channels/{channel}")
    async def delete(request: Request, channel: str) -> Response:
        await desk.channel(await desk.booker(request), channel)
        raise ForbiddenError(_CONFIGURED)


def _route_schedules(app: FastAPI, desk: Desk) -> None:
    schedules = ScheduleDesk(desk)

    @app.get("/channels/{channel}/schedules")
    async def listed(request: Request, channel: str) -> Response:
        signer = await desk.signer(request)
        found = await desk.channel(signer, channel)
        return JSONResponse(
            await schedules.listed(signer, found, path_of(request), _query(request))
        )

    @app.post("/channels/{channel}/schedules")
    async def add(request: Request, channel: str) -> Response:
        signer, body = await desk.booker(request), await _object(request)
        found = await desk.scheduled_channel(signer, channel)
        return JSONResponse(await schedules.add(signer, found, body))

    @app.delete("/channels/{channel}/schedules")
    async def remove_range(request: Request, channel: str) -> Response:
        signer = await desk.booker(request)
        found = await desk.scheduled_channel(signer, channel)
        return JSONResponse(
            await schedules.remove_range(signer, found, path_of(request), _query(request))
        )

    @app.post("/channels/{channel}/schedule-playlist")
    async def add_playlist(request: Request, channel: str) -> Response:
        signer, body = await desk.booker(request), await _object(request)
        found = await desk.scheduled_channel(signer, channel)
        return JSONResponse(await schedules.add_playlist(signer, found, path_of(request), body))


def _route_entries(app: FastAPI, desk: Desk) -> None:
    schedules = ScheduleDesk(desk)

    @app.get("/channels/{channel}/schedules/{entry}")
    async def one(request: Request, channel: str, entry: str) -> Response:
        signer = await desk.signer(request)
        found = await desk.channel(signer, channel)
        return JSONResponse(await schedules.one(signer, found, entry, _query(request)))

    @app.patch("/channels/{channel}/schedules/{entry}")
    async def change(request: Request, channel: str, entry: str) -> Response:
        signer, body = await desk.booker(request), await _object(request)
        found = await desk.scheduled_channel(signer, channel)
        return JSONResponse(await schedules.change(signer, found, entry, body))

    @app.delete("/channels/{channel}/schedules/{entry}")
    async def remove(request: Request, channel: str, entry: str) -> Response:
        signer = await desk.booker(request)
        found = await desk.scheduled_channel(signer, channel)
        path, query = path_of(request), _query(request)
        return JSONResponse(await schedules.remove(signer, found, entry, path, query))


def _route_playlists(app: FastAPI, desk: Desk) -> None:
    playlists = PlaylistDesk(desk)

    @app.get("/linear-playlist")
    @app.get("/linear-playlist/")
    async def every(request: Request) -> Response:
        signer = await desk.signer(request)
        return JSONResponse(await playlists.listed(signer, path_of(request), _query(request)))

    @app.post("/linear-playlist")
    @app.post("/linear-playlist/")
    async def create(request: Request) -> Response:
        signer, body = await desk.booker(request), await _object(request)
        return JSONResponse(await playlists.add(signer, body))

    @app.post("/smart-start")
    async def smart_start(request: Request) -> Response:
        await desk.booker(request)
        return JSONResponse(await playlists.smart_start(await _object(request)))

    @app.get("/linear-playlist/{playlist}")
    async def one(request: Request, playlist: str) -> Response:
        return JSONResponse(await playlists.one(await desk.signer(request), playlist))

    @app.patch("/linear-playlist/{playlist}")
    async def change(request: Request, playlist: str) -> Response:
        signer, body = await desk.booker(request), await _object(request)
        return JSONResponse(await playlists.change(signer, playlist, body))

    @app.delete("/linear-playlist/{playlist}")
    async def remove(request: Request, playlist: str) -> Response:
        signer = await desk.booker(request)
        return JSONResponse(await playlists.remove(signer, playlist, path_of(request)))
