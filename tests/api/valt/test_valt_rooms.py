"""Rooms and recordings by hand over a real socket: codes, bodies, reason phrases."""

import pytest

NOT_FOUND = {"error": {"code": 404}}
NOT_IN_ROOM = {"data": {"message": "Recording in room not found", "status": False}, "code": 404}
NOT_THERE = {
    "data": {"message": "The recording in the room is not found", "status": False},
    "code": 404,
}


def told(answer) -> tuple[int, str]:
    """Give the status and the reason phrase: clients match the text of both."""
    return answer.status_code, answer.reason_phrase


async def test_rooms(valt):
    """Every room is listed with its cameras; channels are no rooms."""
    answer = await valt.get("admin/rooms")
    assert told(answer) == (200, "OK")
    rooms = answer.json()["data"]
    assert [room["name"] for room in rooms] == ["aula", "The Lab"]
    assert rooms[0] == {
        "id": 7,
        "name": "aula",
        "is_io": False,
        "cameras": [{"id": 700, "name": "aula", "type": "video"}],
    }
    assert (await valt.get("admin/rooms/7")).json() == {"data": rooms[0]}
    cameras = (await valt.get("admin/rooms/7/cameras")).json()
    assert cameras == {"data": {"cameras": rooms[0]["cameras"]}}


@pytest.mark.parametrize("room", ["99", "abc", "9" * 30, "0"])
@pytest.mark.parametrize(
    "path",
    ["admin/rooms/{}", "admin/rooms/{}/cameras", "rooms/info/{}", "rooms/{}/status"],
)
async def test_unknown_room(valt, path, room):
    """A room that there is not is answered 404."""
    answer = await valt.get(path.format(room))
    assert (told(answer), answer.json()) == ((404, "Not Found"), NOT_FOUND)


async def test_idle_room(valt):
    """A room that does nothing is available, and names no recording."""
    assert (await valt.get("rooms/7/status")).json() == {
        "data": {"status": "available", "record": False}
    }
    info = {"id": 7, "name": "aula", "has_recording": False}
    assert (await valt.get("rooms/info/7")).json() == {"data": info}
    rooms = (await valt.get("rooms/info")).json()["data"]["rooms"]
    assert [room["name"] for room in rooms] == ["aula", "The Lab"]
    assert rooms[0] == info


async def test_recording_room(valt):
    """A room that records says so, which recording, and for how long."""
    _, run_id = await valt.begun()
    assert (await valt.get("rooms/7/status")).json() == {
        "data": {"status": "recording", "record": True, "record_id": run_id, "record_access": True}
    }
    info = (await valt.get("rooms/info/7")).json()["data"]
    assert info["has_recording"] is True
    assert info["recording"]["id"] == run_id
    assert 600 <= info["recording"]["time"] <= 700
    assert info in (await valt.get("rooms/info")).json()["data"]["rooms"]


async def test_waiting_room_records_nothing(valt):
    """A room whose device has not been asked yet does not claim to record."""
    await valt.book(start_at=valt.soon(0, seconds=2))
    assert (await valt.get("rooms/7/status")).json()["data"]["record"] is False


async def test_pause_and_resume(valt):
    """A recording pauses and goes on; to resume one that is not paused is no mistake."""
    schedule_id, run_id = await valt.begun()
    done = {"data": {"id": run_id, "status": True}}
    answer = await valt.post("rooms/7/record/pause", {})
    assert (told(answer), answer.json()) == ((200, "OK"), done)
    status = (await valt.get("rooms/7/status")).json()["data"]
    assert (status["status"], status["record"]) == ("paused", True)
    assert (await valt.details(schedule_id))["status"] == "started"
    for _ in range(2):
        answer = await valt.post("rooms/7/record/resume", {})
        assert (told(answer), answer.json()) == ((200, "OK"), done)
        assert (await valt.get("rooms/7/status")).json()["data"]["status"] == "recording"


async def test_stop_in_room(valt):
    """A room's recording ends, whoever began it; after that there is none to stop."""
    _, run_id = await valt.begun()
    answer = await valt.post("rooms/7/record/stop", {"nothing": "nothing"})
    assert (told(answer), answer.json()) == ((200, "OK"), {"data": {"id": run_id, "status": True}})
    assert (await valt.get("rooms/7/status")).json()["data"]["status"] == "available"
    again = await valt.post("rooms/7/record/stop", {"nothing": "nothing"})
    assert (told(again), again.json()) == ((404, "Not Found"), NOT_IN_ROOM)


@pytest.mark.parametrize("room", ["7", "99", "abc", "9" * 30])
@pytest.mark.parametrize(
    ("act", "body"), [("stop", NOT_IN_ROOM), ("pause", NOT_THERE), ("resume", NOT_THERE)]
)
async def test_nothing_to_act_on(valt, room, act, body):
    """Where no room records there is nothing to stop, pause or resume."""
    answer = await valt.post(f"rooms/{room}/record/{act}", {})
    assert (told(answer), answer.json()) == ((404, "Not Found"), body)


async def test_lock_and_unlock(valt):
    """A locked room says so until it is unlocked; twice is no mistake."""
    for act, status in [("lock", "locked"), ("lock", "locked"), ("unlock", "available")] * 2:
        answer = await valt.post(f"rooms/7/{act}", {})
        assert (told(answer), answer.json()) == ((200, "OK"), {"data": {"id": 7}})
        assert (await valt.get("rooms/7/status")).json()["data"]["status"] == status


@pytest.mark.parametrize("act", ["lock", "unlock"])
async def test_lock_of_unknown_room(valt, act):
    """A room that there is not cannot be locked."""
    answer = await valt.post(f"rooms/99/{act}", {})
    assert (told(answer), answer.json()) == ((404, "Not Found"), NOT_FOUND)


async def test_lock_cuts_nothing(valt):
    """A room that records is not locked: nothing that runs is cut."""
    await valt.begun()
    answer = await valt.post("rooms/7/lock", {})
    assert told(answer) == (400, "Bad Request")
    assert (await valt.get("rooms/7/status")).json()["data"]["status"] == "recording"


async def test_locked_room_blocks(valt):
    """What is booked in a locked room is listed as blocked until the room is unlocked."""
    schedule_id = await valt.book()
    await valt.post("rooms/7/lock", {})
    assert (await valt.every())["blocked_schedules"] == [schedule_id]
    await valt.post("rooms/7/unlock", {})
    assert (await valt.every())["blocked_schedules"] == []


async def refused_start(valt, room: str, body) -> str:
    """Start what cannot be; gives the reason."""
    answer = await valt.post(f"rooms/{room}/record/start", body)
    assert told(answer) == (400, "Bad Request")
    told_body = answer.json()
    assert (told_body["code"], told_body["data"]["start"]) == (400, False)
    return told_body["data"]["message"]


@pytest.mark.parametrize(
    "body",
    [{}, {"name": None}, {"name": ""}, {"name": "x", "author": 99}, {"name": "x", "share": 1}],
    ids=repr,
)
async def test_senseless_start(api_with_daemon, body):
    """A recording by hand needs a name, and what else is sent has to make sense."""
    assert await refused_start(api_with_daemon, "7", body)


async def test_start_without_daemon(valt):
    """Where no daemon runs nothing is promised: the recording would begin some other day."""
    assert "daemon" in await refused_start(valt, "7", {"name": "Now"})


async def test_start_in_unknown_room(valt):
    """A room that there is not is answered 404."""
    answer = await valt.post("rooms/99/record/start", {"name": "Now"})
    assert (told(answer), answer.json()) == ((404, "Not Found"), NOT_FOUND)


async def test_start_in_a_room_that_cannot(api_with_daemon):
    """A room that records or is locked refuses, and says why."""
    await api_with_daemon.post("rooms/7/lock", {})
    assert "locked" in await refused_start(api_with_daemon, "7", {"name": "Now"})
    await api_with_daemon.post("rooms/7/unlock", {})
    await api_with_daemon.begun()
    message = await refused_start(api_with_daemon, "7", {"name": "Now"})
    assert message == "the room is recording already"


async def test_start_pause_stop_by_hand(api_with_daemon):
    """A recording by hand begins at once, holds its room, pauses, resumes and ends."""
    valt = api_with_daemon
    body = {"name": "By hand", "template": {"1": "a"}, "share": {"users": [1], "groups": [2]}}
    answer = await valt.post("rooms/7/record/start", body)
    assert told(answer) == (200, "OK")
    run_id = answer.json()["data"]["id"]
    assert answer.json() == {
        "data": {"id": run_id, "start": True, "message": "The recording is started"}
    }
    assert (await valt.get("rooms/7/status")).json()["data"] == {
        "status": "recording",
        "record": True,
        "record_id": run_id,
        "record_access": True,
    }
    assert (await valt.every())["total_count"] == 0
    for act, status in [("pause", "paused"), ("resume", "recording"), ("stop", "available")]:
        acted = await valt.post(f"rooms/7/record/{act}", {})
        assert acted.json() == {"data": {"id": run_id, "status": True}}
        assert (await valt.get("rooms/7/status")).json()["data"]["status"] == status


async def test_users(valt, other):
    """Accounts are listed with their ids, and nothing that is nobody's business."""
    answer = await valt.get("admin/users")
    assert told(answer) == (200, "OK")
    users = answer.json()["data"]
    assert [user["name"] for user in users] == [valt.name, other.name]
    assert all(set(user) == {"id", "name"} for user in users)
    assert (await valt.get(f"admin/users/{users[0]['id']}")).json() == {"data": users[0]}
    missing = await valt.get("admin/users/99")
    assert (told(missing), missing.json()) == ((404, "Not Found"), NOT_FOUND)
