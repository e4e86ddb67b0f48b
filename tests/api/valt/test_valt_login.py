"""Logging in, tokens, and what clients ask first, over a real socket."""

import hashlib

import pytest

from api_rig import PASSWORD

REFUSED = {"data": "Invalid username or password"}
NO_KEY = {"error": {"code": 401, "message": "No API key provided"}}
WRONG_KEY = {"error": {"code": 401, "message": "Invalid API key"}}


async def test_login(valt):
    """A login answers a token, and the token opens."""
    await valt.log_in()
    assert len(valt.token) >= 32
    answer = await valt.get("admin/general")
    assert (answer.status_code, answer.reason_phrase) == (200, "OK")
    assert answer.json() == {"data": {"version": "6.6.0"}}


@pytest.mark.parametrize(
    "body",
    [
        {"username": "rlopez", "password": "wrong"},
        {"username": "nobody", "password": PASSWORD},
        {"username": "rlopez"},
        {"password": PASSWORD},
        {"username": 5, "password": [PASSWORD]},
        {"username": "rlopez", "password": "x" * 5000},
        {"username": "rl\u0000opez", "password": PASSWORD},
        {},
        None,
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_login_refused(valt, body):
    """A wrong name, a wrong password and none at all get one and the same answer."""
    answer = await valt.post("login", body)
    assert (answer.status_code, answer.reason_phrase) == (401, "Unauthorized")
    assert answer.json() == REFUSED


async def test_second_login_leaves_the_first(valt):
    """Devices share an account: a new login takes nobody's token."""
    await valt.log_in()
    answer = await valt.post("login", {"username": valt.name, "password": PASSWORD})
    assert (answer.status_code, answer.reason_phrase) == (200, "OK")
    assert answer.json()["data"]["access_token"] != valt.token
    assert (await valt.get("schedule")).status_code == 200


async def test_login_lasts_eight_hours(valt):
    """A token lives longer than the eight hours after which clients log in anew."""
    await valt.log_in()
    digest = hashlib.sha256(str(valt.token).encode()).hexdigest()
    async with valt.api.services.store.read() as reader:
        found = await reader.key_of_digest(digest)
    assert found is not None
    expires = found[0].expires
    assert expires is not None
    assert (expires - valt.api.services.clock.now()).total_seconds() >= 8 * 3600


@pytest.mark.parametrize("path", ["schedule", "schedule/1", "admin/general", "rooms/7/status"])
async def test_without_token(stranger, path):
    """Without a token nothing is answered but that one is missing."""
    answer = await stranger.get(path)
    assert (answer.status_code, answer.reason_phrase) == (401, "Unauthorized")
    assert answer.json() == NO_KEY


@pytest.mark.parametrize("token", ["x", "0" * 64, "\u2603", "%00", "a" * 2000])
async def test_wrong_token(stranger, token):
    """A token that is no good is answered 401 in the same shape."""
    stranger.token = token
    answer = await stranger.get("schedule")
    assert (answer.status_code, answer.reason_phrase) == (401, "Unauthorized")
    assert answer.json() == WRONG_KEY


async def test_token_belongs_into_the_address(stranger, valt):
    """A token in a header is not looked at: VALT's clients send none there."""
    stranger.http.headers["Authorization"] = f"Bearer {valt.token}"
    assert (await stranger.get("schedule")).json() == NO_KEY


async def test_the_machine_itself_needs_a_token(api):
    """On the Unix socket, too, this interface wants a token: clients must meet the same server."""
    async with api.local() as http:
        assert (await http.get("/api/v3/schedule")).json() == NO_KEY


async def test_guessing_is_slowed_down(stranger):
    """Who guesses passwords has to wait, and is told how long."""
    guess = {"username": "nobody", "password": "x" * 2000}
    codes = {(await stranger.post("login", guess)).status_code for _ in range(20)}
    assert codes == {401}
    answer = await stranger.post("login", guess)
    assert (answer.status_code, answer.reason_phrase) == (429, "Too Many Requests")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["code"] == 429
