"""Puts the native application together: its routes, its errors, its description."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from tallyd import __version__
from tallyd.api.answers import Answer, write_errors
from tallyd.api.channels import ChannelOwners
from tallyd.api.native import days, plan, runs, schedules, targets
from tallyd.api.native.listing import Listing
from tallyd.api.native.problems import PROBLEMS, describe_problems, problem_response
from tallyd.api.services import Services
from tallyd.domain.errors import InvalidBooking, ZoneUnknown

PATH = "/api/v1"


class _Native(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Describe every route, with what its errors are made of."""
        known = self.openapi_schema
        found = super().openapi()
        if known is None:
            describe_problems(found)
        return found


def build(services: Services) -> Mapping[str, ASGIApp]:
    """Give the native application."""
    app = _Native(
        title="tallyd",
        version=__version__,
        description="Records every room and feeds every channel on schedule.",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
    )
    app.state.services = services
    app.state.listing = Listing(services)
    app.state.owners = ChannelOwners(services.settings)

    def write(_request: Request, answer: Answer) -> Response:
        return problem_response(answer)

    write_errors(app, write, {InvalidBooking: 409, ZoneUnknown: 409, RequestValidationError: 422})
    for part in (targets, schedules, plan, runs, days):
        app.include_router(part.router)
    return {PATH: app}
