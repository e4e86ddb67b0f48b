"""What an error means on the wire; how it is written is a dialect's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tallyd.api.callers import TooManyRequestsError
from tallyd.domain.errors import (
    Forbidden,
    InvalidBooking,
    NotFound,
    Problem,
    Refused,
    RequestDiffers,
    ZoneUnknown,
)
from tallyd.ports.as_run import AsRunError
from tallyd.ports.store import StoreBusyError, StoreError, StoreFullError


class ApiError(Exception):
    """What a request cannot have: `status`, and a sentence for whoever asked."""

    status = 400

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class UnauthenticatedError(ApiError):
    """Nobody knows who asks."""

    status = 401


class ForbiddenError(ApiError):
    """Whoever asks may not."""

    status = 403


class BodyUnreadableError(ApiError):
    """The body is not what it says it is."""

    status = 400


class MediaTypeError(ApiError):
    """The body is of a kind that nobody asked for."""

    status = 415


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as it is to be written: `problems` name field, value and fix."""

    status: int
    sentence: str
    problems: tuple[Problem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def answer_of(error: Exception) -> Answer | None:
    """Give what an error means; None for one that nobody expected."""
    for kind, answer in _ANSWERS.items():
        if isinstance(error, kind):
            return answer(error)
    return None


def _cannot_be_read(error: RequestValidationError) -> Answer:
    problems = tuple(_problem(each) for each in error.errors())
    return Answer(400, "the request cannot be read", problems)


def _problem(found: Mapping[str, Any]) -> Problem:
    path = [str(each) for each in found["loc"]]
    name = ".".join(path[1:] or path)
    return Problem(name, str(found.get("input", ""))[:80], str(found["msg"]))


def _no_zone(error: ZoneUnknown) -> Answer:
    problem = Problem("timezone", error.zone, "give one such as Europe/Berlin")
    return Answer(400, str(error), (problem,))


def _again_in(seconds: int) -> Mapping[str, str]:
    return {"Retry-After": str(seconds)}


_FULL = Answer(507, "the disk of the database is full; nothing was stored")
_BUSY = Answer(503, "the database is busy; try again", headers=_again_in(1))
_BROKEN = Answer(503, "the database cannot be used now", headers=_again_in(5))

_ANSWERS: Mapping[type[Exception], Callable[[Any], Answer]] = {
    ApiError: lambda error: Answer(error.status, error.sentence),
    InvalidBooking: lambda error: Answer(400, "this cannot be booked", error.problems),
    ZoneUnknown: _no_zone,
    NotFound: lambda error: Answer(404, str(error)),
    Forbidden: lambda error: Answer(403, error.sentence),
    Refused: lambda error: Answer(409, error.brief),
    RequestDiffers: lambda error: Answer(422, str(error)),
    TooManyRequestsError: lambda error: Answer(
        429, str(error), headers=_again_in(error.retry_after_s)
    ),
    StoreFullError: lambda _: _FULL,
    StoreBusyError: lambda _: _BUSY,
    StoreError: lambda _: _BROKEN,
    AsRunError: lambda error: Answer(503, str(error), headers=_again_in(5)),
    HTTPException: lambda error: Answer(
        error.status_code, str(error.detail), headers=error.headers or {}
    ),
    RequestValidationError: _cannot_be_read,
}
"""What each kind of error means; the first that fits counts."""


def write_errors(
    app: FastAPI,
    write: Callable[[Request, Answer], Response],
    statuses: Mapping[type[Exception], int] = MappingProxyType({}),
) -> None:
    """Have an application write every expected error as `write` does.

    `statuses` are those that a dialect gives kinds of errors in place of the usual ones.
    """

    async def handle(request: Request, error: Exception) -> Response:
        answer = answer_of(error)
        if answer is None:
            raise error
        own = statuses.get(type(error))
        response = write(request, answer if own is None else replace(answer, status=own))
        response.headers.update(answer.headers)
        return response

    for kind in _ANSWERS:
        app.add_exception_handler(kind, handle)
