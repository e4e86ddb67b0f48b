"""Accounts: who asks, proven by a password or a key. What somebody may do then is the domain's."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio
from anyio import to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tallyd.domain.accounts import (
    MAX_USER_NAME,
    Caller,
    Group,
    Key,
    Purpose,
    Role,
    User,
    caller_of,
)
from tallyd.domain.errors import InvalidBooking, NotFound, Problem, Refused
from tallyd.domain.oauth import is_address
from tallyd.domain.window import floor_ms
from tallyd.ports.accounts import AccountReader, AccountStore
from tallyd.ports.clock import Clock

LOGIN_LASTS = timedelta(hours=24)
KEY_LASTS = timedelta(days=365)
MIN_PASSWORD = 8
MAX_PASSWORD = 1024
"""Bytes: what is longer only costs time to hash."""

_AT_ONCE = 2
"""So many passwords are hashed at the same time: each takes 64 MB and a processor."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A key in the clear, shown once: its public half, and its secret."""

    public: str
    secret: str
    expires: datetime | None


class Accounts:
    """Every account of one installation; `pepper` is the secret of the installation itself."""

    def __init__(self, store: AccountStore, clock: Clock, pepper: bytes) -> None:
        self._store = store
        self._clock = clock
        self._pepper = pepper
        self._hasher = PasswordHasher()
        self._turns = anyio.CapacityLimiter(_AT_ONCE)
        self._nobody = ""

    async def users(self) -> tuple[User, ...]:
        """Give every user in order of id."""
        async with self._store.read() as reader:
            return await reader.users()

    async def groups(self) -> tuple[Group, ...]:
        """Give every group in order of id."""
        async with self._store.read() as reader:
            return await reader.groups()

    async def add(self, name: str, role: Role, password: str) -> User:
        """Add a user.

        Raises:
            InvalidBooking: the name or the password cannot be used.
            Refused: there is a user of that name.
        """
        problems = [*_name_problems("name", name), *_password_problems(password)]
        if problems:
            raise InvalidBooking(*problems)
        hashed = await self._hash(password)
        async with self._store.write() as tx:
            if await tx.user_named(name) is not None:
                raise Refused(f"there is an account {name} already")
            return await tx.add_user(name, role, hashed, floor_ms(self._clock.now()))

    async def remove(self, name: str) -> User:
        """Remove a user; its keys stop working at once, what it booked stays.

        Raises:
            NotFound: there is none of that name.
        """
        async with self._store.write() as tx:
            user = await _named(tx, name)
            await tx.remove_user(user.id)
        return user

    async def change_password(self, name: str, password: str) -> User:
        """Replace a user's password; its keys and logins stop working at once.

        Raises:
            NotFound, InvalidBooking: as for `remove` and `add`.
        """
        if problems := _password_problems(password):
            raise InvalidBooking(*problems)
        hashed = await self._hash(password)
        async with self._store.write() as tx:
            user = await _named(tx, name)
            await tx.change_password(user.id, hashed)
            await tx.drop_keys(user.id)
        return user

    async def join(self, name: str, group: str) -> Group:
        """Make a user a member of a group, which comes to be where there is none of that name.

        Raises:
            NotFound, InvalidBooking: as for `remove` and `add`.
        """
        if problems := _name_problems("group", group):
            raise InvalidBooking(*problems)
        async with self._store.write() as tx:
            user = await _named(tx, name)
            found = await tx.add_group(group)
            await tx.join_group(user.id, found.id)
        return found

    async def issue(
        self,
        name: str,
        purpose: Purpose,
        lasts: timedelta | None = KEY_LASTS,
        redirects: Collection[str] = (),
    ) -> Issued:
        """Give a user a key; its secret is nowhere but in the answer.

        `redirects` are the addresses to which the codes of an OAuth client may be sent.

        Raises:
            NotFound: there is no user of that name.
            InvalidBooking: something is no address.
        """
        wrong = [each for each in redirects if not is_address(each)]
        if wrong:
            fix = "give an address such as https://program.example/callback"
            raise InvalidBooking(*(Problem("redirect_uri", each[:80], fix) for each in wrong))
        async with self._store.read() as reader:
            user = await _named(reader, name)
        return await self._issue(user.id, purpose, lasts, redirects)

    async def keys(self, name: str) -> tuple[Key, ...]:
        """Give the keys and logins of a user that are still good, the oldest first.

        Raises:
            NotFound: there is no user of that name.
        """
        async with self._store.read() as reader:
            found = await reader.keys_of((await _named(reader, name)).id)
        now = self._clock.now()
        return tuple(key for key in found if key.is_valid(now))

    async def revoke(self, public: str) -> None:
        """Let one key stop working at once; `public` is its public half.

        Raises:
            NotFound: there is no such key.
        """
        async with self._store.write() as tx:
            if not await tx.drop_key(public):
                raise NotFound("key", public)

    async def _issue(
        self,
        user_id: int,
        purpose: Purpose,
        lasts: timedelta | None,
        redirects: Collection[str] = (),
    ) -> Issued:
        now = floor_ms(self._clock.now())
        public = secrets.token_hex(16)
        derived = purpose is Purpose.UPLYNK
        salt = secrets.token_hex(16) if derived else None
        secret = self._derived(salt) if salt is not None else secrets.token_hex(32)
        expires = None if lasts is None else now + lasts
        key = Key(
            public=public,
            user_id=user_id,
            purpose=purpose,
            created=now,
            expires=expires,
            digest=None if derived else digest_of(secret),
            salt=salt,
        )
        async with self._store.write() as tx:
            await tx.drop_expired(now)
            await tx.add_key(key)
            for uri in redirects:
                await tx.add_redirect(public, uri)
        return Issued(public, secret, expires)

    async def log_in(self, name: str, password: str) -> Issued | None:
        """Give a key that lasts a day to whoever knows a password; None to anybody else."""
        caller = await self.caller_of_password(name, password)
        if caller is None or caller.user_id is None:
            return None
        return await self._issue(caller.user_id, Purpose.LOGIN, LOGIN_LASTS)

    async def caller_of_password(self, name: str, password: str) -> Caller | None:
        """Tell who knows a password; it takes as long where there is nobody of that name."""
        async with self._store.read() as reader:
            # The database cannot be asked for just anything, and no name is that.
            user = await reader.user_named(name) if name.isprintable() else None
            known = await reader.password_of(user.id) if user is not None else None
        if known is None and not self._nobody:
            self._nobody = await self._hash(secrets.token_hex(16))
        right = await self._verify(known or self._nobody, password)
        return caller_of(user) if user is not None and known is not None and right else None

    async def caller_of_token(self, token: str, *purposes: Purpose) -> Caller | None:
        """Tell whose key it is, given out for one of some purposes; None for any other."""
        async with self._store.read() as reader:
            found = await reader.key_of_digest(digest_of(token))
        if found is None:
            return None
        key, user = found
        valid = key.purpose in purposes and key.is_valid(self._clock.now())
        return caller_of(user) if valid else None

    async def signer(self, public: str) -> tuple[Caller, tuple[str, ...]] | None:
        """Give who signs with keys of which that is a public half, and what may be signed with.

        Any key of that account will do that has not expired.
        """
        async with self._store.read() as reader:
            key = await reader.key(Purpose.UPLYNK, public)
            user = await reader.user(key.user_id) if key is not None else None
            if user is None:
                return None
            keys = await reader.keys_of(user.id)
        now = self._clock.now()
        valid = [each.salt for each in keys if each.salt is not None and each.is_valid(now)]
        return caller_of(user), tuple(map(self._derived, valid))

    def _derived(self, salt: str) -> str:
        mac = hmac.digest(self._pepper, salt.encode(), "sha256")
        return urlsafe_b64encode(mac).decode().rstrip("=")

    async def _hash(self, password: str) -> str:
        return await to_thread.run_sync(self._hasher.hash, password, limiter=self._turns)

    async def _verify(self, known: str, password: str) -> bool:
        if len(password.encode(errors="replace")) > MAX_PASSWORD:
            return False
        try:
            return await to_thread.run_sync(
                self._hasher.verify, known, password, limiter=self._turns
            )
        except (VerificationError, InvalidHashError):
            return False


def digest_of(secret: str) -> str:
    """Give what is stored of a secret; it is random, so a fast hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


async def _named(reader: AccountReader, name: str) -> User:
    user = await reader.user_named(name)
    if user is None:
        raise NotFound("account", name)
    return user


def _name_problems(field: str, name: str) -> list[Problem]:
    if name.strip() == name and name.isprintable() and 1 <= len(name) <= MAX_USER_NAME:
        return []
    fix = f"1 to {MAX_USER_NAME} printable characters, no blank at either end"
    return [Problem(field, name[:MAX_USER_NAME], fix)]


def _password_problems(password: str) -> list[Problem]:
    if len(password) >= MIN_PASSWORD and len(password.encode(errors="replace")) <= MAX_PASSWORD:
        return []
    return [Problem("password", "***", f"at least {MIN_PASSWORD} characters")]
