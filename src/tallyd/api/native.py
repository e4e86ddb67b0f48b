"""The native interface `/api/v1`. What is done is done by bookings and reports."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from tallyd.api.answers import Answer, UnauthenticatedError, write_errors
from tallyd.api.services import Services
from tallyd.domain.accounts import Caller, Purpose

PATH = "/api/v1"


def build(services: Services) -> Mapping[str, ASGIApp]:
    """Give the native application."""
    app = FastAPI(title="tallyd", docs_url=None, redoc_url=None)
    write_errors(app, problem_response)

    async def caller(request: Request) -> Caller:
        return await caller_of_request(services, request)

    @app.get("/targets")
    async def targets(request: Request) -> list[dict[str, object]]:
        await caller(request)
        return [{"target": each.key} for each in await services.reports.targets()]

    return {PATH: app}


async def caller_of_request(services: Services, request: Request) -> Caller:
    """Tell who asks.

    Raises:
        UnauthenticatedError: nobody knows.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        known = await services.callers.of_token(
            request, token.strip(), Purpose.NATIVE, Purpose.LOGIN
        )
        if known is not None:
            return known
    elif (local := services.callers.of_peer(request)) is not None:
        return local
    else:
        services.callers.of_nobody(request)
    raise UnauthenticatedError("give a valid key: Authorization: Bearer KEY")


def problem_response(_request: Request, answer: Answer) -> Response:
    """Write an error as `application/problem+json`."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
        "detail": answer.sentence,
        "problems": [
            {"field": each.field, "value": each.value, "fix": each.fix} for each in answer.problems
        ],
    }
    headers = {"WWW-Authenticate": "Bearer"} if answer.status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(body, answer.status, headers, media_type="application/problem+json")
