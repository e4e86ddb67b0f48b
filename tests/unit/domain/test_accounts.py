"""Who may do what, without any server."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.accounts import (
    Caller,
    Key,
    Purpose,
    Role,
    User,
    caller_of,
    may_administer,
    may_book,
    may_change,
    may_see,
)
from tallyd.domain.model import Metadata

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ALICE = Caller(1, "alice", Role.OPERATOR, frozenset({5}))
EVE = Caller(2, "eve", Role.VIEWER)
ROOT = Caller(3, "root", Role.ADMIN)
MACHINE = Caller(None, "uid 0", Role.ADMIN)


@pytest.mark.parametrize(
    ("caller", "metadata", "may"),
    [
        (ALICE, Metadata(), (True, True)),
        (EVE, Metadata(), (True, False)),
        (ALICE, Metadata(owner="1"), (True, True)),
        (ALICE, Metadata(owner="9", author="1"), (True, True)),
        (ALICE, Metadata(owner="9"), (False, False)),
        (ALICE, Metadata(owner="9", shared_users=(1,)), (True, False)),
        (ALICE, Metadata(owner="9", shared_groups=(4, 5)), (True, False)),
        (EVE, Metadata(owner="2"), (True, False)),
        (ROOT, Metadata(owner="9"), (True, True)),
        (MACHINE, Metadata(owner="9"), (True, True)),
    ],
)
def test_what_belongs_to_whom(caller: Caller, metadata: Metadata, may: tuple[bool, bool]) -> None:
    """What somebody may know of and change follows from who owns it, and with whom it is shared."""
    assert (may_see(caller, metadata), may_change(caller, metadata)) == may


def test_roles() -> None:
    """A viewer books nothing, and only an admin changes what holds for all."""
    assert [may_book(each) for each in (ROOT, ALICE, EVE)] == [True, True, False]
    assert [may_administer(each) for each in (ROOT, ALICE, EVE)] == [True, False, False]


def test_the_machine_owns_nothing() -> None:
    """What its own administrator books belongs to the house."""
    assert (MACHINE.owner, ALICE.owner) == (None, "1")


def test_a_user_asks_as_itself() -> None:
    """Nothing of an account is lost on the way."""
    user = User(1, "alice", Role.OPERATOR, NOW, frozenset({5}))
    assert caller_of(user) == ALICE


def test_a_key_expires() -> None:
    """At its instant it is worth nothing."""
    key = Key("public", 1, Purpose.NATIVE, NOW, expires=NOW + timedelta(days=1))
    assert key.is_valid(NOW)
    assert not key.is_valid(NOW + timedelta(days=1))
    assert Key("public", 1, Purpose.NATIVE, NOW).is_valid(NOW + timedelta(days=9999))
