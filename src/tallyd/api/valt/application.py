"""The routes of `/api/v3`: who may call what, how it is answered. What is done is elsewhere."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tallyd.api.answers import Answer, write_errors
from tallyd.api.services import Services
from tallyd.api.valt import answers
from tallyd.api.valt.desk import Desk
from tallyd.api.valt.recordings import NotStarted, RoomDesk
from tallyd.api.valt.schedules import ScheduleDesk
from tallyd.api.valt.values import InvalidField, MalformedBody, Object, parse_body

PATH = "/api/v3"


def build(services: Services) -> Mapping[str, ASGIApp]:
    """Give the application of the dialect."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    desk = Desk(services)
    _write_refusals(app)
    _route_login(app, services)
    _route_appliance(app, desk)
    _route_schedule_lists(app, desk)
    _route_schedule_changes(app, desk)
    _route_rooms(app, desk)
    _route_recordings(app, desk)
    return {PATH: app}


def _write_refusals(app: FastAPI) -> None:
    write_errors(app, _refusal)

    @app.exception_handler(InvalidField)
    async def _invalid(_request: Request, error: Exception) -> Response:
        return JSONResponse(answers.error(400, str(error)), 400)

    @app.exception_handler(MalformedBody)
    async def _malformed(_request: Request, error: Exception) -> Response:
        return JSONResponse(answers.error(500, str(error)), 500)

    @app.exception_handler(NotStarted)
    async def _not_started(_request: Request, error: Exception) -> Response:
        return JSONResponse(answers.not_started(400, str(error)), 400)


def _refusal(_request: Request, answer: Answer) -> Response:
    """Write an error in VALT's shape; it has no word for a conflict but 400."""
    if answer.status == HTTPStatus.NOT_FOUND:
        return JSONResponse(answers.not_found(), 404)
    code = 400 if answer.status == HTTPStatus.CONFLICT else answer.status
    sentence = answers.problems(answer.problems) or answer.sentence
    return JSONResponse(answers.error(code, sentence), code)


async def _object(request: Request) -> Object:
    return parse_body(await request.body())


def _found(body: object | None, otherwise: answers.Json) -> Response:
    """Give what was done, or 404 where there was nothing to do it to."""
    return JSONResponse(otherwise, 404) if body is None else JSONResponse(body)


def _written(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _route_login(app: FastAPI, services: Services) -> None:
    @app.post("/login")
    async def login(request: Request) -> Response:
        body = await _object(request)
        name, password = body.get("username"), body.get("password")
        if isinstance(name, str) and isinstance(password, str):
            issued = await services.callers.log_in(request, name, password)
            if issued is not None:
                return JSONResponse(answers.login(issued.secret))
        return JSONResponse(dict(answers.LOGIN_REFUSED), 401)


def _route_appliance(app: FastAPI, desk: Desk) -> None:
    rooms = RoomDesk(desk)

    @app.get("/admin/general")
    async def general(request: Request) -> Response:
        await desk.caller(request)
        return JSONResponse(answers.version())

    @app.get("/admin/users")
    async def users(request: Request) -> Response:
        await desk.caller(request)
        return JSONResponse(await rooms.users())

    @app.get("/admin/users/{user_id}")
    async def user(request: Request, user_id: str) -> Response:
        await desk.caller(request)
        return JSONResponse(await rooms.user(user_id))

    @app.get("/admin/rooms")
    async def every_room(request: Request) -> Response:
        await desk.caller(request)
        return JSONResponse(await rooms.every())

    @app.get("/admin/rooms/{room_id}")
    async def room(request: Request, room_id: str) -> Response:
        await desk.caller(request)
        return JSONResponse(await rooms.details(room_id))

    @app.get("/admin/rooms/{room_id}/cameras")
    async def cameras(request: Request, room_id: str) -> Response:
        await desk.caller(request)
        return JSONResponse(await rooms.cameras(room_id))


def _route_schedule_lists(app: FastAPI, desk: Desk) -> None:
    schedules = ScheduleDesk(desk)

    @app.get("/schedule")
    async def every(request: Request) -> Response:
        return _written(await schedules.every(await desk.caller(request)))

    @app.get("/schedule/blocked")
    async def blocked(request: Request) -> Response:
        return _written(await schedules.blocked(await desk.caller(request)))

    @app.get("/schedule/conflict")
    async def conflicting(request: Request) -> Response:
        return _written(await schedules.conflicting(await desk.caller(request)))

    @app.get("/schedule/{schedule_id}")
    async def details(request: Request, schedule_id: str) -> Response:
        return JSONResponse(await schedules.details(await desk.caller(request), schedule_id))


def _route_schedule_changes(app: FastAPI, desk: Desk) -> None:
    schedules = ScheduleDesk(desk)

    @app.post("/schedule")
    async def create(request: Request) -> Response:
        caller = await desk.booker(request)
        return JSONResponse(await schedules.create(caller, await _object(request)))

    @app.post("/schedule/{schedule_id}/edit")
    async def edit(request: Request, schedule_id: str) -> Response:
        caller = await desk.booker(request)
        return JSONResponse(await schedules.edit(caller, schedule_id, await _object(request)))

    @app.post("/schedule/{schedule_id}/delete_next")
    async def delete_next(request: Request, schedule_id: str) -> Response:
        caller = await desk.booker(request)
        return JSONResponse(await schedules.delete_next(caller, schedule_id))

    @app.post("/schedule/{schedule_id}/delete")
    async def delete(request: Request, schedule_id: str) -> Response:
        caller = await desk.booker(request)
        return JSONResponse(await schedules.delete(caller, schedule_id))

    @app.post("/schedule/{schedule_id}/stop")
    async def stop(request: Request, schedule_id: str) -> Response:
        caller = await desk.booker(request)
        found = await schedules.stop(caller, schedule_id)
        return _found(found, answers.schedule_not_recording())


def _route_rooms(app: FastAPI, desk: Desk) -> None:
    rooms = RoomDesk(desk)

    @app.get("/rooms/info")
    async def infos(request: Request) -> Response:
        return JSONResponse(await rooms.infos(await desk.caller(request)))

    @app.get("/rooms/info/{room_id}")
    async def info(request: Request, room_id: str) -> Response:
        return JSONResponse(await rooms.info(await desk.caller(request), room_id))

    @app.get("/rooms/{room_id}/status")
    async def status(request: Request, room_id: str) -> Response:
        return JSONResponse(await rooms.status(await desk.caller(request), room_id))

    @app.post("/rooms/{room_id}/lock")
    async def lock(request: Request, room_id: str) -> Response:
        await desk.booker(request)
        return JSONResponse(await rooms.lock(room_id))

    @app.post("/rooms/{room_id}/unlock")
    async def unlock(request: Request, room_id: str) -> Response:
        await desk.booker(request)
        return JSONResponse(await rooms.unlock(room_id))


def _route_recordings(app: FastAPI, desk: Desk) -> None:
    rooms = RoomDesk(desk)

    @app.post("/rooms/{room_id}/record/start")
    async def start(request: Request, room_id: str) -> Response:
        caller = await desk.booker(request)
        return JSONResponse(await rooms.start(caller, room_id, await _object(request)))

    @app.post("/rooms/{room_id}/record/stop")
    async def stop(request: Request, room_id: str) -> Response:
        caller = await desk.booker(request)
        return _found(await rooms.stop(caller, room_id), answers.nothing_to_stop())

    @app.post("/rooms/{room_id}/record/pause")
    async def pause(request: Request, room_id: str) -> Response:
        caller = await desk.booker(request)
        return _found(await rooms.pause(caller, room_id), answers.nothing_to_pause())

    @app.post("/rooms/{room_id}/record/resume")
    async def resume(request: Request, room_id: str) -> Response:
        caller = await desk.booker(request)
        return _found(await rooms.resume(caller, room_id), answers.nothing_to_pause())
