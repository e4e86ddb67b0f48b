"""The page on which somebody lets a program act as their account, and where it sends them then."""

from collections.abc import Mapping
from html import escape
from string import Template
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tallyd.api.answers import BodyUnreadableError
from tallyd.api.ibm.fields import Fields, parse_body
from tallyd.api.services import Services
from tallyd.domain.oauth import ACCESS_LASTS, is_loopback

PATH = "/authorize"

_FOUND = 302
_ASKED = ("response_type", "client_id", "redirect_uri", "state", "scope", "device_name", "lang")
_HEADERS = {
    "Cache-Control": "no-store",
    # Not "no-referrer": browsers would then send the form as from nowhere.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    ),
}
_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>body{font:16px/1.5 sans-serif;max-width:26em;margin:3em auto;padding:0 1em}
label,input{display:block;width:100%;box-sizing:border-box;margin:.3em 0}
input{padding:.4em}button{padding:.5em 1.2em;margin:1em .6em 0 0}</style>
<h1>$title</h1>
$content
</html>
""")
_FORM = Template("""<p>The program <b>$client_id</b>$device wants to act as your account:
to see, book, change and remove events. Afterwards you are sent to <b>$place</b>.</p>
$problem
<form method="post" action="$path">
$hidden
<label>Account <input name="username" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>""")


def route_consent(app: FastAPI, services: Services) -> None:
    """Add the page."""

    @app.get(PATH)
    async def ask(request: Request) -> Response:
        services.callers.of_nobody(request)
        asked = _only_asked(request.query_params)
        return await _refusal(services, asked) or _page(asked)

    @app.post(PATH)
    async def answer(request: Request) -> Response:
        services.callers.of_nobody(request)
        try:
            form = parse_body(request.headers.get("content-type", ""), await request.body())
        except BodyUnreadableError:
            return _sorry("This request cannot be read.")
        # What is asked for may stand in the address, and the answer alone in the form.
        given = {**request.query_params, **form}
        asked = _only_asked(given)
        refusal = await _refusal(services, asked)
        if refusal is not None:
            return refusal
        decision = given.get("decision")
        if decision == "deny":
            return _sent_back(asked, {"error": "access_denied"})
        name, password = given.get("username", ""), given.get("password", "")
        if decision is None and not password:  # it only asks, by the other method
            return _page(asked)
        caller = await services.callers.of_password(request, name, password)
        if caller is None or caller.user_id is None:
            return _page(asked, "<p><b>Account or password is wrong.</b></p>", 403)
        return await _allowed(services, asked, caller.user_id)


async def _refusal(services: Services, asked: Fields) -> Response | None:
    """Give what is said of a request that makes no sense; nobody is sent to a wrong address."""
    address = asked.get("redirect_uri", "")
    if not await services.oauth.sends_to(asked.get("client_id", ""), address):
        return _sorry("The program that sent you here is not known, or not at that address.")
    kind = asked.get("response_type", "")
    if kind == "code" or (kind == "token" and is_loopback(address)):
        return None
    error = "unsupported_response_type" if kind else "invalid_request"
    return _sent_back({**asked, "response_type": "code"}, {"error": error})


async def _allowed(services: Services, asked: Fields, user_id: int) -> Response:
    client_id, scope = asked["client_id"], asked.get("scope", "")
    if asked["response_type"] == "code":
        address = asked["redirect_uri"]
        code = await services.oauth.code(client_id, user_id, scope, address)
        return _sent_back(asked, {"code": code})
    tokens = await services.oauth.implicit(client_id, user_id, scope)
    shown = {"access_token": tokens.access, "token_type": "bearer"}
    return _sent_back(asked, {**shown, "expires_in": str(int(ACCESS_LASTS.total_seconds()))})


def _sent_back(asked: Fields, said: Mapping[str, str]) -> Response:
    """Send somebody back to the program, with what came of it: a token behind a hash sign."""
    state = {"state": asked["state"]} if asked.get("state") else {}
    address = urlsplit(asked["redirect_uri"])
    pairs = urlencode({**said, **state})
    if asked.get("response_type") == "token":
        target = urlunsplit(address._replace(fragment=pairs))
    else:
        kept = urlencode(parse_qsl(address.query, keep_blank_values=True))
        target = urlunsplit(address._replace(query="&".join(filter(None, (kept, pairs)))))
    return RedirectResponse(target, _FOUND, _HEADERS)


def _only_asked(given: Mapping[str, str]) -> Fields:
    return {name: given[name] for name in _ASKED if name in given}


def _page(asked: Fields, problem: str = "", status: int = 200) -> Response:
    device = asked.get("device_name")
    content = _FORM.substitute(
        client_id=escape(asked["client_id"]),
        device=f" on {escape(device)}" if device else "",
        place=escape(urlsplit(asked["redirect_uri"]).netloc),
        problem=problem,
        path=PATH,
        hidden="\n".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in asked.items()
        ),
    )
    return _html("Allow a program", content, status)


def _sorry(sentence: str) -> Response:
    return _html("This is not possible", f"<p>{escape(sentence)}</p>", 400)


def _html(title: str, content: str, status: int) -> Response:
    page = _PAGE.substitute(title=title, content=content)
    return HTMLResponse(page, status, _HEADERS)
