"""How often somebody may ask, and what every answer says of it, over a real socket."""

from datetime import timedelta

import pytest

EVENTS = "v2/channels/77/events.json"
LIMIT = 8
EVENT = {
    "title": "Mine",
    "description": "",
    "date": "2027-03-02",
    "time": "09:00",
    "timezone": "Europe/Rome",
    "duration": "15",
}


@pytest.fixture
def http_settings():
    """Let few requests be too many."""
    return f"ibm_requests_per_minute = {LIMIT}"


def _said(answer):
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return tuple(int(answer.headers[name]) for name in names)


async def test_every_answer_says_what_is_left(ibm):
    """All five calls count down, whatever they answer; the sixth knows when it starts anew."""
    reset = int(ibm.clock.shown.timestamp()) + 60
    path = "v2/channels/77/events/4711.json"
    created = await ibm.post(EVENTS, EVENT)
    made = f"v2/channels/77/events/{created.headers['location'].rpartition('/')[2]}"
    answers = [
        created,
        await ibm.post(EVENTS, {}),
        await ibm.get(EVENTS),
        await ibm.get(path),
        await ibm.put(made, EVENT),
        await ibm.delete(made),
        await ibm.get("v2/channels/4711/events.json"),
        await ibm.get("v2/channels/78/events.json"),
    ]
    codes = [answer.status_code for answer in answers]
    assert codes == [201, 400, 200, 404, 200, 200, 404, 403]
    assert [_said(answer) for answer in answers] == [
        (LIMIT, left, reset) for left in reversed(range(LIMIT))
    ]


async def test_too_many(ibm, other):
    """Beyond the limit it is 429 until the minute is over, for that account alone."""
    for _ in range(LIMIT):
        assert (await ibm.get(EVENTS)).status_code == 200
    answer = await ibm.get(EVENTS)
    assert (answer.status_code, answer.reason_phrase) == (429, "Too Many Requests")
    assert answer.json()["error"] == "too_many_requests"
    assert _said(answer) == (LIMIT, 0, int(ibm.clock.shown.timestamp()) + 60)
    assert answer.headers["retry-after"] == "60"
    assert (await other.get(EVENTS)).status_code == 200
    for refused in (await ibm.post(EVENTS, EVENT), await ibm.delete(EVENTS.replace("ts", "ts/1"))):
        assert refused.status_code in {429, 404}
    ibm.clock.shown += timedelta(seconds=59)
    assert (await ibm.get(EVENTS)).headers["retry-after"] == "1"
    ibm.clock.shown += timedelta(seconds=1)
    assert (await ibm.get(EVENTS)).status_code == 200


async def test_strangers_are_counted(stranger):
    """Who shows no token is counted by where it comes from, and told so."""
    for left in reversed(range(LIMIT)):
        answer = await stranger.get(EVENTS)
        assert (answer.status_code, _said(answer)[1]) == (401, left)
    assert (await stranger.get(EVENTS)).status_code == 429


async def test_upcoming_has_no_such_limit(ibm):
    """What comes next may be asked for as often as the server bears it, and says nothing of it."""
    for _ in range(LIMIT + 2):
        answer = await ibm.get("channels/77/upcoming-events.json")
        assert answer.status_code == 200
        assert "x-ratelimit-limit" not in answer.headers
