"""The bodies that VALT answers with: envelopes, refusals, acknowledgements. Pure."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tallyd.domain.errors import Problem

Json = dict[str, object]

NO_KEY = "No API key provided"
WRONG_KEY = "Invalid API key"
LOGIN_REFUSED: Mapping[str, object] = MappingProxyType({"data": "Invalid username or password"})
VERSION = "6.6.0"
"""What clients are told: from 6 on they use the comments of version 6."""

_NAMES = MappingProxyType(
    {
        "target": "room",
        "start": "start_at",
        "days": "recurrence.weeks_range",
        "count": "recurrence.end_after",
        "until": "recurrence.end_by",
    }
)


def error(code: int, message: str) -> Json:
    """Give a refusal with its reason."""
    return {"error": {"code": code, "message": message}}


def not_found() -> Json:
    """Give what is said of a schedule or a room that there is not."""
    return {"error": {"code": 404}}


def login(token: str) -> Json:
    """Give a token to its owner."""
    return {"data": {"access_token": token}}


def version() -> Json:
    """Give what clients ask first."""
    return {"data": {"version": VERSION}}


def problems(found: Iterable[Problem]) -> str:
    """Put what is wrong with a booking into one line, in the words that clients use."""
    return "; ".join(f"{_NAMES.get(each.field, each.field)}: {each.fix}" for each in found)


def stopped() -> Json:
    """Tell that what a schedule records was ended."""
    return {"data": None}


def schedule_not_recording() -> Json:
    """Give what is said where a schedule records nothing that could be stopped."""
    return {"data": {"message": "Schedule recording not found"}, "code": 404}


def started(run_id: int) -> Json:
    """Tell that a recording by hand begins."""
    return {"data": {"id": run_id, "start": True, "message": "The recording is started"}}


def not_started(code: int, reason: str) -> Json:
    """Tell why no recording begins."""
    return {"data": {"start": False, "message": reason}, "code": code}


def done(run_id: int) -> Json:
    """Tell that a recording was stopped, paused or resumed."""
    return {"data": {"id": run_id, "status": True}}


def nothing_to_stop() -> Json:
    """Tell that a room records nothing that could be stopped."""
    return {"data": {"message": "Recording in room not found", "status": False}, "code": 404}


def nothing_to_pause() -> Json:
    """Tell that a room records nothing that could be paused or resumed."""
    message = "The recording in the room is not found"
    return {"data": {"message": message, "status": False}, "code": 404}


def room_id(room: int) -> Json:
    """Tell that a room was locked or unlocked."""
    return {"data": {"id": room}}
