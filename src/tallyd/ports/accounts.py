"""The port of the accounts: users, groups, keys. What is asked, not how it is kept."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from tallyd.domain.accounts import Group, Key, Purpose, Role, User


class AccountReader(Protocol):
    """A consistent look at the accounts."""

    async def users(self) -> tuple[User, ...]:
        """Give every user in order of id."""
        ...

    async def user(self, user_id: int) -> User | None:
        """Give one user."""
        ...

    async def user_named(self, name: str) -> User | None:
        """Give the user of that name, whatever the case of its letters."""
        ...

    async def password_of(self, user_id: int) -> str | None:
        """Give the hash of a user's password."""
        ...

    async def groups(self) -> tuple[Group, ...]:
        """Give every group in order of id."""
        ...

    async def key(self, purpose: Purpose, public: str) -> Key | None:
        """Give the key of that purpose whose public half it is."""
        ...

    async def keys_of(self, user_id: int) -> tuple[Key, ...]:
        """Give every key of a user, the oldest first, those that have expired included."""
        ...

    async def key_of_digest(self, digest: str) -> tuple[Key, User] | None:
        """Give the key whose secret has that digest, with its user."""
        ...


class AccountWriter(AccountReader, Protocol):
    """Reads and writes that become durable together or not at all; no wish's revision rises."""

    async def add_user(self, name: str, role: Role, password: str, created: datetime) -> User:
        """Insert a user, with the hash of a password; its id was never used."""
        ...

    async def change_password(self, user_id: int, password: str) -> None:
        """Replace the hash of a user's password."""
        ...

    async def remove_user(self, user_id: int) -> None:
        """Remove a user with all its keys and memberships."""
        ...

    async def add_group(self, name: str) -> Group:
        """Insert a group, or give the one of that name."""
        ...

    async def join_group(self, user_id: int, group_id: int) -> None:
        """Make a user a member of a group."""
        ...

    async def add_key(self, key: Key) -> None:
        """Insert a key."""
        ...

    async def drop_key(self, public: str) -> bool:
        """Forget the key whose public half it is, whatever for; False where there is none."""
        ...

    async def drop_keys(self, user_id: int) -> None:
        """Forget every key of a user, and whatever programs were given to act as that user."""
        ...

    async def add_redirect(self, client: str, uri: str) -> None:
        """Register an address to which the codes of an OAuth client may be sent."""
        ...

    async def drop_expired(self, now: datetime) -> int:
        """Forget the keys that have expired; gives how many."""
        ...


class AccountStore(Protocol):
    """The database as the accounts see it."""

    def read(self) -> AbstractAsyncContextManager[AccountReader]:
        """Open a consistent look; raises StoreError where the database cannot be read."""
        ...

    def write(self) -> AbstractAsyncContextManager[AccountWriter]:
        """Open a transaction that waits its turn; raises StoreError where it cannot be written."""
        ...
