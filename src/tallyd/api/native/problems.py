"""How the native interface writes what is wrong: `application/problem+json`, with every field."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response

from tallyd.api.answers import Answer

MEDIA_TYPE = "application/problem+json"
_COMPONENTS = "#/components/schemas"


class ProblemRow(BaseModel):
    """One thing that is wrong: the field, the value as given, and what to do about it."""

    model_config = ConfigDict(extra="forbid")

    field: str
    value: str
    fix: str


class ProblemReport(BaseModel):
    """What is wrong with a request."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    problems: list[ProblemRow]


_TOLD = {
    400: "Not to be read.",
    401: "Nobody knows who asks.",
    403: "Whoever asks may not.",
    404: "There is no such thing, or whoever asks may not know of it.",
    409: "It can be read, but cannot be done as things are; `problems` says what to change.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "It cannot be read; `problems` says what to write.",
    429: "Too often; come again after `Retry-After` seconds.",
    503: "The database cannot be used now.",
    507: "The disk is full.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": sentence,
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_COMPONENTS}/{ProblemReport.__name__}"}}},
    }
    for status, sentence in _TOLD.items()
}
"""Every error that any route may answer with, for the description."""


def describe_problems(description: dict[str, Any]) -> None:
    """Put what `PROBLEMS` refers to into a description."""
    found = ProblemReport.model_json_schema(ref_template=_COMPONENTS + "/{model}")
    rows = found.pop("$defs")
    description["components"]["schemas"] |= {**rows, ProblemReport.__name__: found}


def problem_response(answer: Answer) -> Response:
    """Write an error."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
        "detail": answer.sentence,
        "problems": [
            {"field": each.field, "value": each.value, "fix": each.fix} for each in answer.problems
        ],
    }
    return JSONResponse(body, answer.status, _headers(answer), MEDIA_TYPE)


def _headers(answer: Answer) -> Mapping[str, str]:
    unknown = answer.status == HTTPStatus.UNAUTHORIZED
    return {**answer.headers, "WWW-Authenticate": "Bearer"} if unknown else answer.headers
