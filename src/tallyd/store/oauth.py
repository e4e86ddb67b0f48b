"""What OAuth has given out, in the database. Codes and tokens come here as hashes only."""

# ruff: noqa: D102 - the port says what each method gives

import sqlite3
from datetime import datetime

from tallyd.domain.accounts import User
from tallyd.domain.oauth import Grant, Token, TokenKind
from tallyd.domain.window import from_ms, to_ms
from tallyd.store.accounts import AccountsReader, AccountsWriter, user_from
from tallyd.store.schedule_rows import optional_instant, optional_ms


class OAuthReader(AccountsReader):
    """Reads tokens; see the port for what each method gives."""

    async def token(self, digest: str) -> tuple[Token, User] | None:
        return await self._session.first(
            "get_token", lambda row: (_token(row), user_from(row)), digest=digest
        )

    async def redirects(self, client: str) -> tuple[str, ...]:
        return await self._session.rows("list_redirects", _uri, client=client)


class OAuthWriter(OAuthReader, AccountsWriter):
    """Changes tokens, beside whatever else the transaction does."""

    async def add_token(self, token: Token) -> None:
        await self._session.integers(
            "insert_token",
            digest=token.digest,
            kind=token.kind,
            grant_id=token.grant.id,
            client=token.grant.client,
            user_id=token.grant.user_id,
            scope=token.grant.scope,
            redirect_uri=token.redirect_uri,
            created_ms=to_ms(token.created),
            expires_ms=to_ms(token.expires),
            spent_ms=optional_ms(token.spent),
        )

    async def spend_token(self, digest: str, at: datetime) -> bool:
        found = await self._session.integers("spend_token", digest=digest, at_ms=to_ms(at))
        return bool(found)

    async def drop_token(self, digest: str) -> None:
        await self._session.integers("delete_token", digest=digest)

    async def drop_grant(self, grant_id: str) -> None:
        await self._session.integers("delete_tokens_of_grant", grant_id=grant_id)

    async def drop_stale_tokens(self, client: str, now: datetime, keep: int) -> None:
        await self._session.integers("delete_expired_tokens", now_ms=to_ms(now))
        await self._session.integers("delete_oldest_tokens", client=client, keep=keep)


def _uri(row: sqlite3.Row) -> str:
    return str(row["uri"])


def _token(row: sqlite3.Row) -> Token:
    return Token(
        digest=row["digest"],
        kind=TokenKind(row["kind"]),
        grant=Grant(row["grant_id"], row["client"], row["user_id"], row["scope"]),
        created=from_ms(row["created_ms"]),
        expires=from_ms(row["expires_ms"]),
        redirect_uri=row["redirect_uri"],
        spent=optional_instant(row["spent_ms"]),
    )
