"""OAuth: programs get codes and tokens with which they act as an account. Not how these travel."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tallyd.accounts import digest_of
from tallyd.domain.accounts import Caller, Key, Purpose, caller_of
from tallyd.domain.oauth import LASTS, Grant, Token, TokenKind, may_redirect, scope_of
from tallyd.domain.window import floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.oauth import OAuthReader, OAuthStore, OAuthWriter

MAX_TOKENS = 2000
"""So many of one client are kept, codes included: the oldest go first."""

_TOKEN_BYTES = 20


class InvalidClientError(Exception):
    """Nobody of that id and secret is known."""


class InvalidGrantError(Exception):
    """A code or a refresh token is unknown, used up, expired, or somebody else's."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that has proven who it is, and the account that it belongs to."""

    id: str
    user_id: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets: both secrets in the clear, shown once."""

    access: str
    refresh: str
    grant: Grant
    issued: datetime


class OAuth:
    """What programs were given, and who they act as."""

    def __init__(self, store: OAuthStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def client(self, client_id: str, candidates: Iterable[str]) -> Client:
        """Tell which program knows its secret; `candidates` is what may have been meant as such.

        Raises:
            InvalidClientError: none of them is right.
        """
        async with self._store.read() as reader:
            key = await self._key(reader, client_id)
        known = key.digest if key is not None and key.digest is not None else ""
        right = [hmac.compare_digest(digest_of(each), known) for each in candidates]
        if key is None or not any(right):
            raise InvalidClientError
        return Client(key.public, key.user_id)

    async def sends_to(self, client_id: str, redirect_uri: str) -> bool:
        """Tell whether there is such a client, and its codes may be sent to that address."""
        async with self._store.read() as reader:
            if await self._key(reader, client_id) is None:
                return False
            return may_redirect(redirect_uri, await reader.redirects(client_id))

    async def for_itself(self, client: Client, scope: str) -> Tokens:
        """Let a program act as the account that it belongs to."""
        return await self._begin(Grant(_secret(), client.id, client.user_id, scope_of(scope)))

    async def implicit(self, client_id: str, user_id: int, scope: str) -> Tokens:
        """Let a program act as whoever has agreed, without a code in between."""
        return await self._begin(Grant(_secret(), client_id, user_id, scope_of(scope)))

    async def code(self, client_id: str, user_id: int, scope: str, redirect_uri: str) -> str:
        """Give a code that a program exchanges to act as whoever has agreed."""
        grant = Grant(_secret(), client_id, user_id, scope_of(scope))
        async with self._store.write() as tx:
            return await _add(tx, grant, TokenKind.CODE, self._now(), redirect_uri)

    async def exchange(self, client: Client, code: str, redirect_uri: str) -> Tokens:
        """Give tokens for a code, once; one that comes again ends what it was exchanged for.

        Raises:
            InvalidGrantError: it is none, or was sent elsewhere.
        """
        async with self._store.write() as tx:
            found = await self._of(tx, client, code, TokenKind.CODE)
            usable = (
                found is not None
                and found.is_valid(self._now())
                and found.redirect_uri == redirect_uri
            )
            if found is not None and found.spent is not None:
                await tx.drop_grant(found.grant.id)
            tokens = None
            if found is not None and usable and await tx.spend_token(found.digest, self._now()):
                tokens = await self._give(tx, found.grant)
        if tokens is None:
            raise InvalidGrantError
        return tokens

    async def refresh(self, client: Client, token: str) -> Tokens:
        """Give new tokens for a refresh token, which is used up by that.

        Raises:
            InvalidGrantError: it is none.
        """
        async with self._store.write() as tx:
            found = await self._of(tx, client, token, TokenKind.REFRESH)
            if found is None or not found.is_valid(self._now()):
                raise InvalidGrantError
            await tx.spend_token(found.digest, self._now())
            return await self._give(tx, found.grant)

    async def revoke(self, client: Client, token: str) -> None:
        """Let a token of a client be good for nothing; with a refresh token all that came with it.

        What is unknown, or another client's, stays as it is.
        """
        async with self._store.write() as tx:
            found = await tx.token(digest_of(token))
            if found is None or found[0].grant.client != client.id:
                return
            if found[0].kind is TokenKind.ACCESS:
                await tx.drop_token(found[0].digest)
            else:
                await tx.drop_grant(found[0].grant.id)

    async def caller_of(self, token: str) -> Caller | None:
        """Tell who asks with an access token; None for one that is no good."""
        async with self._store.read() as reader:
            found = await reader.token(digest_of(token))
        if found is None:
            return None
        known, user = found
        usable = known.kind is TokenKind.ACCESS and known.is_valid(self._clock.now())
        return caller_of(user) if usable else None

    async def _key(self, reader: OAuthReader, client_id: str) -> Key | None:
        key = await reader.key(Purpose.IBM, client_id)
        return key if key is not None and key.is_valid(self._clock.now()) else None

    async def _of(
        self, reader: OAuthReader, client: Client, secret: str, kind: TokenKind
    ) -> Token | None:
        found = await reader.token(digest_of(secret))
        if found is None or found[0].kind is not kind or found[0].grant.client != client.id:
            return None
        return found[0]

    async def _begin(self, grant: Grant) -> Tokens:
        async with self._store.write() as tx:
            return await self._give(tx, grant)

    async def _give(self, tx: OAuthWriter, grant: Grant) -> Tokens:
        now = self._now()
        await tx.drop_stale_tokens(grant.client, now, MAX_TOKENS)
        access = await _add(tx, grant, TokenKind.ACCESS, now)
        refresh = await _add(tx, grant, TokenKind.REFRESH, now)
        return Tokens(access, refresh, grant, now)

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())


async def _add(
    tx: OAuthWriter, grant: Grant, kind: TokenKind, now: datetime, redirect_uri: str | None = None
) -> str:
    secret = _secret()
    expires = now + LASTS[kind]
    await tx.add_token(Token(digest_of(secret), kind, grant, now, expires, redirect_uri))
    return secret


def _secret() -> str:
    return secrets.token_hex(_TOKEN_BYTES)
