"""Every route of every application, and who may call it. Asks nothing."""

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Any

from starlette.routing import BaseRoute, Mount, Route

V1, V3, V4 = "/api/v1", "/api/v3", "/api/v4"
CHANNEL, PLAYLISTS = f"{V4}/channels/{{channel}}", f"{V4}/linear-playlist"
EVENTS = "/v2/channels/{channel_id}/events"
ASSET, PLAYLIST = "a" * 32, "b" * 32
"""A file of the library that belongs to nobody, and a playlist of somebody's."""


class Kind(Enum):
    """Who may call a route, and what comes of it."""

    OPEN = auto()
    """Anybody, also without an account."""

    PROVE = auto()
    """Whoever proves in the request itself who it is; what is sent here proves nothing."""

    LOOK = auto()
    """Whoever has an account; what is another's is not there."""

    PROGRAMME = auto()
    """Whoever has an account: it is what a channel is going to play, whoever booked it."""

    ASK = auto()
    """Whoever may book; nothing is stored."""

    MAKE = auto()
    """Whoever may book; it makes something of one's own."""

    CHANGE = auto()
    """Whoever owns it, and admins."""

    HOUSE = auto()
    """Whoever may book: it belongs to nobody."""

    ADMIN = auto()
    """Admins alone."""

    NOBODY = auto()
    """Nobody, admins included: it answers that it is not done so here."""


BODY = {"target": "rooms.aula", "name": "Mine", "start": "2036-12-01T09:00", "duration": "1h"}
WISH = {"name": "Mine", "room": 7, "start_at": 2_111_824_800, "duration": 3600}
EXCLUDED = {"excluded": True}
ENTRY = {"content_type": "ad", "dur": 1_800_000, "start": "2036-12-01T09:00:00.000Z"}
BLOCK = {"playlist_id": ASSET, "start": "2036-12-01T12:00:00.000Z"}
EVENT = {
    "title": "Mine",
    "description": "",
    "date": "2036-12-02",
    "time": "09:00",
    "timezone": "Europe/Rome",
    "duration": "30",
}
CLIENT = {"client_id": "0" * 32, "client_secret": "0" * 64}
CONSENT = {
    "response_type": "code",
    "client_id": "0" * 32,
    "redirect_uri": "https://program.example/",
    "decision": "allow",
    "username": "alice",
    "password": "a wrong one",
}

TABLE: Mapping[tuple[str, str], tuple[Kind, Any]] = {
    ("GET", "/healthz"): (Kind.OPEN, None),
    ("GET", "/metrics"): (Kind.LOOK, None),
    ("GET", f"{V1}/openapi.json"): (Kind.OPEN, None),
    ("GET", f"{V1}/targets"): (Kind.LOOK, None),
    ("GET", f"{V1}/targets/{{target}}"): (Kind.LOOK, None),
    ("GET", f"{V1}/targets/{{channel_key}}/as-run"): (Kind.LOOK, None),
    ("PUT", f"{V1}/targets/{{target}}/lock"): (Kind.ADMIN, None),
    ("DELETE", f"{V1}/targets/{{target}}/lock"): (Kind.ADMIN, None),
    ("GET", f"{V1}/status"): (Kind.LOOK, None),
    ("GET", f"{V1}/me"): (Kind.LOOK, None),
    ("GET", f"{V1}/schedules"): (Kind.LOOK, None),
    ("POST", f"{V1}/schedules"): (Kind.MAKE, BODY),
    ("GET", f"{V1}/schedules/{{schedule_id}}"): (Kind.LOOK, None),
    ("PATCH", f"{V1}/schedules/{{schedule_id}}"): (Kind.CHANGE, {"name": "Mine"}),
    ("DELETE", f"{V1}/schedules/{{schedule_id}}"): (Kind.CHANGE, None),
    ("GET", f"{V1}/schedules/{{schedule_id}}/overrides"): (Kind.LOOK, None),
    ("PUT", f"{V1}/schedules/{{schedule_id}}/overrides/{{occurrence}}"): (Kind.CHANGE, EXCLUDED),
    ("GET", f"{V1}/plan"): (Kind.LOOK, None),
    ("POST", f"{V1}/plan"): (Kind.ASK, {"with": [{**BODY, "start": "now"}]}),
    ("GET", f"{V1}/runs"): (Kind.LOOK, None),
    ("GET", f"{V1}/runs/{{run_id}}"): (Kind.LOOK, None),
    ("POST", f"{V1}/runs/{{run_id}}/stop"): (Kind.CHANGE, None),
    ("POST", f"{V1}/runs/{{run_id}}/pause"): (Kind.CHANGE, None),
    ("POST", f"{V1}/runs/{{run_id}}/resume"): (Kind.CHANGE, None),
    ("POST", f"{V1}/runs/{{run_id}}/extend"): (Kind.CHANGE, {"by": "1m"}),
    ("GET", f"{V1}/exceptions"): (Kind.LOOK, None),
    ("POST", f"{V1}/exceptions"): (Kind.ADMIN, {"date": "2036-12-01", "name": "Mine"}),
    ("DELETE", f"{V1}/exceptions/{{day_id}}"): (Kind.ADMIN, None),
    ("POST", f"{V3}/login"): (Kind.PROVE, {"username": "alice", "password": "a wrong one"}),
    ("GET", f"{V3}/admin/general"): (Kind.LOOK, None),
    ("GET", f"{V3}/admin/users"): (Kind.LOOK, None),
    ("GET", f"{V3}/admin/users/{{user_id}}"): (Kind.LOOK, None),
    ("GET", f"{V3}/admin/rooms"): (Kind.LOOK, None),
    ("GET", f"{V3}/admin/rooms/{{room_id}}"): (Kind.LOOK, None),
    ("GET", f"{V3}/admin/rooms/{{room_id}}/cameras"): (Kind.LOOK, None),
    ("GET", f"{V3}/schedule"): (Kind.LOOK, None),
    ("POST", f"{V3}/schedule"): (Kind.MAKE, WISH),
    ("GET", f"{V3}/schedule/blocked"): (Kind.LOOK, None),
    ("GET", f"{V3}/schedule/conflict"): (Kind.LOOK, None),
    ("GET", f"{V3}/schedule/{{schedule_id}}"): (Kind.LOOK, None),
    ("POST", f"{V3}/schedule/{{schedule_id}}/edit"): (Kind.CHANGE, {"name": "Mine"}),
    ("POST", f"{V3}/schedule/{{schedule_id}}/delete_next"): (Kind.CHANGE, None),
    ("POST", f"{V3}/schedule/{{schedule_id}}/delete"): (Kind.CHANGE, None),
    ("POST", f"{V3}/schedule/{{schedule_id}}/stop"): (Kind.CHANGE, None),
    ("GET", f"{V3}/rooms/info"): (Kind.LOOK, None),
    ("GET", f"{V3}/rooms/info/{{room_id}}"): (Kind.LOOK, None),
    ("GET", f"{V3}/rooms/{{room_id}}/status"): (Kind.LOOK, None),
    ("POST", f"{V3}/rooms/{{room_id}}/lock"): (Kind.HOUSE, None),
    ("POST", f"{V3}/rooms/{{room_id}}/unlock"): (Kind.HOUSE, None),
    ("POST", f"{V3}/rooms/{{room_id}}/record/start"): (Kind.MAKE, {"name": "Mine"}),
    ("POST", f"{V3}/rooms/{{room_id}}/record/stop"): (Kind.CHANGE, None),
    ("POST", f"{V3}/rooms/{{room_id}}/record/pause"): (Kind.CHANGE, None),
    ("POST", f"{V3}/rooms/{{room_id}}/record/resume"): (Kind.CHANGE, None),
    ("GET", f"{V4}/channels"): (Kind.LOOK, None),
    ("POST", f"{V4}/channels"): (Kind.NOBODY, {"desc": "Mine"}),
    ("GET", CHANNEL): (Kind.LOOK, None),
    ("PATCH", CHANNEL): (Kind.NOBODY, {"desc": "Mine"}),
    ("DELETE", CHANNEL): (Kind.NOBODY, None),
    ("GET", f"{CHANNEL}/schedules"): (Kind.LOOK, None),
    ("POST", f"{CHANNEL}/schedules"): (Kind.MAKE, ENTRY),
    ("DELETE", f"{CHANNEL}/schedules"): (Kind.CHANGE, None),
    ("GET", f"{CHANNEL}/schedules/{{entry}}"): (Kind.LOOK, None),
    ("PATCH", f"{CHANNEL}/schedules/{{entry}}"): (Kind.CHANGE, {"desc": "Mine"}),
    ("DELETE", f"{CHANNEL}/schedules/{{entry}}"): (Kind.CHANGE, None),
    ("GET", PLAYLISTS): (Kind.LOOK, None),
    ("GET", f"{PLAYLISTS}/"): (Kind.LOOK, None),
    ("POST", PLAYLISTS): (Kind.MAKE, {"playlist": [{"ad": {"dur": 30}}]}),
    ("POST", f"{PLAYLISTS}/"): (Kind.MAKE, {"playlist": [{"ad": {"dur": 30}}]}),
    ("GET", f"{PLAYLISTS}/{{playlist}}"): (Kind.LOOK, None),
    ("PATCH", f"{PLAYLISTS}/{{playlist}}"): (Kind.CHANGE, {"desc": "Mine"}),
    ("DELETE", f"{PLAYLISTS}/{{playlist}}"): (Kind.CHANGE, None),
    ("POST", f"{V4}/smart-start"): (Kind.HOUSE, {"asset_id": ASSET}),
    ("POST", f"{CHANNEL}/schedule-playlist"): (Kind.MAKE, BLOCK),
    ("GET", f"{EVENTS}.json"): (Kind.LOOK, None),
    ("POST", f"{EVENTS}.json"): (Kind.MAKE, EVENT),
    ("GET", f"{EVENTS}/{{event_id}}.json"): (Kind.LOOK, None),
    ("PUT", f"{EVENTS}/{{event_id}}.json"): (Kind.CHANGE, EVENT),
    ("DELETE", f"{EVENTS}/{{event_id}}.json"): (Kind.CHANGE, None),
    ("GET", "/channels/{channel_id}/upcoming-events.json"): (Kind.PROGRAMME, None),
    ("POST", "/oauth2/token"): (Kind.PROVE, {"grant_type": "client_credentials", **CLIENT}),
    ("POST", "/oauth2/token/revoke"): (Kind.PROVE, {"token": "0" * 40, **CLIENT}),
    ("GET", "/authorize"): (Kind.PROVE, None),
    ("POST", "/authorize"): (Kind.PROVE, CONSENT),
}
"""What each route is, and a body that it would take from whoever may; a new one needs its row."""


def walked(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give method and path of every route, whatever application it is in."""
    for route in routes:
        if isinstance(route, Mount):
            yield from walked(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, prefix + route.path
        else:  # a router that was included
            yield from walked(route.original_router.routes, prefix)


def unclassified(routes: Iterable[BaseRoute]) -> set[tuple[str, str]]:
    """Give the routes that are in the table or among the routes, and not in both."""
    return set(walked(routes)) ^ TABLE.keys()
