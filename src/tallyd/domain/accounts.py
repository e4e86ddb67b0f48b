"""Who may do what: users, roles, groups, ownership. How they prove who they are is not here."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tallyd.domain.model import Metadata

MAX_USER_NAME = 64


class Role(StrEnum):
    """What an account is for: `admin` does everything, `operator` books, `viewer` looks."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class Purpose(StrEnum):
    """What a key was given out for; one that logs in gets a `login`."""

    LOGIN = "login"
    NATIVE = "native"
    IBM = "ibm"
    UPLYNK = "uplynk"


@dataclass(frozen=True, slots=True)
class Group:
    """Users with whom something can be shared at once."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class User:
    """An account; its password is known to nobody."""

    id: int
    name: str
    role: Role
    created: datetime
    groups: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks for something; `user_id` is None for the machine's own administrator."""

    user_id: int | None
    name: str
    role: Role
    groups: frozenset[int] = frozenset()

    @property
    def owner(self) -> str | None:
        """What `Metadata.owner` and `Metadata.author` say of what this caller books."""
        return None if self.user_id is None else str(self.user_id)


def caller_of(user: User) -> Caller:
    """Give a user as somebody who asks."""
    return Caller(user.id, user.name, user.role, user.groups)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored: what of it is public, and a digest of what is not.

    `digest` is the SHA-256 of the secret in hex; None where the secret is derived from `salt`.
    """

    public: str
    user_id: int
    purpose: Purpose
    created: datetime
    expires: datetime | None = None
    digest: str | None = None
    salt: str | None = None

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it has not expired."""
        return self.expires is None or now < self.expires


def may_book(caller: Caller) -> bool:
    """Tell whether somebody may change wishes at all."""
    return caller.role is not Role.VIEWER


def may_administer(caller: Caller) -> bool:
    """Tell whether somebody may change what holds for everybody."""
    return caller.role is Role.ADMIN


def may_see(caller: Caller, metadata: Metadata) -> bool:
    """Tell whether somebody may know of a schedule.

    What was booked without an account belongs to the house: everybody with an account sees it.
    """
    if caller.role is Role.ADMIN or metadata.owner is None:
        return True
    if caller.owner in {metadata.owner, metadata.author}:
        return True
    shared_with = caller.groups.intersection(metadata.shared_groups)
    return bool(shared_with) or caller.user_id in metadata.shared_users


def may_change(caller: Caller, metadata: Metadata) -> bool:
    """Tell whether somebody may change a schedule: its owner, its author, an administrator.

    What belongs to the house may be changed by whoever may book.
    """
    if not may_book(caller):
        return False
    owned = caller.owner in {metadata.owner, metadata.author}
    return caller.role is Role.ADMIN or metadata.owner is None or owned
