"""The token endpoint and revocation, as every kind of client uses them, over a real socket."""

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta

import pytest

from tallyd.ports.store import StoreBusyError

EVENTS = "v2/channels/77/events.json"
DAY = timedelta(days=1)


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


async def _ask(ibm, fields, authorization=None, path="/oauth2/token"):
    headers = {} if authorization is None else {"Authorization": authorization}
    return await ibm.http.post(path, data=fields, headers=headers)


def _shape(answer):
    return answer.status_code, answer.json()


async def _opens(ibm, token):
    answer = await ibm.http.get(f"/{EVENTS}", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == 200


async def test_client_credentials(ibm):
    """A program gets a pair of tokens for itself, good for a day, and no cache keeps them."""
    answer = await ibm.token(grant_type="client_credentials", device_name="x", scope="broadcaster")
    assert (answer.status_code, answer.reason_phrase) == (200, "OK")
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert re.fullmatch("[0-9a-f]{40}", body["access_token"])
    assert re.fullmatch("[0-9a-f]{40}", body["refresh_token"])
    assert (body["token_type"], body["expires_in"]) == ("bearer", 86400)
    assert await _opens(ibm, body["access_token"])
    assert not await _opens(ibm, body["refresh_token"])


async def test_three_ways_to_show_the_secret(ibm):
    """By HTTP Basic, by HTTP Basic as the bare secret, and in the body."""
    name, secret = ibm.key.public, ibm.key.secret
    fields = {"grant_type": "client_credentials"}
    for answer in (
        await _ask(ibm, fields, _basic(f"{name}:{secret}")),
        await _ask(ibm, {**fields, "client_id": name}, _basic(f"{name}:{secret}")),
        await _ask(ibm, {**fields, "client_id": name}, f"Basic {secret}"),
        await _ask(ibm, {**fields, "client_id": name, "client_secret": secret}),
        await ibm.http.post(
            "/oauth2/token", json={**fields, "client_id": name, "client_secret": secret}
        ),
    ):
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "nobody", "client_secret": "0" * 64},
        {"client_secret": "0" * 64},
        {"client_secret": ""},
        {"client_secret": "\u2603"},
        {},
    ],
)
async def test_wrong_client(ibm, wrong):
    """Whoever does not know the secret is told so, in one and the same way."""
    fields = {"grant_type": "client_credentials", "client_id": ibm.key.public, **wrong}
    assert _shape(await _ask(ibm, fields)) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize("header", ["Basic", "Basic ===", "Basic " + "0" * 64, "Bearer x"])
async def test_wrong_header(ibm, header):
    """A header that is none of the three proves nothing."""
    fields = {"grant_type": "client_credentials", "client_id": ibm.key.public}
    assert _shape(await _ask(ibm, fields, header)) == (400, {"error": "invalid_client"})


async def test_secret_of_another_client(ibm, other):
    """The secret of one client opens nothing for another."""
    fields = {"grant_type": "client_credentials", "client_id": ibm.key.public}
    answer = await _ask(ibm, {**fields, "client_secret": other.key.secret})
    assert _shape(answer) == (400, {"error": "invalid_client"})


async def test_senseless_requests(ibm):
    """Without a grant type 400, of an unknown one 501; what else is missing is 400."""
    assert _shape(await ibm.token()) == (400, {"error": "invalid_request"})
    unsupported = await ibm.token(grant_type="password")
    assert unsupported.reason_phrase == "Not Implemented"
    assert _shape(unsupported) == (501, {"error": "unsupported_grant_type"})
    for grant in ("authorization_code", "refresh_token"):
        assert _shape(await ibm.token(grant_type=grant)) == (400, {"error": "invalid_request"})
    nameless = await _ask(ibm, {"grant_type": "client_credentials"})
    assert _shape(nameless) == (400, {"error": "invalid_request"})
    odd = {"grant_type": "client_credentials", "client_id": "\ud800", "client_secret": "\ud800"}
    refused = await ibm.http.post("/oauth2/token", content=json.dumps(odd))
    assert _shape(refused) == (400, {"error": "invalid_request"})
    unreadable = await ibm.http.post("/oauth2/token", content=b"{")
    assert _shape(unreadable) == (400, {"error": "invalid_request"})


async def test_refresh(ibm):
    """A refresh token gives a new pair, once, also days later; the access token lasts its day."""
    first = await ibm.log_in()
    ibm.clock.shown += 2 * DAY
    assert not await _opens(ibm, first["access_token"])
    answer = await ibm.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert answer.status_code == 200
    second = answer.json()
    assert await _opens(ibm, second["access_token"])
    assert second["refresh_token"] != first["refresh_token"]
    again = await ibm.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert _shape(again) == (400, {"error": "invalid_grant"})


async def test_refresh_is_over_after_a_month(ibm):
    """After thirty days a refresh token is good for nothing."""
    tokens = await ibm.log_in()
    ibm.clock.shown += 30 * DAY
    answer = await ibm.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert _shape(answer) == (400, {"error": "invalid_grant"})


async def test_refresh_token_of_another_client(ibm, other):
    """A stolen refresh token is useless, and goes on to work for whom it was given to."""
    tokens = await ibm.log_in()
    stolen = await other.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert _shape(stolen) == (400, {"error": "invalid_grant"})
    own = await ibm.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert own.status_code == 200
    wrong = await ibm.token(grant_type="refresh_token", refresh_token=tokens["access_token"])
    assert _shape(wrong) == (400, {"error": "invalid_grant"})


async def test_revoke_access(ibm):
    """A revoked token opens nothing any more; to revoke it again, or any other, succeeds."""
    tokens = await ibm.log_in()
    other = await ibm.token(grant_type="client_credentials")
    auth = (ibm.key.public, ibm.key.secret)
    for token in (tokens["access_token"], tokens["access_token"], "unknown"):
        answer = await ibm.http.post("/oauth2/token/revoke", data={"token": token}, auth=auth)
        assert (answer.status_code, answer.reason_phrase) == (200, "OK")
    assert (await ibm.get(EVENTS)).json()["error"] == "invalid_token"
    assert await _opens(ibm, other.json()["access_token"])
    renewed = await ibm.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert renewed.status_code == 200


async def test_revoke_refresh_ends_all_of_it(ibm):
    """With a refresh token go the access tokens that came with it."""
    tokens = await ibm.log_in()
    fields = {"token": tokens["refresh_token"], "client_id": ibm.key.public}
    answer = await _ask(ibm, fields, f"Basic {ibm.key.secret}", "/oauth2/token/revoke")
    assert answer.status_code == 200
    assert not await _opens(ibm, tokens["access_token"])


async def test_revoke_of_another_s(ibm, other):
    """Who knows another's token cannot revoke it, and does not learn that it is one."""
    tokens = await ibm.log_in()
    auth = (other.key.public, other.key.secret)
    data = {"token": tokens["access_token"]}
    answer = await other.http.post("/oauth2/token/revoke", data=data, auth=auth)
    assert answer.status_code == 200
    assert await _opens(ibm, tokens["access_token"])
    wrong = await _ask(ibm, {**data, "client_id": "x"}, None, "/oauth2/token/revoke")
    assert _shape(wrong) == (400, {"error": "invalid_client"})
    nothing = await ibm.http.post("/oauth2/token/revoke", auth=(ibm.key.public, ibm.key.secret))
    assert _shape(nothing) == (400, {"error": "invalid_request"})


async def test_id_token(ibm):
    """With the scope openid comes a signed word on who it is; unknown scopes are left out."""
    answer = await ibm.token(grant_type="client_credentials", scope="openid email other")
    signed, _, signature = answer.json()["id_token"].rpartition(".")
    mac = hmac.digest(ibm.key.secret.encode(), signed.encode(), "sha256")
    assert signature == base64.urlsafe_b64encode(mac).decode().rstrip("=")
    claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
    assert claims["aud"] == ibm.key.public
    assert claims["exp"] - claims["iat"] == 86400


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer 0",
        "Basic x",
        "Token x",
        "Bearer \u00e9",
        "bearer a b",
    ],
)
async def test_no_token_no_answer(ibm, header):
    """A token that is missing, malformed or unknown is 401 in one shape, for every call."""
    for path in (EVENTS, "channels/77/upcoming-events.json"):
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        answer = await ibm.http.get(f"/{path}", headers=headers)
        assert (answer.status_code, answer.reason_phrase) == (401, "Unauthorized")
        assert answer.json()["error"] == "invalid_token"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_scheme_in_any_case(ibm):
    """`bearer` is as good as `Bearer`."""
    ibm.headers["Authorization"] = ibm.headers["Authorization"].replace("Bearer", "bearer")
    assert (await ibm.get(EVENTS)).status_code == 200


async def test_other_keys_are_no_tokens(ibm):
    """Keys of other interfaces, and the machine's own word, open nothing here."""
    native = await ibm.api.user("alice")
    assert not await _opens(ibm, native)
    assert not await _opens(ibm, ibm.key.secret)
    async with ibm.api.local() as local:
        assert (await local.get(f"/{EVENTS}")).status_code == 401


async def test_account_that_is_gone(ibm):
    """With an account, its password or its client go its tokens."""
    accounts = ibm.api.services.accounts
    await accounts.change_password(ibm.name, "another password")
    assert (await ibm.get(EVENTS)).status_code == 401
    assert _shape(await ibm.token(grant_type="client_credentials"))[0] == 400
    await accounts.remove(ibm.name)
    assert (await ibm.get(EVENTS)).status_code == 401


async def test_client_that_has_expired(ibm):
    """A client gets nothing beyond its last day."""
    ibm.clock.shown += 366 * DAY
    answer = await ibm.token(grant_type="client_credentials")
    assert _shape(answer) == (400, {"error": "invalid_client"})


async def test_tokens_are_stored_nowhere(ibm):
    """Who gets the database, or a backup of it, has no token."""
    tokens = await ibm.log_in()
    files = sorted(ibm.api.settings.appliance.state_dir.glob("tallyd.db*"))
    found = b"".join(path.read_bytes() for path in files)
    for secret in (tokens["access_token"], tokens["refresh_token"], ibm.key.secret):
        assert secret.encode() not in found
        assert hashlib.sha256(secret.encode()).hexdigest().encode() in found


async def test_oldest_tokens_go(ibm, monkeypatch):
    """A program that never stops asking for tokens does not fill the disk."""
    monkeypatch.setattr("tallyd.oauth.MAX_TOKENS", 4)
    for _ in range(5):
        ibm.clock.shown += timedelta(seconds=1)
        await ibm.log_in()
    assert (await ibm.get(EVENTS)).status_code == 200
    async with ibm.api.services.store.write() as tx:
        assert len(await tx._session.integers("delete_tokens_of_user", user_id=1)) <= 6


async def test_database_that_cannot_be_used(ibm, monkeypatch):
    """While the database is busy, tokens are 503 `server_error`, and events 503."""

    def busy(*_args, **_more):
        raise StoreBusyError("busy")

    auth = (ibm.key.public, ibm.key.secret)
    monkeypatch.setattr(ibm.api.services.store, "read", busy)
    data = {"grant_type": "client_credentials"}
    answer = await ibm.http.post("/oauth2/token", data=data, auth=auth)
    assert _shape(answer) == (503, {"error": "server_error"})
    events = await ibm.get(EVENTS)
    assert (events.status_code, events.reason_phrase) == (503, "Service Unavailable")
    assert int(events.headers["retry-after"]) >= 1
    assert (await ibm.get("channels/77/upcoming-events.json")).status_code == 503
