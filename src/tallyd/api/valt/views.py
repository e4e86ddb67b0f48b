"""What clients see of schedules: the object, the lists, in VALT's words. Pure; loads nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tallyd.api.valt.rules import rule_view
from tallyd.domain.model import Schedule, Verdict
from tallyd.domain.window import Window, to_ms

Json = dict[str, object]

_MS = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """A room or a person, as clients know it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A schedule as it is shown: its running or next window, and what is said of its chances."""

    schedule: Schedule
    room: Named
    author: Named
    window: Window
    started: bool
    verdict: Verdict = Verdict.CLEAR


def schedule_view(shown: Shown) -> Json:
    """Give the schedule object; `room` is for old clients, `rooms` for new ones."""
    schedule = shown.schedule
    start, stop = epoch(shown.window.start), -(-to_ms(shown.window.stop) // _MS)
    metadata = schedule.metadata
    return {
        "id": schedule.id,
        "name": schedule.name,
        "template": template_view(metadata.template),
        "author": named_view(shown.author),
        "room": named_view(shown.room),
        "rooms": [named_view(shown.room)],
        "created": epoch(schedule.created),
        "start_at": start,
        "stop_at": stop,
        "duration": stop - start,
        "status": "started" if shown.started else "pending",
        "recurrence": rule_view(schedule.recurrence, schedule.start),
        "shared": {
            "users": list(metadata.shared_users),
            "user_groups": list(metadata.shared_groups),
        },
    }


def epoch(instant: datetime) -> int:
    """Give whole seconds since 1970, cut off."""
    return to_ms(instant) // _MS


def named_view(named: Named) -> Json:
    """Give an id with its name."""
    return {"id": named.id, "name": named.name}


def template_view(template: Mapping[str, str]) -> list[Json] | None:
    """Give metadata fields; a field is called by its id, for nobody said what it is called."""
    if not template:
        return None
    return [
        {"id": int(key) if key.isascii() and key.isdigit() else key, "name": key, "value": value}
        for key, value in template.items()
    ]


def list_view(every: Iterable[Shown]) -> Json:
    """Give the list of schedules, with the ids of those in trouble."""
    shown = tuple(every)
    return {
        "data": {
            "schedules": [schedule_view(each) for each in shown],
            "blocked_schedules": [each.schedule.id for each in _with(shown, Verdict.BLOCKED)],
            "conflict_schedules": [each.schedule.id for each in _with(shown, Verdict.CONFLICT)],
            "total_count": len(shown),
        }
    }


def blocked_view(every: Iterable[Shown]) -> Json:
    """Give the schedules of which an occurrence is covered wholly; none is an inner empty list."""
    found = [schedule_view(each) for each in _with(every, Verdict.BLOCKED)]
    return {"data": {"blocked_schedules": found}}


def conflict_view(every: Iterable[Shown]) -> Json:
    """Give the schedules of which an occurrence is covered partly and none wholly."""
    found = [schedule_view(each) for each in _with(every, Verdict.CONFLICT)]
    return {"data": {"conflict_schedules": found}}


def _with(every: Iterable[Shown], verdict: Verdict) -> list[Shown]:
    return [each for each in every if each.verdict is verdict]
