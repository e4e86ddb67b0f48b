"""One HTTP connection: its peer, how slow it may be, how many there may be. Not what is asked."""

import os
import socket
import struct
import sys
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tallyd.api.callers import PEER, Peer

HEADERS_WITHIN_S: Final = 10.0
"""So long a client may take to the end of its headers, and before that to send a first byte."""

ANSWER_READ_WITHIN_S: Final = 30.0
"""So long a client may take to read what there is of its answer."""

_CREDENTIALS: Final = struct.Struct("3i")


class Connection(H11Protocol):
    """A connection that is refused where there are too many, and cut off where it dawdles."""

    most: ClassVar[int] = 256

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's, which is not imported
        """Take up a connection, or refuse it."""
        super().connection_made(transport)
        self._deadline: Any = None
        self._unread: Any = None
        if len(self.connections) > self.most:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.app = with_peer(self.app, _peer_of(transport.get_extra_info("socket")))
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._unwatch()
        self._forget_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; those of headers have to come to an end."""
        super().data_received(data)
        if self.transport.is_closing():
            self._unwatch()
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._watch()
        else:
            self._unwatch()

    def pause_writing(self) -> None:
        """Give a client that does not read its answer a while, no more."""
        super().pause_writing()
        self._unread = self.loop.call_later(ANSWER_READ_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: it reads."""
        super().resume_writing()
        self._forget_unread()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that nobody uses, also where its last answer was never read."""
        super().timeout_keep_alive_handler()
        self._forget_unread()
        self._unread = self.loop.call_later(ANSWER_READ_WITHIN_S, self.transport.abort)

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Refuse what is no request, with the status that fits."""
        error = sys.exc_info()[1]
        hint = getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST)
        self._refuse(HTTPStatus(hint))

    def _watch(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_WITHIN_S, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        body = f"{status.phrase}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n"
            f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def at_most(connections: int) -> type[Connection]:
    """Give the class of connections of which there may be so many."""
    return type("Connection", (Connection,), {"most": connections})


def with_peer(app: ASGIApp, peer: Peer | None) -> ASGIApp:
    """Give an application that knows who is at the other end of its connection."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if peer is not None:
            scope.setdefault("extensions", {})[PEER] = peer
        await app(scope, receive, send)

    return serve


def _peer_of(endpoint: Any) -> Peer | None:  # noqa: ANN401 - asyncio's wrapper of a socket
    if endpoint is None or endpoint.family != socket.AF_UNIX:
        return None
    raw = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return Peer(*_CREDENTIALS.unpack(raw))


def own_uids() -> frozenset[int]:
    """Give the users whose word is enough on the Unix socket: root, and whom the server runs as."""
    return frozenset({0, os.geteuid()})
