"""The accounts in the database: users, groups, keys. Secrets come here as hashes only."""

# ruff: noqa: D102 - the port says what each method gives

import json
import sqlite3
from datetime import datetime

from tallyd.domain.accounts import Group, Key, Purpose, Role, User
from tallyd.domain.window import from_ms, to_ms
from tallyd.ports.store import StoreError
from tallyd.store.schedule_rows import optional_instant, optional_ms
from tallyd.store.session import Session


class AccountsReader:
    """Reads the accounts; see the port for what each method gives."""

    _session: Session

    async def users(self) -> tuple[User, ...]:
        return await self._session.rows("list_users", user_from)

    async def user(self, user_id: int) -> User | None:
        return await self._session.first("get_user", user_from, id=user_id)

    async def user_named(self, name: str) -> User | None:
        return await self._session.first("get_user_named", user_from, name=name)

    async def password_of(self, user_id: int) -> str | None:
        return await self._session.first("get_password", _only, id=user_id)

    async def groups(self) -> tuple[Group, ...]:
        return await self._session.rows("list_groups", _group)

    async def key(self, purpose: Purpose, public: str) -> Key | None:
        return await self._session.first("get_key", _key, purpose=purpose, public=public)

    async def keys_of(self, user_id: int) -> tuple[Key, ...]:
        return await self._session.rows("list_keys_of_user", _key, user_id=user_id)

    async def key_of_digest(self, digest: str) -> tuple[Key, User] | None:
        return await self._session.first(
            "get_key_of_digest", lambda row: (_key(row), user_from(row)), digest=digest
        )


class AccountsWriter(AccountsReader):
    """Changes the accounts, beside whatever else the transaction does."""

    async def add_user(self, name: str, role: Role, password: str, created: datetime) -> User:
        (user_id,) = await self._session.integers(
            "insert_user", name=name, role=role, password=password, created_ms=to_ms(created)
        )
        return User(user_id, name, role, from_ms(to_ms(created)))

    async def change_password(self, user_id: int, password: str) -> None:
        await self._session.integers("update_password", id=user_id, password=password)

    async def remove_user(self, user_id: int) -> None:
        await self._session.integers("delete_user", id=user_id)

    async def add_group(self, name: str) -> Group:
        await self._session.integers("insert_group", name=name)
        found = await self._session.first("get_group_named", _group, name=name)
        if found is None:
            raise StoreError(f"add group {name}: it is not there")
        return found

    async def join_group(self, user_id: int, group_id: int) -> None:
        await self._session.integers("insert_membership", user_id=user_id, group_id=group_id)

    async def add_key(self, key: Key) -> None:
        await self._session.integers(
            "insert_key",
            purpose=key.purpose,
            public=key.public,
            user_id=key.user_id,
            digest=key.digest,
            salt=key.salt,
            created_ms=to_ms(key.created),
            expires_ms=optional_ms(key.expires),
        )

    async def drop_key(self, public: str) -> bool:
        return bool(await self._session.integers("delete_key", public=public))

    async def drop_keys(self, user_id: int) -> None:
        await self._session.integers("delete_keys_of_user", user_id=user_id)
        await self._session.integers("delete_tokens_of_user", user_id=user_id)

    async def add_redirect(self, client: str, uri: str) -> None:
        await self._session.integers("insert_redirect", client=client, uri=uri)

    async def drop_expired(self, now: datetime) -> int:
        return len(await self._session.integers("delete_expired_keys", now_ms=to_ms(now)))


def _only(row: sqlite3.Row) -> str:
    return str(row[0])


def _group(row: sqlite3.Row) -> Group:
    return Group(row["id"], row["name"])


def user_from(row: sqlite3.Row) -> User:
    """Make a user of its row."""
    return User(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        created=from_ms(row["user_created_ms"]),
        groups=frozenset(json.loads(row["group_ids"])),
    )


def _key(row: sqlite3.Row) -> Key:
    return Key(
        public=row["public"],
        user_id=row["user_id"],
        purpose=Purpose(row["purpose"]),
        created=from_ms(row["created_ms"]),
        expires=optional_instant(row["expires_ms"]),
        digest=row["digest"],
        salt=row["salt"],
    )
