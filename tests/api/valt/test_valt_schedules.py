"""Schedules over a real socket: every endpoint, code, body and reason phrase of the contract."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

DAY = 86_400
NOT_FOUND = {"error": {"code": 404}}
NOT_RECORDING = {"data": {"message": "Schedule recording not found"}, "code": 404}


def told(answer) -> tuple[int, str]:
    """Give the status and the reason phrase: clients match the text of both."""
    return answer.status_code, answer.reason_phrase


async def test_list_while_empty(valt):
    """Without schedules every list is there, and empty."""
    answer = await valt.get("schedule")
    assert told(answer) == (200, "OK")
    assert answer.headers["content-type"] == "application/json"
    assert b"\n" not in answer.content
    assert answer.json() == {
        "data": {
            "schedules": [],
            "blocked_schedules": [],
            "conflict_schedules": [],
            "total_count": 0,
        }
    }


async def test_blocked_and_conflict_while_none(valt):
    """Where nothing is in trouble the inner lists are empty."""
    assert (await valt.get("schedule/blocked")).json() == {"data": {"blocked_schedules": []}}
    assert (await valt.get("schedule/conflict")).json() == {"data": {"conflict_schedules": []}}


async def test_create_gives_a_list_with_the_id(valt):
    """A create answers a bare list, whose first element is the id for all that follows."""
    start = valt.soon()
    answer = await valt.post("schedule", valt.wish(start_at=str(start), duration="1800"))
    assert told(answer) == (200, "OK")
    (schedule_id,) = answer.json()
    shown = await valt.details(schedule_id)
    created = shown.pop("created")
    assert abs(created - valt.soon(0)) <= 5
    assert shown == {
        "id": schedule_id,
        "name": "Clinic",
        "template": None,
        "author": {"id": shown["author"]["id"], "name": "rlopez"},
        "room": {"id": 7, "name": "aula"},
        "rooms": [{"id": 7, "name": "aula"}],
        "start_at": start,
        "stop_at": start + 1800,
        "duration": 1800,
        "status": "pending",
        "recurrence": {"type": "none"},
        "shared": {"users": [], "user_groups": []},
    }


async def test_create_with_everything(valt):
    """Metadata, sharing and recurrence are kept and shown."""
    schedule_id = await valt.book(
        rooms=[7],
        room=None,
        template={"17": "Student"},
        share={"users": "13,17,43", "users_groups": "1,7"},
        recurrence={
            "type": "weekly",
            "weeks_range": ["0", "3"],
            "range_type": "after",
            "end_after": "8",
        },
    )
    shown = await valt.details(schedule_id)
    assert shown["template"] == [{"id": 17, "name": "17", "value": "Student"}]
    assert shown["shared"] == {"users": [13, 17, 43], "user_groups": [1, 7]}
    assert shown["recurrence"] == {
        "type": "weekly",
        "weeks_range": [0, 3],
        "range_type": "after",
        "end_after": 8,
    }
    weekday = datetime.fromtimestamp(shown["start_at"], ZoneInfo("Europe/Rome")).isoweekday() % 7
    assert weekday in {0, 3}


async def test_create_for_somebody_else(valt, other):
    """The author may be another than who creates; who is named must exist."""
    theirs = (await valt.details(await valt.book(author=2)))["author"]
    assert theirs == {"id": 2, "name": other.name}
    answer = await valt.post("schedule", valt.wish(author=99))
    assert told(answer) == (400, "Bad Request")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None},
        {"name": ""},
        {"name": "  "},
        {"name": "a\u0000b"},
        {"room": None},
        {"room": 99},
        {"room": "aula"},
        {"rooms": [7, 8]},
        {"start_at": None},
        {"start_at": 1586636900},
        {"start_at": "tomorrow"},
        {"duration": None},
        {"duration": 0},
        {"duration": -1},
        {"duration": "long"},
        {"duration": 32 * DAY},
        {"recurrence": {"type": "yearly"}},
        {"recurrence": {"type": "weekly", "weeks_range": []}},
        {"recurrence": {"type": "weekly", "weeks_range": [7]}},
        {"recurrence": {"type": "daily", "range_type": "after"}},
        {"recurrence": {"type": "daily", "range_type": "after", "end_after": 0}},
        {"recurrence": {"type": "daily", "range_type": "by"}},
        {"recurrence": {"type": "daily", "range_type": "by", "end_by": "01-01-2020"}},
        {"recurrence": {"type": "daily", "range_type": "by", "end_by": "soon"}},
    ],
    ids=repr,
)
async def test_create_refused(valt, fields):
    """What cannot be booked is refused with 400 and a reason, and nothing is stored."""
    answer = await valt.post("schedule", valt.wish(**fields))
    assert told(answer) == (400, "Bad Request")
    body = answer.json()
    assert body["error"]["code"] == 400
    assert body["error"]["message"]
    assert (await valt.every())["total_count"] == 0


async def test_room_that_is_a_channel(valt):
    """A channel is no room: it cannot be booked here."""
    async with valt.api.services.store.read() as reader:
        (channel,) = (t for t in await reader.targets() if t.key == "channels.one")
    answer = await valt.post("schedule", valt.wish(room=channel.public_id))
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["schedule", "schedule/1/edit", "rooms/7/record/start", "login"])
@pytest.mark.parametrize("raw", [b"{", b"nonsense", b'{"name": "x"'])
async def test_malformed_body(valt, path, raw):
    """A body that is no JSON is answered 500, as the real product does."""
    await valt.book()
    answer = await valt.post(path, raw=raw)
    assert told(answer) == (500, "Internal Server Error")
    assert answer.json() == {"error": {"code": 500, "message": "the body is not valid JSON"}}


async def test_overlap_is_stored(valt):
    """An overlapping schedule is stored, and listed as what it is."""
    start = valt.soon()
    held = await valt.book(start_at=start, duration=3600)
    covered = await valt.book(start_at=start + 900, duration=1800)
    partly = await valt.book(start_at=start + 1800, duration=3600)
    listed = await valt.every()
    assert [each["id"] for each in listed["schedules"]] == [held, covered, partly]
    assert listed["blocked_schedules"] == [covered]
    assert listed["conflict_schedules"] == [partly]
    assert listed["total_count"] == 3
    blocked = (await valt.get("schedule/blocked")).json()["data"]["blocked_schedules"]
    conflict = (await valt.get("schedule/conflict")).json()["data"]["conflict_schedules"]
    assert blocked == [await valt.details(covered)]
    assert conflict == [await valt.details(partly)]


@pytest.mark.parametrize("schedule_id", ["99", "0", "abc", "-1", "9" * 30, "1.5"])
@pytest.mark.parametrize(
    ("method", "action"),
    [("GET", ""), ("POST", "/edit"), ("POST", "/delete_next"), ("POST", "/delete")],
)
async def test_unknown_schedule(valt, method, action, schedule_id):
    """A schedule that there is not is answered 404, whatever is asked of it."""
    path = f"schedule/{schedule_id}{action}"
    answer = await (valt.get(path) if method == "GET" else valt.post(path, {}))
    assert told(answer) == (404, "Not Found")
    assert answer.json() == NOT_FOUND


@pytest.mark.parametrize("body", [None, {}, {"nothing": "nothing"}], ids=repr)
async def test_delete_twice(valt, body):
    """A delete answers an empty object, and 404 the second time."""
    schedule_id = await valt.book()
    answer = await valt.post(f"schedule/{schedule_id}/delete", body)
    assert (told(answer), answer.json()) == ((200, "OK"), {})
    again = await valt.post(f"schedule/{schedule_id}/delete", body)
    assert (told(again), again.json()) == ((404, "Not Found"), NOT_FOUND)
    assert (await valt.every())["total_count"] == 0


async def test_delete_leaves_what_records(valt):
    """A delete takes what lies ahead; what records goes on, and can still be stopped."""
    schedule_id, run_id = await valt.begun(daily=True)
    assert (await valt.post(f"schedule/{schedule_id}/delete", {})).json() == {}
    status = (await valt.get("rooms/7/status")).json()["data"]
    assert (status["status"], status["record_id"]) == ("recording", run_id)
    stopped = await valt.post(f"schedule/{schedule_id}/stop", {})
    assert (told(stopped), stopped.json()) == ((200, "OK"), {"data": None})


async def test_edit_of_one_field(valt):
    """An edit changes what it sends, keeps the rest, and answers the schedule."""
    schedule_id = await valt.book(template={"1": "a"}, recurrence={"type": "daily"})
    before = await valt.details(schedule_id)
    answer = await valt.post(f"schedule/{schedule_id}/edit", {"name": "Other"})
    assert told(answer) == (200, "OK")
    assert answer.json() == {"data": {**before, "name": "Other"}}
    assert await valt.details(schedule_id) == {**before, "name": "Other"}


async def test_edit_of_everything(valt):
    """Every field of a create can be edited, in the same formats."""
    schedule_id = await valt.book()
    start = valt.soon(48)
    (lab,) = (r for r in (await valt.get("admin/rooms")).json()["data"] if r["name"] == "The Lab")
    body = {
        "name": "B",
        "rooms": [lab["id"]],
        "start_at": str(start),
        "duration": "60",
        "template": {"2": "b"},
        "share": {"users": [5], "groups": [6]},
        "recurrence": {"type": "daily", "range_type": "end_after", "end_after": 3},
    }
    shown = (await valt.post(f"schedule/{schedule_id}/edit", body)).json()["data"]
    assert shown["name"] == "B"
    assert shown["room"] == {"id": lab["id"], "name": "The Lab"} == shown["rooms"][0]
    assert (shown["start_at"], shown["stop_at"], shown["duration"]) == (start, start + 60, 60)
    assert shown["template"] == [{"id": 2, "name": "2", "value": "b"}]
    assert shown["shared"] == {"users": [5], "user_groups": [6]}
    assert shown["recurrence"] == {"type": "daily", "range_type": "after", "end_after": 3}


@pytest.mark.parametrize(
    "fields",
    [{"start_at": 1586636900}, {"duration": 0}, {"room": 99}, {"recurrence": {"type": "x"}}],
    ids=repr,
)
async def test_edit_refused(valt, fields):
    """What cannot be is refused in an edit, too, and nothing changes."""
    schedule_id = await valt.book()
    before = await valt.details(schedule_id)
    answer = await valt.post(f"schedule/{schedule_id}/edit", fields)
    assert told(answer) == (400, "Bad Request")
    assert await valt.details(schedule_id) == before


async def test_exclusion_survives_an_edit_of_the_name(valt):
    """What was dropped stays dropped when the name changes, and comes back with another start."""
    start = valt.soon()
    schedule_id = await valt.book(start_at=start, recurrence={"type": "daily"})
    dropped = (await valt.post(f"schedule/{schedule_id}/delete_next")).json()["data"]
    assert dropped["start_at"] > start
    renamed = await valt.post(f"schedule/{schedule_id}/edit", {"name": "B"})
    assert renamed.json()["data"]["start_at"] == dropped["start_at"]
    moved = await valt.post(f"schedule/{schedule_id}/edit", {"start_at": start + 60})
    assert moved.json()["data"]["start_at"] == start + 60


async def test_delete_next_of_a_series(valt):
    """The next occurrence goes; the answer shows the one after it, at the same time of day."""
    start = valt.soon()
    schedule_id = await valt.book(start_at=start, recurrence={"type": "daily"})
    answer = await valt.post(f"schedule/{schedule_id}/delete_next", {"nothing": "nothing"})
    assert told(answer) == (200, "OK")
    rome = ZoneInfo("Europe/Rome")
    first, second = (
        datetime.fromtimestamp(each, rome) for each in (start, answer.json()["data"]["start_at"])
    )
    assert (second.date() - first.date()).days == 1
    assert first.time() == second.time()


async def test_delete_next_of_a_one_shot(valt):
    """The only occurrence is the last: the schedule goes, and is shown as it was."""
    schedule_id = await valt.book()
    before = await valt.details(schedule_id)
    answer = await valt.post(f"schedule/{schedule_id}/delete_next", {})
    assert (told(answer), answer.json()) == ((200, "OK"), {"data": before})
    assert (await valt.get(f"schedule/{schedule_id}")).status_code == 404


async def test_delete_next_to_the_end(valt):
    """A series of two is gone after two."""
    end = {"type": "daily", "range_type": "after", "end_after": 2}
    schedule_id = await valt.book(recurrence=end)
    for _ in range(2):
        assert (await valt.post(f"schedule/{schedule_id}/delete_next")).status_code == 200
    assert (await valt.post(f"schedule/{schedule_id}/delete_next")).status_code == 404


async def test_delete_next_while_recording(valt):
    """While an occurrence records the one after it goes; the one that records is not touched."""
    schedule_id, _ = await valt.begun(daily=True)
    answer = await valt.post(f"schedule/{schedule_id}/delete_next")
    assert answer.json()["data"]["status"] == "started"
    stopped = await valt.post(f"schedule/{schedule_id}/stop")
    assert stopped.status_code == 200
    following = (await valt.details(schedule_id))["start_at"]
    ahead_days = (following - answer.json()["data"]["start_at"]) / DAY
    assert round(ahead_days) == 2


async def test_running_schedule_is_started(valt):
    """While it records a schedule is `started`, and shows the occurrence that runs."""
    schedule_id, _ = await valt.begun(daily=True)
    shown = await valt.details(schedule_id)
    assert shown["status"] == "started"
    assert shown["start_at"] < valt.soon(0) < shown["stop_at"]
    (listed,) = (await valt.every())["schedules"]
    assert listed == shown


async def test_starting_schedule_is_pending(valt):
    """Until its device delivers a schedule is pending."""
    schedule_id, _ = await valt.begun(confirmed=False)
    assert (await valt.details(schedule_id))["status"] == "pending"


@pytest.mark.parametrize("confirmed", [True, False])
async def test_stop(valt, confirmed):
    """A stop ends what records; the second time nothing runs."""
    schedule_id, _ = await valt.begun(daily=True, confirmed=confirmed)
    answer = await valt.post(f"schedule/{schedule_id}/stop", {})
    assert (told(answer), answer.json()) == ((200, "OK"), {"data": None})
    again = await valt.post(f"schedule/{schedule_id}/stop", {})
    assert (told(again), again.json()) == ((404, "Not Found"), NOT_RECORDING)
    assert (await valt.details(schedule_id))["start_at"] > valt.soon(1)


@pytest.mark.parametrize("schedule_id", ["99", "abc", "9" * 30])
async def test_stop_of_unknown(valt, schedule_id):
    """A stop of what there is not is answered like one of what does not run."""
    answer = await valt.post(f"schedule/{schedule_id}/stop", {})
    assert (told(answer), answer.json()) == ((404, "Not Found"), NOT_RECORDING)


async def test_stop_when_idle(valt):
    """A stop of what only waits is answered 404."""
    answer = await valt.post(f"schedule/{await valt.book()}/stop", {})
    assert (told(answer), answer.json()) == ((404, "Not Found"), NOT_RECORDING)


async def test_what_is_over_is_gone(valt):
    """A one-shot that is over is in no list any more: there is no finished state."""
    schedule_id, _ = await valt.begun()
    assert (await valt.every())["total_count"] == 1
    await valt.post(f"schedule/{schedule_id}/stop")
    assert (await valt.every())["total_count"] == 0
    assert (await valt.get(f"schedule/{schedule_id}")).status_code == 404


async def test_exception_day_moves_the_next_start(valt):
    """A day on which nothing starts is passed over by start_at; a one-shot on it stays listed."""
    start = valt.soon()
    series = await valt.book(start_at=start, recurrence={"type": "daily"})
    once = await valt.book(start_at=start + 7200)
    day = datetime.fromtimestamp(start, ZoneInfo("Europe/Rome")).date()
    await valt.api.services.bookings.add_exception_day(day, "Holiday", None)
    moved = datetime.fromtimestamp((await valt.details(series))["start_at"], UTC)
    assert moved.astimezone(ZoneInfo("Europe/Rome")).date() == day + timedelta(days=1)
    assert (await valt.details(once))["start_at"] == start + 7200
    assert (await valt.every())["total_count"] == 2


async def test_running_is_not_cut_by_an_edit(valt):
    """An edit that would cut what records now is refused, and says so."""
    schedule_id, _ = await valt.begun()
    answer = await valt.post(f"schedule/{schedule_id}/edit", {"duration": 60})
    assert told(answer) == (400, "Bad Request")
    assert "recording now" in answer.json()["error"]["message"]


async def test_unknown_paths(valt):
    """What is no endpoint is not found; what is one is called as it must be."""
    assert (await valt.get("nowhere")).json() == NOT_FOUND
    assert told(await valt.get("login")) == (405, "Method Not Allowed")
