"""Consent: somebody lets a program act as their account, over a real socket."""

import json
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from api_rig import PASSWORD
from tallyd.domain.accounts import Purpose
from tallyd.domain.errors import InvalidBooking

CALLBACK = "http://127.0.0.1:9/callback"
EVENTS = "v2/channels/77/events.json"


class _Form(HTMLParser):
    """The fields that a browser would send, and where."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Note a form or a field of it."""
        found = dict(attrs)
        if tag == "form":
            self.action = found["action"]
        if tag == "input":
            self.fields[found["name"]] = found.get("value", "")


@pytest.fixture
async def page(ibm, other):
    """Give what opens the page in a browser, of a user who has a password."""
    await other.api.services.accounts.change_password(other.name, PASSWORD)
    # The change took the keys: that of the client is somebody else's.

    async def open_page(**changes):
        asked = {
            "response_type": "code",
            "client_id": ibm.key.public,
            "redirect_uri": CALLBACK,
            "state": "x&y=1",
            "scope": "broadcaster",
            **changes,
        }
        query = {name: value for name, value in asked.items() if value is not None}
        return await ibm.http.get(f"/authorize?{urlencode(query)}")

    return open_page


async def _submit(ibm, answer, **changes):
    form = _Form(answer.text)
    fields = {**form.fields, "username": "mallory", "password": PASSWORD, "decision": "allow"}
    origin = {"Origin": ibm.api.url}
    return await ibm.http.post(form.action, data={**fields, **changes}, headers=origin)


def _sent_to(answer):
    assert (answer.status_code, answer.reason_phrase) == (302, "Found")
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == CALLBACK
    return {name: value for name, (value,) in parse_qs(address.query or address.fragment).items()}


async def _exchange(client, code, redirect_uri=CALLBACK):
    return await client.token(grant_type="authorization_code", code=code, redirect_uri=redirect_uri)


async def test_code_flow(ibm, page):
    """Who allows it is sent back with a code, for which the program gets tokens of that user."""
    opened = await page()
    assert (opened.status_code, opened.headers["content-type"]) == (200, "text/html; charset=utf-8")
    sent = _sent_to(await _submit(ibm, opened))
    assert sent["state"] == "x&y=1"
    answer = await _exchange(ibm, sent["code"])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    ibm.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    number = int((await ibm.book()).rpartition("/")[2].removesuffix(".json"))
    async with ibm.api.services.store.read() as reader:
        schedule = await reader.schedule(number)
        user = await reader.user_named("mallory")
    assert schedule.metadata.owner == str(user.id)


async def test_code_is_used_up(ibm, page):
    """A code that comes again is refused, and what it was exchanged for ends: somebody stole it."""
    code = _sent_to(await _submit(ibm, await page()))["code"]
    tokens = (await _exchange(ibm, code)).json()
    again = await _exchange(ibm, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    ibm.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    assert (await ibm.get(EVENTS)).status_code == 401


async def test_code_of_another_client_or_address(ibm, anna, page):
    """A code is good for the program and the address that it was made for."""
    code = _sent_to(await _submit(ibm, await page()))["code"]
    for answer in (
        await _exchange(anna, code),
        await _exchange(ibm, code, "http://127.0.0.1:9/other"),
        await _exchange(ibm, "unknown"),
    ):
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})
    assert (await _exchange(ibm, code)).status_code == 200


async def test_code_does_not_last(ibm, page):
    """A code is exchanged at once, or not at all."""
    code = _sent_to(await _submit(ibm, await page()))["code"]
    ibm.clock.shown = ibm.clock.shown.replace(minute=5)
    answer = await _exchange(ibm, code)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


async def test_refusal(ibm, page):
    """Who refuses is sent back with the word for it; no password is asked for."""
    sent = _sent_to(await _submit(ibm, await page(), decision="deny", password=""))
    assert sent == {"error": "access_denied", "state": "x&y=1"}
    stateless = _sent_to(await _submit(ibm, await page(state=None), decision="deny"))
    assert stateless == {"error": "access_denied"}


async def test_asked_by_post(ibm, page):
    """Programs may send their users here by either method; who then logs in has agreed."""
    asked = {
        "response_type": "code",
        "client_id": ibm.key.public,
        "redirect_uri": CALLBACK,
        "scope": "broadcaster",
    }
    opened = await ibm.http.post("/authorize", data=asked)
    assert (opened.status_code, _Form(opened.text).fields["client_id"]) == (200, ibm.key.public)
    login = {"username": "mallory", "password": PASSWORD}
    answer = await ibm.http.post(f"/authorize?{urlencode(asked)}", data=login)
    assert (await _exchange(ibm, _sent_to(answer)["code"])).status_code == 200
    assert (await page()).status_code == 200


async def test_wrong_password(ibm, page):
    """A wrong password shows the page again, with what was asked for."""
    answer = await _submit(ibm, await page(), password="wrong", username='"><b>')  # noqa: S106 - it opens nothing
    assert answer.status_code == 403
    assert "wrong" in answer.text
    assert _Form(answer.text).fields["state"] == "x&y=1"
    assert "location" not in answer.headers


async def test_token_at_once(ibm, page):
    """For tests a token comes without a code, behind the hash sign, to the user's own machine."""
    sent = _sent_to(await _submit(ibm, await page(response_type="token")))
    assert (sent["token_type"], sent["expires_in"], sent["state"]) == ("bearer", "86400", "x&y=1")
    ibm.headers["Authorization"] = f"Bearer {sent['access_token']}"
    assert (await ibm.get(EVENTS)).status_code == 200
    far = await page(response_type="token", redirect_uri="https://program.example/callback")
    assert "unsupported_response_type" in far.headers["location"]


async def test_other_kinds_of_answer(page):
    """A request for anything else is sent back with the word for it."""
    unsupported = _sent_to(await page(response_type="other"))
    assert unsupported == {"error": "unsupported_response_type", "state": "x&y=1"}
    assert _sent_to(await page(response_type=None))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://program.example/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "https://user@program.example/"},
        {"redirect_uri": "https://program.example/#fragment"},
        {"redirect_uri": "https://program.example/\r\nX: y"},
        {"redirect_uri": "//program.example"},
        {"redirect_uri": "https://[x/"},
    ],
)
async def test_nobody_is_sent_astray(ibm, page, changes):
    """An unknown program, or an address that it cannot have, is told on the page itself."""
    for answer in (await page(**changes), await ibm.http.post("/authorize", data=changes)):
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_registered_addresses(ibm, page):
    """Of a client with registered addresses no other will do, but the user's own machine."""
    address = "https://program.example/callback?tenant=1"
    accounts = ibm.api.services.accounts
    client = await accounts.issue("rlopez", Purpose.IBM, redirects=[address])
    good = await page(client_id=client.public, redirect_uri=address)
    assert good.status_code == 200
    sent = await _submit(ibm, good, decision="deny")
    location = httpx.URL(sent.headers["location"])
    assert dict(location.params) == {
        "tenant": "1",
        "error": "access_denied",
        "state": "x&y=1",
    }
    elsewhere = await page(client_id=client.public, redirect_uri="https://evil.example/")
    assert elsewhere.status_code == 400
    assert (await page(client_id=client.public)).status_code == 200
    with pytest.raises(InvalidBooking, match="redirect_uri"):
        await accounts.issue("rlopez", Purpose.IBM, redirects=["nonsense"])


async def test_page_is_safe(ibm, page):
    """What is asked for is shown as text; no other page frames it, no cache keeps it."""
    evil = '"><script>alert(1)</script>'
    answer = await page(state=evil, device_name=evil, scope=evil)
    assert "<script" not in answer.text
    assert _Form(answer.text).fields["state"] == evil
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    elsewhere = await ibm.http.post(
        "/authorize", data={}, headers={"Origin": "https://evil.example"}
    )
    assert elsewhere.status_code == 403


async def test_form_that_cannot_be_read(ibm):
    """What is no form is told so."""
    answer = await ibm.http.post("/authorize", content=b"{")
    assert answer.status_code == 400


async def test_name_that_is_no_text(ibm, page):
    """Half a character is no name, and no fault of the server."""
    fields = {**_Form((await page()).text).fields, "username": "\ud800", "password": PASSWORD}
    answer = await ibm.http.post("/authorize", content=json.dumps({**fields, "decision": "allow"}))
    assert answer.status_code == 400


async def test_guessing_is_slowed_down(ibm, page):
    """Who guesses passwords here has to wait, too."""
    opened = await page()
    codes = set()
    for _ in range(60):
        codes.add((await _submit(ibm, opened, username="x", password="y" * 2000)).status_code)
        if 429 in codes:
            break
    assert codes == {403, 429}


async def test_new_password_takes_back_what_was_allowed(ibm, page):
    """Who changes the password because a program is not to be trusted is rid of it."""
    code = _sent_to(await _submit(ibm, await page()))["code"]
    tokens = (await _exchange(ibm, code)).json()
    ibm.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    assert (await ibm.get(EVENTS)).status_code == 200
    await ibm.api.services.accounts.change_password("mallory", f"{PASSWORD} again")
    assert (await ibm.get(EVENTS)).status_code == 401
    renewed = await ibm.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (renewed.status_code, renewed.json()) == (400, {"error": "invalid_grant"})
