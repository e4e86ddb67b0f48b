"""The description of the native interface, held against the server by generated requests."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from anyio import to_thread
from hypothesis import HealthCheck, Phase, given, settings

from api_rig import CONFIG, Api, api_at
from asrun_rig import log_of
from tallyd.api.native import targets
from tallyd.domain.accounts import Role
from tallyd.domain.model import Frequency, Part, Recurrence, Run, Schedule, Status, WallStart
from tallyd.domain.recurrence import slots_from, wall_time
from tallyd.domain.window import floor_ms, to_ms
from tallyd.drivers.playout.asrun import Change
from tallyd.notation.shapes import target_shape
from tallyd.nudge import Listener
from tallyd.state_dir import write_snapshot

EXAMPLES = 10
BEGUN_AGO = timedelta(minutes=10)
BOOKING = {
    "target": "rooms.aula",
    "name": "In the way",
    "start": "2036-12-01T09:00",
    "duration": "1h",
    "repeat": "weekly",
}
THERE = {
    "schedule_id": 1,
    "run_id": 1,
    "day_id": 1,
    "target": "rooms.lab",
    "channel_key": "channels.one",
    "occurrence": "next",
}
BODIES = {
    "POST /schedules": BOOKING,
    "PATCH /schedules/{schedule_id}": {"name": "Renamed"},
    "PUT /schedules/{schedule_id}/overrides/{occurrence}": {"excluded": True},
    "POST /plan": {"from": "2036-12-01", "to": "2036-12-08", "with": [BOOKING]},
    "POST /runs/{run_id}/extend": {"by": "1m"},
    "POST /exceptions": {"date": "2036-12-25", "name": "Closed"},
}
ORDER = ("POST", "PUT", "PATCH", "GET", "DELETE")
"""What is there is looked at before it goes."""


@pytest.fixture
async def furnished(api: Api) -> AsyncIterator[Api]:
    """Give a server with a recording that has begun, and a daemon that tells of it."""
    begun = floor_ms(api.services.clock.now()) - BEGUN_AGO
    schedule = Schedule(
        id=0,
        uid=uuid4().hex,
        target="rooms.aula",
        name="Lecture",
        start=WallStart(wall_time(begun, api.services.zone), api.services.zone),
        duration=timedelta(hours=1),
        effective_from=begun,
        created=begun,
        recurrence=Recurrence(Frequency.DAILY),
    )
    async with api.services.store.write() as tx:
        stored = await tx.add_schedule(schedule)
        first = next(slots_from(stored, begun))
        run = Run(0, stored.target, stored.name, first.window, stored.id, first.slot)
        await tx.insert_runs([run])
        row = await tx.run_of(stored.id, first.slot)
        assert row is not None
        part = Part(1, 0, first.window, "token", begun, first_data_at=begun, files=("aula/a.mkv",))
        await tx.put_part(row.id, part)
        await tx.move_run(replace(row, status=Status.STARTED), Status.PENDING)
    shown = Change(to_ms(begun), "asset", "token", "Film")
    state_dir, now = api.settings.appliance.state_dir, api.services.clock.now()
    await to_thread.run_sync(log_of, state_dir, "channels.one", [shown], now)
    run_dir = api.settings.appliance.run_dir
    doing = {
        "driver": "simulated",
        "usable": True,
        "problem": None,
        "next_edge": first.window.stop,
        "status": "recording",
        "run_id": row.id,
        "schedule_id": stored.id,
        "name": stored.name,
        "since": begun,
        "planned_stop": first.window.stop,
        "bytes": 1,
        "health": {"device": "ok"},
    }
    async with Listener(run_dir):
        picture = {"ready": True, "targets": {"rooms.aula": doing}}
        await to_thread.run_sync(write_snapshot, run_dir, picture)
        yield api


def _operations(url: str) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    found = [each.ok() for each in schema.get_all_operations()]
    return sorted(found, key=lambda each: ORDER.index(each.method.upper()))


def _try_what_is_there(url: str, token: str) -> dict[str, int]:
    """Ask every route once for what is there, and hold each answer against its description."""
    headers = {"Authorization": f"Bearer {token}"}
    told = {}
    for operation in _operations(url):
        names = [each.name for each in operation.path_parameters]
        known: dict[str, Any] = {"path_parameters": {name: THERE[name] for name in names}}
        if operation.label in BODIES:
            known |= {"body": BODIES[operation.label], "media_type": "application/json"}
        case = operation.Case(**known)
        told[operation.label] = case.call_and_validate(headers=headers).status_code
    return told


def _try_everything(url: str, token: str) -> set[str]:
    """Send what the description allows to every route, and hold each answer against it."""
    headers = {"Authorization": f"Bearer {token}"}
    tried = set()
    for operation in _operations(url):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def send(case: Any) -> None:
            case.call_and_validate(headers=headers)

        send()
        tried.add(operation.label)
    return tried


async def test_every_answer_is_as_described(furnished: Api) -> None:
    """Every route does what it is for, and gives what the description says, to the last field."""
    token = await furnished.user("root", Role.ADMIN)
    told = await to_thread.run_sync(_try_what_is_there, furnished.url, token)
    assert {label: code for label, code in told.items() if code not in {200, 201, 204}} == {}
    assert len(told) > 20


async def test_an_answer_that_is_not_as_described_is_found(
    furnished: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test before this one can fail: one field more that nobody described is seen."""

    def more(*told: Any) -> dict[str, object]:
        return {**target_shape(*told), "colour": "red"}

    monkeypatch.setattr(targets, "target_shape", more)
    token = await furnished.user("root", Role.ADMIN)
    with pytest.raises(BaseExceptionGroup) as failed:
        await to_thread.run_sync(_try_what_is_there, furnished.url, token)
    assert any("colour" in str(each) for each in failed.value.exceptions)


def _is_problem(answer: httpx.Response) -> bool:
    usual = answer.headers["content-type"] == "application/problem+json"
    return usual and answer.json()["status"] == answer.status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/schedules/1/overrides/a%0Ab"])
async def test_where_nothing_is_the_answer_has_the_usual_form(api: Api, path: str) -> None:
    """Whoever asks for what no interface has is told so as everywhere, line breaks or not."""
    async with api.client() as client:
        assert _is_problem(await client.get(path))


@pytest.mark.parametrize("path", ["/", "/api/v2", "/v2/a%0Ab"])
async def test_where_no_interface_is_the_answer_has_the_usual_form(
    tmp_path: Path, path: str
) -> None:
    """Without the interface that has no path of its own, the answer is that of the whole server."""
    config = CONFIG + '\n[http]\ndialects = ["native", "valt", "uplynk"]\n'
    async with api_at(tmp_path, config) as served, served.client() as client:
        assert _is_problem(await client.get(path))


@pytest.mark.parametrize("path", ["/", "/api/v2", "/v2/nothing"])
async def test_what_is_nobody_else_s_is_said_in_ibm_s_words(api: Api, path: str) -> None:
    """IBM's paths have nothing in common, so it is asked for all that is nobody else's."""
    async with api.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


async def test_every_body_has_a_description(api: Api) -> None:
    """No route answers with something of which only is said that it is JSON."""
    async with api.client() as client:
        paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                bodies = response.get("content", {})
                assert bodies or status == "204", (method, path, status)
                schemas = [body["schema"] for body in bodies.values()]
                assert all("$ref" in str(schema) for schema in schemas), (method, path, status)


@pytest.mark.timeout(300)
async def test_what_is_described_is_so(furnished: Api) -> None:
    """No request that the description allows breaks the server, or is answered otherwise."""
    token = await furnished.user("root", Role.ADMIN)
    tried = await to_thread.run_sync(_try_everything, furnished.url, token)
    assert "POST /schedules" in tried
    assert len(tried) > 20
