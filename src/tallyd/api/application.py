"""The whole of what is served: the gate, and behind it one application for each dialect."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from tallyd.api import ibm, native, uplynk, valt
from tallyd.api.answers import Answer
from tallyd.api.gate import Gate
from tallyd.api.metrics import Metrics, metrics_response
from tallyd.api.native.problems import problem_response
from tallyd.api.services import Dialect, Services

DIALECTS: Sequence[Dialect] = (
    Dialect("native", native.build),
    Dialect("valt", valt.build),
    Dialect("ibm", ibm.build),
    Dialect("uplynk", uplynk.build),
)
"""Every dialect that there is; `[http] dialects` switches them."""


def application(services: Services) -> ASGIApp:
    """Give what answers every request."""
    http = services.settings.http
    return Gate(routed(services), http.hosts, http.body_max_kib * 1024)


def routed(services: Services) -> Starlette:
    """Give every route that there is, without the gate before them."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    counted = Metrics(services)

    async def metrics(request: Request) -> Response:
        return await metrics_response(counted, services, request)

    apps = [
        served
        for dialect in DIALECTS
        if dialect.name in services.settings.http.dialects
        for served in dialect.build(services).items()
    ]
    # The longest path first: one that has none of its own gets what is nobody else's.
    apps.sort(key=lambda served: len(served[0]), reverse=True)
    mounts = [Mount(path, app) for path, app in apps]
    routes = [Route("/healthz", healthz), Route("/metrics", metrics), *mounts]
    return Starlette(routes=routes, exception_handlers={HTTPException: _nowhere})


async def _nowhere(_request: Request, error: Exception) -> Response:
    """Answer where no dialect is asked; a path with a line break leads to none."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return problem_response(Answer(status, "there is nothing here: see /api/v1/openapi.json"))
