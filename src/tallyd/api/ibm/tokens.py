"""The token endpoint and revocation: who the client is, what it asks for, what it gets."""

import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote_plus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tallyd.api.answers import BodyUnreadableError
from tallyd.api.ibm.fields import Fields, parse_body
from tallyd.api.services import Services
from tallyd.domain.oauth import ACCESS_LASTS
from tallyd.domain.window import to_ms
from tallyd.oauth import Client, InvalidClientError, InvalidGrantError, OAuth, Tokens

TOKEN = "/oauth2/token"  # noqa: S105 - a path
REVOKE = "/oauth2/token/revoke"
_ISSUER = "tallyd"
_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """A request for a token that is refused: the word that clients look for."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request of a client that has proven who it is, with the secret that proved it."""

    client: Client
    secret: str
    given: Fields

    def required(self, field: str) -> str:
        """Give what must be there; raises OAuthError."""
        value = self.given.get(field, "")
        if not value:
            raise OAuthError(400, "invalid_request")
        return value


def route_tokens(app: FastAPI, services: Services) -> None:
    """Add both endpoints."""

    @app.exception_handler(OAuthError)
    async def _refused(_request: Request, error: OAuthError) -> Response:
        return JSONResponse({"error": error.error}, error.status, _NOT_KEPT)

    @app.post(TOKEN)
    async def token(request: Request) -> Response:
        given = await _form(request)
        kind = given.get("grant_type", "")
        if not kind:
            raise OAuthError(400, "invalid_request")
        if kind not in _GRANTS:
            raise OAuthError(501, "unsupported_grant_type")
        asked = await _asked(request, services, given)
        try:
            tokens = await _GRANTS[kind](services.oauth, asked)
        except InvalidGrantError as error:
            raise OAuthError(400, "invalid_grant") from error
        return JSONResponse(_tokens_view(tokens, asked), headers=_NOT_KEPT)

    @app.post(REVOKE)
    async def revoke(request: Request) -> Response:
        asked = await _asked(request, services, await _form(request))
        await services.oauth.revoke(asked.client, asked.required("token"))
        return Response(headers=_NOT_KEPT)


def unavailable(request: Request) -> Response:
    """Give what is said while the database cannot be used; events have no word for it."""
    later = {"Retry-After": "5"}
    if request.url.path.startswith(TOKEN):
        return JSONResponse({"error": "server_error"}, 503, {**later, **_NOT_KEPT})
    return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=later)


async def _form(request: Request) -> Fields:
    try:
        return parse_body(request.headers.get("content-type", ""), await request.body())
    except BodyUnreadableError as error:
        raise OAuthError(400, "invalid_request") from error


async def _asked(request: Request, services: Services, given: Fields) -> _Asked:
    """Find out which client asks.

    Raises:
        OAuthError: it says nothing of itself, or nothing that is right.
    """
    for client_id, secret in _credentials(request, given):
        try:
            client = await services.oauth.client(client_id, [secret])
        except InvalidClientError:
            continue
        services.callers.of_client(client.id)
        return _Asked(client, secret, given)
    services.callers.of_nobody(request)
    named = given.get("client_id") or request.headers.get("authorization")
    raise OAuthError(400, "invalid_client" if named else "invalid_request")


def _credentials(request: Request, given: Fields) -> Iterator[tuple[str, str]]:
    """Give what may be the id and the secret of a client: all three ways that clients have.

    By HTTP Basic both, or, against the rule for it, the bare secret; or both in the body.
    """
    named = given.get("client_id", "")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        name, colon, secret = _decoded(value.strip()).partition(":")
        if colon and named in {"", name, unquote_plus(name)}:
            yield unquote_plus(name), unquote_plus(secret)
        yield named, value.strip()
    if given.get("client_secret"):
        yield named, given["client_secret"]


def _decoded(value: str) -> str:
    try:
        return b64decode(value, validate=True).decode()
    except (Base64Error, ValueError):
        return ""


async def _by_code(oauth: OAuth, asked: _Asked) -> Tokens:
    code, address = asked.required("code"), asked.required("redirect_uri")
    return await oauth.exchange(asked.client, code, address)


async def _by_itself(oauth: OAuth, asked: _Asked) -> Tokens:
    return await oauth.for_itself(asked.client, asked.given.get("scope", ""))


async def _by_refresh(oauth: OAuth, asked: _Asked) -> Tokens:
    return await oauth.refresh(asked.client, asked.required("refresh_token"))


_GRANTS: Mapping[str, Callable[[OAuth, _Asked], Awaitable[Tokens]]] = {
    "authorization_code": _by_code,
    "client_credentials": _by_itself,
    "refresh_token": _by_refresh,
}


def _tokens_view(tokens: Tokens, asked: _Asked) -> dict[str, object]:
    shown: dict[str, object] = {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "bearer",
        "expires_in": int(ACCESS_LASTS.total_seconds()),
    }
    if "openid" in tokens.grant.scope.split():
        shown["id_token"] = _id_token(tokens, asked.secret)
    return shown


def _id_token(tokens: Tokens, secret: str) -> str:
    """Say who a token acts as, signed with what client and server both know (JWT, HS256)."""
    issued = to_ms(tokens.issued) // 1000
    claims = {
        "iss": _ISSUER,
        "sub": str(tokens.grant.user_id),
        "aud": tokens.grant.client,
        "iat": issued,
        "exp": issued + int(ACCESS_LASTS.total_seconds()),
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    mac = hmac.digest(secret.encode(), signed.encode(), "sha256")
    return f"{signed}.{_base64(mac)}"


def _part(value: Mapping[str, object]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
