"""The port of what OAuth has given out. What is asked, not how it is kept."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tallyd.domain.accounts import User
from tallyd.domain.oauth import Token
from tallyd.ports.accounts import AccountReader, AccountWriter


class OAuthReader(AccountReader, Protocol):
    """A consistent look at tokens, and at the accounts behind them."""

    async def token(self, digest: str) -> tuple[Token, User] | None:
        """Give the code or token that has that digest, with the user that it acts as."""
        ...

    async def redirects(self, client: str) -> tuple[str, ...]:
        """Give the addresses registered for a client, in order."""
        ...


class OAuthWriter(OAuthReader, AccountWriter, Protocol):
    """Reads and writes that become durable together or not at all; no wish's revision rises."""

    async def add_token(self, token: Token) -> None:
        """Insert a code or a token."""
        ...

    async def spend_token(self, digest: str, at: datetime) -> bool:
        """Note that a code or a refresh token was used; False where it was already."""
        ...

    async def drop_token(self, digest: str) -> None:
        """Forget one token."""
        ...

    async def drop_grant(self, grant_id: str) -> None:
        """Forget all that came of one grant."""
        ...

    async def drop_stale_tokens(self, client: str, now: datetime, keep: int) -> None:
        """Forget what has expired, and of a client all but its newest tokens."""
        ...


class OAuthStore(Protocol):
    """The database as OAuth sees it."""

    def read(self) -> AbstractAsyncContextManager[OAuthReader]:
        """Open a consistent look; raises StoreError where the database cannot be read."""
        ...

    def write(self) -> AbstractAsyncContextManager[OAuthWriter]:
        """Open a transaction that waits its turn; raises StoreError where it cannot be written."""
        ...
