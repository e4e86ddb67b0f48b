"""Who sends a request: by key, by password, or by the Unix socket's peer; and how often.

What a caller may do is said in `domain.accounts`; how a dialect carries its key, in the dialect.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request

from tallyd.accounts import Accounts, Issued
from tallyd.api.buckets import Buckets
from tallyd.domain.accounts import MAX_USER_NAME, Caller, Purpose, Role
from tallyd.ports.clock import Clock

Proven = TypeVar("Proven")

PEER = "tallyd.peer"
"""Where the server puts the user at the other end of a Unix socket, in the scope's extensions."""

FAILURES_PER_S = 1.0
FAILURES_AT_ONCE = 20.0
LOGINS_PER_S = 5.0
LOGINS_AT_ONCE = 50.0
"""What of one address may be hashed, right or wrong: that is slow on purpose."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a Unix socket, as it was when it connected."""

    pid: int
    uid: int
    gid: int


class TooManyRequestsError(Exception):
    """A caller asks too often; it may come again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many requests; come again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Callers:
    """Tells who asks; raises TooManyRequestsError where that one asks too often.

    `trusted_uids` are the users of this machine whose word is enough on the Unix socket: root, and
    the daemon's own.
    """

    def __init__(
        self, accounts: Accounts, clock: Clock, per_second: float, trusted_uids: frozenset[int]
    ) -> None:
        self._accounts = accounts
        self._asked = Buckets(clock, per_second, 5 * per_second)
        self._failed = Buckets(clock, FAILURES_PER_S, FAILURES_AT_ONCE)
        self._hashed = Buckets(clock, LOGINS_PER_S, LOGINS_AT_ONCE)
        self._trusted = trusted_uids

    def of_peer(self, request: Request) -> Caller | None:
        """Give the machine's administrator where the request came from one by the Unix socket."""
        peer = peer_of(request.scope)
        if peer is None or peer.uid not in self._trusted:
            return None
        self._count(f"uid {peer.uid}")
        return Caller(None, f"uid {peer.uid}", Role.ADMIN)

    async def of_token(self, request: Request, token: str, *purposes: Purpose) -> Caller | None:
        """Give whose key it is; None for one that is unknown, expired, or for something else."""
        return self.found(request, await self._accounts.caller_of_token(token, *purposes))

    def found(self, request: Request, caller: Caller | None) -> Caller | None:
        """Count a request by who was found to have sent it; gives that one."""
        if caller is None:
            # Not before: whoever guesses must not keep out others of the same address.
            self._count(origin_of(request.scope))
            return None
        self._count(f"user {caller.user_id}")
        return caller

    def of_client(self, client_id: str) -> None:
        """Count a request of a program that has proven which one it is."""
        self._count(f"client {client_id}")

    async def of_signer(
        self, request: Request, public: str, is_signed_with: Callable[[str], bool]
    ) -> Caller | None:
        """Give who signs with a key of that public half; None where it was signed with no such."""
        found = await self._accounts.signer(public)
        signed = found is not None and any(map(is_signed_with, found[1]))
        return self.found(request, found[0] if found is not None and signed else None)

    async def log_in(self, request: Request, name: str, password: str) -> Issued | None:
        """Give a key that lasts a day to whoever knows a password; None to anybody else."""
        return await self._proven(request, name, partial(self._accounts.log_in, name, password))

    async def of_password(self, request: Request, name: str, password: str) -> Caller | None:
        """Tell who knows a password; None where nobody of that name does."""
        asked = partial(self._accounts.caller_of_password, name, password)
        return await self._proven(request, name, asked)

    async def _proven(
        self, request: Request, name: str, ask: Callable[[], Awaitable[Proven | None]]
    ) -> Proven | None:
        origin = origin_of(request.scope)
        _require(self._hashed.take(origin))
        guessed = f"{origin} {name.lower()[:MAX_USER_NAME]}"
        _require(self._failed.wait_s(guessed))
        proven = await ask()
        if proven is None:
            # Again: many may have got here before the first one of them had failed.
            _require(self._failed.take(guessed))
        return proven

    def of_nobody(self, request: Request) -> None:
        """Count a request that says nothing of who sent it."""
        self._count(origin_of(request.scope))

    def _count(self, who: str) -> None:
        _require(self._asked.take(who))


def _require(wait_s: int) -> None:
    if wait_s:
        raise TooManyRequestsError(wait_s)


def peer_of(scope: Mapping[str, Any]) -> Peer | None:
    """Give the process at the other end of the Unix socket; None for a request by TCP."""
    found: Peer | None = scope.get("extensions", {}).get(PEER)
    return found


def origin_of(scope: Mapping[str, Any]) -> str:
    """Name where a request comes from: the host, or the user at the other end of a socket."""
    peer = peer_of(scope)
    if peer is not None:
        return f"uid {peer.uid}"
    client = scope.get("client")
    return f"host {client[0]}" if client else "nobody"
