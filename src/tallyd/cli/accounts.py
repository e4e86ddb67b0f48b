"""`tallyd accounts`: who may use the HTTP interfaces, and the keys that they are given."""

import sys
from typing import TYPE_CHECKING, TypeVar

import click

from tallyd.cli.output import Column, Output, emit, json_option
from tallyd.cli.root import Invocation
from tallyd.cli.tables import LocalTimes
from tallyd.cli.types import typed
from tallyd.domain.accounts import Purpose, Role
from tallyd.notation.values import booking_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from tallyd.accounts import Accounts, Issued
    from tallyd.config import Settings

T = TypeVar("T")

_USER = (
    Column("id", "id", justify="right"),
    Column("name", "name"),
    Column("role", "role"),
    Column("groups", "groups"),
    Column("since", "created"),
)
_WORDS = {
    Purpose.UPLYNK: ("owner", "key"),
    Purpose.IBM: ("client_id", "client_secret"),
    Purpose.NATIVE: (None, "token"),
}
_MAX_PASSWORD = 4096

password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input; else it is asked for.",
)


@click.group()
def accounts() -> None:
    """Keep who may use the HTTP interfaces, and their keys."""


@accounts.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice([each.value for each in Role]), required=True, help="What for."
)
@password_option
@json_option
@click.pass_obj
def add(
    invocation: Invocation, name: str, role: str, output: Output, *, password_stdin: bool
) -> None:
    """Add an account: an admin does everything, an operator books, a viewer looks."""
    settings = invocation.settings()
    password = _password_from_stdin() if password_stdin else _password_asked()

    async def work(found: "Accounts") -> dict[str, object]:
        user = await found.add(name, Role(role), password)
        return {"id": user.id, "name": user.name}

    emit(_with_accounts(settings, work), _USER[:2], output)


@accounts.command("key")
@click.argument("name")
@click.option(
    "--for",
    "purpose",
    type=click.Choice([each.value for each in _WORDS]),
    required=True,
    help="The interface that it is for.",
)
@click.option(
    "--expires", type=typed("duration", booking_duration), metavar="LENGTH", help="Else a year."
)
@click.option(
    "--redirect-uri",
    "redirects",
    multiple=True,
    metavar="ADDRESS",
    help="Where an ibm client has its users sent back to; else any address with TLS.",
)
@json_option
@click.pass_obj
def key(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    name: str,
    purpose: str,
    expires: "timedelta | None",
    redirects: tuple[str, ...],
    output: Output,
) -> None:
    """Give an account a key for a program; it is shown now and never again."""
    if redirects and Purpose(purpose) is not Purpose.IBM:
        raise click.BadParameter("only a key for ibm has any", param_hint="--redirect-uri")

    from tallyd.accounts import KEY_LASTS

    async def work(found: "Accounts") -> "Issued":
        lasts = KEY_LASTS if expires is None else expires
        return await found.issue(name, Purpose(purpose), lasts, redirects)

    issued = _with_accounts(invocation.settings(), work)
    public, secret = _WORDS[Purpose(purpose)]
    shape: dict[str, object] = {} if public is None else {public: issued.public}
    shape[secret] = issued.secret
    emit(shape, [Column(word, word) for word in shape], output)


@accounts.command("keys")
@click.argument("name")
@json_option
@click.pass_obj
def keys(invocation: Invocation, name: str, output: Output) -> None:
    """List the keys and logins of an account that are good; of none its secret is known."""
    settings = invocation.settings()

    async def work(found: "Accounts") -> list[dict[str, object]]:
        return [
            {
                "id": each.public,
                "for": each.purpose,
                "created": each.created,
                "expires": each.expires,
            }
            for each in await found.keys(name)
        ]

    times = LocalTimes(settings.appliance.timezone)
    columns = (
        Column("id", "id"),
        Column("for", "for"),
        times.column("since", "created"),
        times.column("expires", "expires"),
    )
    emit(_with_accounts(settings, work), columns, output, empty=f"{name} has no keys")


@accounts.command("revoke")
@click.argument("key_id")
@json_option
@click.pass_obj
def revoke(invocation: Invocation, key_id: str, output: Output) -> None:
    """Let one key, or one login, stop working at once; `accounts keys` shows its id."""

    async def work(found: "Accounts") -> dict[str, object]:
        await found.revoke(key_id)
        return {"revoked": key_id}

    emit(_with_accounts(invocation.settings(), work), (Column("revoked", "revoked"),), output)


@accounts.command("list")
@json_option
@click.pass_obj
def list_(invocation: Invocation, output: Output) -> None:
    """List the accounts."""

    async def work(found: "Accounts") -> list[dict[str, object]]:
        names = {group.id: group.name for group in await found.groups()}
        return [
            {
                "id": user.id,
                "name": user.name,
                "role": user.role,
                "groups": sorted(names[each] for each in user.groups),
                "created": user.created,
            }
            for user in await found.users()
        ]

    rows = _with_accounts(invocation.settings(), work)
    emit(rows, _USER, output, empty="there are no accounts")


@accounts.command("passwd")
@click.argument("name")
@password_option
@json_option
@click.pass_obj
def passwd(invocation: Invocation, name: str, output: Output, *, password_stdin: bool) -> None:
    """Replace a password; every key and login of the account stops working."""
    settings = invocation.settings()
    password = _password_from_stdin() if password_stdin else _password_asked()

    async def work(found: "Accounts") -> dict[str, object]:
        user = await found.change_password(name, password)
        return {"id": user.id, "name": user.name}

    emit(_with_accounts(settings, work), _USER[:2], output)


@accounts.command("join")
@click.argument("name")
@click.argument("group")
@json_option
@click.pass_obj
def join(invocation: Invocation, name: str, group: str, output: Output) -> None:
    """Make an account a member of a group, which is made where there is none of that name."""

    async def work(found: "Accounts") -> dict[str, object]:
        joined = await found.join(name, group)
        return {"id": joined.id, "name": joined.name}

    emit(_with_accounts(invocation.settings(), work), _USER[:2], output)


@accounts.command("remove")
@click.argument("name")
@json_option
@click.pass_obj
def remove(invocation: Invocation, name: str, output: Output) -> None:
    """Remove an account; its keys stop working, what it booked stays."""

    async def work(found: "Accounts") -> dict[str, object]:
        user = await found.remove(name)
        return {"id": user.id, "name": user.name}

    emit(_with_accounts(invocation.settings(), work), _USER[:2], output)


def _password_from_stdin() -> str:
    return sys.stdin.readline(_MAX_PASSWORD).rstrip("\r\n")


def _password_asked() -> str:
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _with_accounts(settings: "Settings", work: "Callable[[Accounts], Awaitable[T]]") -> T:
    import anyio

    from tallyd.app.accounts import open_accounts

    async def opened() -> T:
        async with open_accounts(settings) as found:
            return await work(found)

    return anyio.run(opened)
