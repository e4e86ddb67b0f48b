"""What was on air, over a real socket: of each run and of a channel, and who may know."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from anyio import to_thread

from api_rig import Api
from asrun_rig import log_of
from tallyd.domain.accounts import Purpose, Role
from tallyd.domain.model import InstantStart, Metadata, Part, Run, Schedule
from tallyd.domain.window import Window, floor_ms, to_ms
from tallyd.drivers.playout.asrun import Change
from tallyd.notation.text import instant_text

CHANNEL = "channels.one"
AS_RUN = f"/api/v1/targets/{CHANNEL}/as-run"
SECRET = "A talk that nobody knows of"  # noqa: S105 - the name of a booking


class Aired:
    """A channel that showed a film of alice's, with a break and a slate, some minutes ago."""

    def __init__(self, api: Api, begun: datetime) -> None:
        self.api = api
        self.begun = begun
        self.run = 0

    def at(self, seconds: float) -> str:
        """Give an instant after the film began, as answers have it."""
        return instant_text(self.begun + timedelta(seconds=seconds))

    async def book(self, owner: str) -> None:
        """Have the run in the ledger, with its part."""
        window = Window(self.begun, self.begun + timedelta(seconds=60))
        schedule = Schedule(
            id=0,
            uid=uuid4().hex,
            target=CHANNEL,
            name=SECRET,
            start=InstantStart(window.start),
            duration=window.length,
            effective_from=self.begun,
            created=self.begun,
            metadata=Metadata(owner=owner, author=owner),
        )
        async with self.api.services.store.write() as tx:
            stored = await tx.add_schedule(schedule)
            slot = f"@{to_ms(window.start)}"
            await tx.insert_runs([Run(0, CHANNEL, SECRET, window, stored.id, slot)])
            run = await tx.run_of(stored.id, slot)
            assert run is not None
            part = Part(1, 0, window, "hers", window.start, stopped_at=window.stop)
            await tx.put_part(run.id, part)
        self.run = run.id

    def write(self) -> None:
        """Write the log that the playout would have written."""
        kinds = [
            (-100, "default", None, "live", None),
            (0.04, "asset", "hers", SECRET, None),
            (20, "ad_slate", "hers", "", None),
            (30, "slate", "hers", SECRET, f"{SECRET} is not there"),
            (34.1, "asset", "hers", SECRET, None),
            (60, "default", None, "live", None),
        ]
        changes = [
            Change(to_ms(self.begun + timedelta(seconds=at)), *more, live=more[0] == "default")
            for at, *more in kinds
        ]
        seen = self.begun + timedelta(seconds=90)
        log_of(self.api.settings.appliance.state_dir, CHANNEL, changes, seen)


@pytest.fixture
async def aired(api: Api) -> Aired:
    """Give a channel that had a film of alice's on air."""
    await api.user("alice")
    made = Aired(api, floor_ms(api.services.clock.now()) - timedelta(minutes=10))
    await made.book("1")
    await to_thread.run_sync(made.write)
    return made


async def test_a_run_tells_what_was_on_air(aired: Aired) -> None:
    """Piece by piece, the slate with why, and its own first and last picture."""
    async with aired.api.local() as http:
        one = (await http.get(f"/api/v1/runs/{aired.run}")).json()
        (listed,) = (await http.get("/api/v1/runs")).json()
    assert one == listed
    assert [
        (each["start"], each["stop"], each["kind"], each["detail"]) for each in one["on_air"]
    ] == [
        (aired.at(0.04), aired.at(20), "asset", None),
        (aired.at(20), aired.at(30), "ad_slate", None),
        (aired.at(30), aired.at(34.1), "slate", f"{SECRET} is not there"),
        (aired.at(34.1), aired.at(60), "asset", None),
    ]
    assert (one["first_picture"], one["last_picture"]) == (aired.at(0.04), aired.at(60))


async def test_a_channel_tells_what_it_had_on_air(aired: Aired) -> None:
    """Also between entries; cut to the period, with the run that each was a part of."""
    period = {"from": aired.at(-10), "to": aired.at(20)}
    async with aired.api.local() as http:
        first, second = (await http.get(AS_RUN, params=period)).json()
        everything = (await http.get(AS_RUN)).json()
    assert first == {
        "start": aired.at(-10),
        "stop": aired.at(0.04),
        "kind": "default",
        "name": "live",
        "detail": None,
        "live": True,
        "part": None,
        "run_id": None,
        "schedule_id": None,
    }
    assert (second["run_id"], second["part"], second["name"]) == (aired.run, "hers", SECRET)
    assert [each["kind"] for each in everything] == [
        "default",
        "asset",
        "ad_slate",
        "slate",
        "asset",
        "default",
    ]
    assert (everything[0]["start"], everything[-1]["stop"]) == (aired.at(-100), aired.at(90))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_of_another_s_only_the_times_are_told(aired: Aired, role: Role) -> None:
    """That something was on air can be seen by everybody who looks; what, by whose it is."""
    key = await aired.api.user("mallory", role)
    async with aired.api.client(key) as http:
        answer = await http.get(AS_RUN)
        runs = await http.get("/api/v1/runs")
        one = await http.get(f"/api/v1/runs/{aired.run}")
    assert (SECRET in answer.text, runs.json(), one.status_code) == (False, [], 404)
    shown = answer.json()[1]
    told = {name for name, value in shown.items() if value not in (None, "")}
    assert (told, shown["start"]) == ({"start", "stop"}, aired.at(0.04))
    assert [each["kind"] for each in answer.json()] == ["default", *[None] * 4, "default"]


async def test_its_owner_is_told_all(aired: Aired) -> None:
    """Without being an admin."""
    issued = await aired.api.services.accounts.issue("alice", Purpose.NATIVE)
    async with aired.api.client(issued.secret) as http:
        assert SECRET in (await http.get(AS_RUN)).text
        assert (await http.get(f"/api/v1/runs/{aired.run}")).json()["on_air"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (AS_RUN, {"from": "now", "to": "-1h"}, 409),
        (AS_RUN, {"from": "-32d"}, 409),
        (AS_RUN, {"from": "-31d"}, 200),
        (AS_RUN, {"from": "yesterday"}, 422),
        (AS_RUN, {"from": "0001-01-01T00:00:00Z", "to": "0001-01-02T00:00:00Z"}, 409),
        (AS_RUN, {"from": "9999-12-31T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, 409),
        ("/api/v1/plan", {"from": "9999-12-31T00:00:00Z"}, 409),
        ("/api/v1/plan", {"from": "0001-01-01T00:00:00Z"}, 409),
        ("/api/v1/targets/rooms.aula/as-run", {}, 404),
        ("/api/v1/targets/channels.none/as-run", {}, 404),
        ("/api/v1/targets/channels.one%2F..%2Ftwo/as-run", {}, 404),
    ],
)
async def test_what_makes_no_sense_is_said(
    api: Api, path: str, query: dict[str, str], status: int
) -> None:
    """A period has an end after its start, and is not too long; a room has nothing on air."""
    async with api.local() as http:
        answer = await http.get(path, params=query)
    assert answer.status_code == status, answer.text
    assert status != 200 or answer.json() == []


async def test_a_log_that_cannot_be_read_is_said(aired: Aired) -> None:
    """Where the disk refuses, runs are told without it; the log itself is not said to be empty."""
    directory = aired.api.settings.appliance.state_dir / "targets" / CHANNEL / "as-run"
    for file in list(directory.iterdir()):
        file.unlink()
        file.mkdir()
    async with aired.api.local() as http:
        answer = await http.get(AS_RUN)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        (run,) = (await http.get("/api/v1/runs")).json()
    assert (run["id"], run["on_air"], run["first_picture"]) == (aired.run, None, None)
