"""What every request has to pass before a dialect sees it: its Host, its origin, its size."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallyd.api.callers import peer_of
from tallyd.logs import get_logger

HEADERS_MAX = 16 * 1024
BODY_WITHIN_S = 10.0
"""So long a client may take to send its body."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Gate:
    """Refuses what no dialect needs to see, in `application/problem+json`.

    `hosts` are the names beside those of the loopback by which clients may call this server, with
    their port where that is not the one it listens on.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], body_max: int) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._body_max = body_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if peer_of(scope) is None and (refusal := self._stranger(scope, headers)):
            await _refuse(send, *refusal)
            return
        if sum(len(name) + len(value) for name, value in headers.raw) > HEADERS_MAX:
            sentence = f"headers have at most {HEADERS_MAX} bytes"
            await _refuse(send, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence)
            return
        try:
            with anyio.fail_after(BODY_WITHIN_S):
                body = await self._body(headers, receive)
        except TimeoutError:
            await _refuse(send, HTTPStatus.REQUEST_TIMEOUT, "the body took too long")
            return
        if body is None:
            sentence = f"a body has at most {self._body_max} bytes"
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
            return
        await self._fenced(scope, _replay(body, receive), send)

    async def _fenced(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; what a request breaks is told in the log, and to whoever asked not at all."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            # Not the query: a key may be in it.
            about = {"method": scope["method"], "path": scope["path"], "error": repr(error)}
            get_logger().error("server.request_failed", **about, exc_info=error)
            if begun:
                raise
            await _refuse(send, HTTPStatus.INTERNAL_SERVER_ERROR, "it is in the log")

    def _stranger(self, scope: Scope, headers: Headers) -> tuple[HTTPStatus, str] | None:
        """Say why a request by TCP is refused: a page in a browser may be behind it."""
        port = scope["server"][1] if scope.get("server") else None
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0], port):
            return HTTPStatus.MISDIRECTED_REQUEST, "this server has no such name: see [http] hosts"
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(urlsplit(origin).netloc, port):
            return HTTPStatus.FORBIDDEN, "pages of other origins may not ask this server"
        return None

    def _is_ours(self, host: str, port: int | None) -> bool:
        name, colon, said_port = host.lower().rpartition(":")
        if not colon or said_port.endswith("]"):
            name, said_port = host.lower(), str(port)
        known = name in LOOPBACK or name in self._hosts
        return (known and said_port == str(port)) or host.lower() in self._hosts

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """Read the whole body; None where it is too large."""
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._body_max:
            return None
        body = bytearray()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            return b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return bytes(body)
            body += message.get("body", b"")
            if len(body) > self._body_max:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already, then whatever else comes."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: HTTPStatus, sentence: str) -> None:
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": sentence,
        "problems": [],
    }
    body = json.dumps(problem).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
