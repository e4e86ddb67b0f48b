"""Events: booked, shown, replaced, removed, over a real socket."""

from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest

from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Verdict,
    WallStart,
)
from tallyd.domain.window import Window

START = 1803922200
EVENTS = "v2/channels/77/events.json"
NOT_FOUND = {"error": "not_found"}

WEEKLY = {
    "title": "A",
    "description": "B",
    "date": "2027-03-01",
    "time": "18:30",
    "timezone": "Europe/Budapest",
    "duration": "90",
    "repeat": "weekly",
    "repeat_days": "Monday, Thursday",
}
SHOWN = {
    "title": "A",
    "description": "B",
    "date": "2027-03-01",
    "time": "18:30",
    "timezone": "Europe/Budapest",
    "start_ts": START,
    "duration": 90,
    "repeat": "weekly",
    "repeat_days": ["Monday", "Thursday"],
}


async def _schedules(ibm):
    async with ibm.api.services.store.read() as reader:
        return await reader.schedules()


async def test_create_answers_where_it_is(ibm):
    """A new event is 201 without a body; its address is in Location, and opens."""
    answer = await ibm.post(EVENTS, WEEKLY)
    assert (answer.status_code, answer.reason_phrase) == (201, "Created")
    assert answer.content == b""
    location = httpx.URL(answer.headers["location"])
    ((number,), path) = ([each.id for each in await _schedules(ibm)], location.path)
    assert path == f"/v2/channels/77/events/{number}.json"
    assert str(location).startswith(ibm.api.url)
    shown = await ibm.ask("GET", path.lstrip("/"))
    assert (shown.status_code, shown.reason_phrase) == (200, "OK")
    assert shown.headers["content-type"] == "application/json"
    assert shown.json() == {"event": {"id": number, **SHOWN}}


async def test_create_with_json(ibm):
    """A body of JSON, with numbers and lists as such, books the same."""
    body = {**WEEKLY, "duration": 90, "repeat_days": ["Monday", "Thursday"]}
    answer = await ibm.ask("POST", EVENTS, json=body)
    assert answer.status_code == 201
    shown = await ibm.event(httpx.URL(answer.headers["location"]).path.lstrip("/"))
    assert shown == {"id": shown["id"], **SHOWN}


async def test_an_event_that_never_repeats_has_no_days(ibm):
    """Without `repeat` an event happens once, and the key of its days is not there."""
    shown = await ibm.event(await ibm.book())
    assert shown["repeat"] == "never"
    assert "repeat_days" not in shown
    daily = await ibm.event(await ibm.book(repeat="daily", repeat_days="Monday"))
    assert daily["repeat"] == "daily"
    assert "repeat_days" not in daily


async def test_anchor_stays_what_was_sent(ibm):
    """A date that is none of the weekdays is shown as it was sent, and does not itself happen."""
    path = await ibm.book(date="2027-03-05", repeat="weekly", repeat_days="Monday,Saturday")
    shown = await ibm.event(path)
    assert (shown["date"], shown["repeat_days"]) == ("2027-03-05", ["Monday", "Saturday"])
    anchor = int(datetime(2027, 3, 5, 17, 30, tzinfo=UTC).timestamp())
    assert shown["start_ts"] == anchor
    (coming,) = (await ibm.upcoming())["events"]
    assert coming["start"] == anchor + 24 * 3600


async def test_what_is_booked_is_a_schedule_like_any(ibm):
    """What IBM's clients book is what the command line and the other interfaces list."""
    await ibm.post(EVENTS, WEEKLY)
    (schedule,) = await _schedules(ibm)
    assert schedule.target == "channels.one"
    assert schedule.start == WallStart(datetime(2027, 3, 1, 18, 30), "Europe/Budapest")  # noqa: DTZ001 - a wall time
    assert schedule.recurrence == Recurrence(Frequency.WEEKLY, weekdays=frozenset({1, 4}))
    assert schedule.duration == timedelta(minutes=90)
    assert schedule.metadata.origin == "ibm"
    user = next(u for u in await ibm.api.services.accounts.users() if u.name == ibm.name)
    assert schedule.metadata.owner == schedule.metadata.author == str(user.id)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", "45"),
        ("timezone", "UTC"),
        ("repeat_days", None),
        ("repeat", "monthly"),
        ("time", "24:00"),
        ("title", None),
        ("title", ""),
        ("description", None),
        ("date", "2027-02-30"),
        ("repeat_days", "Monday,Funday"),
    ],
)
async def test_what_makes_no_sense_is_refused(ibm, field, value):
    """A field that cannot be is 400, says which it is, and nothing is booked or changed."""
    path = await ibm.book()
    before = await _schedules(ibm)
    fields = {**WEEKLY, field: value}
    fields = {name: text for name, text in fields.items() if text is not None}
    for answer in (await ibm.post(EVENTS, fields), await ibm.put(path, fields)):
        assert (answer.status_code, answer.reason_phrase) == (400, "Bad Request")
        body = answer.json()
        assert body["error"] == "input_validation_error"
        assert body["error_description"] == "Field validation failed"
        assert list(body["details"]) == [field]
    assert await _schedules(ibm) == before


@pytest.mark.parametrize("body", ["{", "[1]", '"text"', "title=%ff"])
async def test_body_that_cannot_be_read(ibm, body):
    """What is neither a form nor an object is 400."""
    json = {"Content-Type": "application/json"} if body[0] in '{["' else {}
    answer = await ibm.ask("POST", EVENTS, content=body, headers=json)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert await _schedules(ibm) == ()


async def test_description_may_be_empty(ibm):
    """A description has to be there, and may be empty."""
    assert (await ibm.event(await ibm.book(description="")))["description"] == ""


async def test_unknown_things_are_not_found(ibm):
    """A channel, an event, a room, an event of another channel: 404 in one shape."""
    path = await ibm.book()
    number = path.rpartition("/")[2]
    for missing in (
        "v2/channels/4711/events.json",
        "v2/channels/7/events.json",
        "v2/channels/x/events.json",
        "v2/channels/77/events/4711.json",
        "v2/channels/77/events/x.json",
        "v2/channels/77/events/99999999999999999999.json",
        "v2/channels/4711/events/" + number,
        "channels/4711/upcoming-events.json",
    ):
        answer = await ibm.get(missing)
        assert (answer.status_code, answer.reason_phrase) == (404, "Not Found"), missing
        assert NOT_FOUND.items() <= answer.json().items()
    for act in (
        ibm.put("v2/channels/77/events/4711.json", WEEKLY),
        ibm.delete("v2/channels/77/events/4711.json"),
        ibm.post("v2/channels/4711/events.json", WEEKLY),
    ):
        assert (await act).status_code == 404


async def test_event_of_another_channel_is_not_found(admin):
    """An event is found on its own channel only."""
    path = await admin.book()
    elsewhere = path.replace("/77/", "/78/")
    assert (await admin.get(path)).status_code == 200
    assert (await admin.get(elsewhere)).status_code == 404
    assert (await admin.put(elsewhere, WEEKLY)).status_code == 404
    assert (await admin.delete(elsewhere)).status_code == 404


async def test_put_replaces_everything(ibm):
    """A PUT needs all that a POST needs, replaces all of it, and answers 200 without a body."""
    path = await ibm.book()
    answer = await ibm.put(path, WEEKLY)
    assert (answer.status_code, answer.reason_phrase, answer.content) == (200, "OK", b"")
    shown = await ibm.event(path)
    assert shown == {"id": shown["id"], **SHOWN}
    once = {key: value for key, value in WEEKLY.items() if key not in {"repeat", "repeat_days"}}
    assert (await ibm.put(path, once)).status_code == 200
    assert (await ibm.event(path))["repeat"] == "never"
    missing = {"title": "only this"}
    refused = await ibm.put(path, missing)
    assert set(refused.json()["details"]) == {"description", "date", "time", "timezone", "duration"}


async def test_delete_once(ibm):
    """A removed event is gone from everywhere; to remove it again is 404."""
    path = await ibm.book()
    answer = await ibm.delete(path)
    assert (answer.status_code, answer.reason_phrase, answer.content) == (200, "OK", b"")
    assert (await ibm.get(path)).status_code == 404
    assert (await ibm.delete(path)).status_code == 404
    assert (await ibm.put(path, WEEKLY)).status_code == 404
    assert (await ibm.listed())["events"] == []
    assert (await ibm.upcoming())["events"] == []


async def test_overlap_is_allowed_and_one_wins(ibm):
    """Two that book the same time at once are both stored, and one of them holds it."""
    answers = []

    async def book(title):
        answers.append(await ibm.post(EVENTS, {**WEEKLY, "title": title}))

    async with anyio.create_task_group() as tasks:
        for title in "AB":
            tasks.start_soon(book, title)
    assert [answer.status_code for answer in answers] == [201, 201]
    day = datetime(2027, 3, 1, tzinfo=UTC)
    plan = await ibm.api.services.reports.plan(Window(day, day + timedelta(days=1)))
    assert sorted(entry.verdict for entry in plan) == [Verdict.BLOCKED, Verdict.CLEAR]


async def test_the_past_is_accepted(ibm):
    """An event that is over is stored and listed, and never happens."""
    path = await ibm.book(date="2027-02-01")
    shown = await ibm.event(path)
    assert shown["date"] == "2027-02-01"
    assert len((await ibm.listed())["events"]) == 1
    assert (await ibm.upcoming())["events"] == []
    async with ibm.api.services.store.read() as reader:
        assert await reader.runs() == ()
    assert (await ibm.put(path, {**WEEKLY, "date": "2027-02-02"})).status_code == 200
    assert (await ibm.put(path, WEEKLY)).status_code == 200
    assert (await ibm.delete(path)).status_code == 200


async def test_what_should_have_begun_begins_at_once(ibm):
    """Minutes are coarse: an event for the minute that has begun is joined, not dropped."""
    await ibm.book(time="12:30", duration="60")
    async with ibm.api.services.store.read() as reader:
        (run,) = await reader.runs()
    assert run.planned.start == datetime(2027, 3, 1, 11, 30, tzinfo=UTC)
    assert run.outcome is None
    assert (await ibm.upcoming())["events"] == []


@pytest.mark.parametrize(
    ("date", "time", "start"),
    [
        ("2027-03-28", "02:30", datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ("2027-10-31", "02:30", datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ("2020-07-31", "14:47", datetime.fromtimestamp(1596199620, UTC)),
        ("2020-07-31", "14:50", datetime.fromtimestamp(1596199800, UTC)),
    ],
)
async def test_wall_times(ibm, date, time, start):
    """A time that clocks leave out is later by the gap, one that comes twice is the first."""
    shown = await ibm.event(await ibm.book(date=date, time=time))
    assert (shown["date"], shown["time"]) == (date, time)
    assert shown["start_ts"] == start.timestamp()


async def test_far_east(ibm):
    """The epoch is that of the wall time in the zone, not of the same digits in UTC."""
    path = await ibm.book(date="2020-12-09", time="16:28", timezone="Indian/Cocos")
    assert (await ibm.event(path))["start_ts"] == 1607507880


async def _booked(ibm, **changes):
    """Book something by another way, on the channel; gives the path that it has here."""
    start = InstantStart(datetime(2027, 3, 2, 9, 0, 10, 500_000, tzinfo=UTC))
    draft = {
        "target": "channels.one",
        "name": "Entry",
        "start": start,
        "duration": timedelta(minutes=50),
        "metadata": Metadata(description="From elsewhere"),
        **changes,
    }
    made = await ibm.api.services.bookings.add(lambda _now: Draft(**draft))
    return f"v2/channels/77/events/{made.after.id}.json", made.after


async def test_what_others_book_is_shown(ibm):
    """An instant is shown in the channel's zone, a length as the next one that there is."""
    path, _ = await _booked(ibm)
    shown = await ibm.event(path)
    assert (shown["date"], shown["time"], shown["timezone"]) == (
        "2027-03-02",
        "10:00",
        "Europe/Rome",
    )
    assert shown["start_ts"] == int(datetime(2027, 3, 2, 9, 0, 10, tzinfo=UTC).timestamp())
    assert (shown["title"], shown["duration"], shown["repeat"]) == ("Entry", 60, "never")
    (coming,) = (await ibm.upcoming())["events"]
    assert (coming["start"], coming["duration"]) == (shown["start_ts"], 3000)


@pytest.mark.parametrize(
    ("rule", "listed"),
    [
        (Recurrence(Frequency.DAILY), True),
        (Recurrence(Frequency.WEEKLY), True),
        (Recurrence(Frequency.WEEKLY, every=2), False),
        (Recurrence(Frequency.DAILY, count=3), False),
        (Recurrence(Frequency.MONTHLY), False),
    ],
)
async def test_what_cannot_be_said_as_an_event(ibm, rule, listed):
    """A rule that events cannot have is not among the events, but among what comes next."""
    wall = WallStart(datetime(2027, 3, 2, 9, 0), "Asia/Tokyo")  # noqa: DTZ001 - a wall time
    path, _ = await _booked(ibm, start=wall, recurrence=rule)
    assert (await ibm.get(path)).status_code == (200 if listed else 404)
    assert len((await ibm.listed())["events"]) == listed
    assert len((await ibm.upcoming())["events"]) == 1
    if rule.frequency is Frequency.WEEKLY and listed:
        assert (await ibm.event(path))["repeat_days"] == ["Tuesday"]


async def test_a_put_of_what_was_shown_changes_nothing(ibm):
    """Clients that send back what they were shown do not round what was booked elsewhere."""
    for changes in (
        {},
        {
            "start": WallStart(datetime(2027, 3, 2, 9), "UTC"),  # noqa: DTZ001 - a wall time
            "recurrence": Recurrence(Frequency.WEEKLY),
        },
    ):
        path, before = await _booked(ibm, **changes)
        shown = await ibm.event(path)
        fields = {key: value for key, value in shown.items() if key not in {"id", "start_ts"}}
        fields["title"] = "Another title"
        answer = await ibm.ask("PUT", path, json=fields)
        assert answer.status_code == 200, answer.text
        async with ibm.api.services.store.read() as reader:
            after = await reader.schedule(before.id)
        assert after.name == "Another title"
        assert (after.start, after.duration) == (before.start, before.duration)
        assert (after.recurrence, after.effective_from) == (
            before.recurrence,
            before.effective_from,
        )


async def test_answers_know_the_public_address(ibm, monkeypatch):
    """Behind a proxy the addresses in answers are those that clients can reach."""
    http = ibm.api.settings.http
    monkeypatch.setitem(http.__dict__, "public_url", "https://tv.example")
    answer = await ibm.post(EVENTS, WEEKLY)
    assert answer.headers["location"].startswith("https://tv.example/v2/channels/77/events/")
