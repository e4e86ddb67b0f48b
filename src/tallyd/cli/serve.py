"""`tallyd serve`: the HTTP server, in the foreground."""

from typing import TYPE_CHECKING

import click

from tallyd.cli.root import Invocation
from tallyd.cli.types import typed
from tallyd.config import parse_address

if TYPE_CHECKING:
    from tallyd.config import TcpAddress, UnixAddress

STDIN = 0


@click.command()
@click.option(
    "--listen",
    "addresses",
    multiple=True,
    type=typed("address", parse_address),
    metavar="ADDRESS",
    help="tcp:127.0.0.1:8080 or unix:PATH, as often as wanted; else what [http] says.",
)
@click.option(
    "--while-stdin-is-open",
    "lifeline",
    flag_value=STDIN,
    type=click.UNPROCESSED,
    hidden=True,
    help="End with whoever holds the other end of standard input.",
)
@click.pass_obj
def serve(
    invocation: Invocation,
    addresses: "tuple[TcpAddress | UnixAddress, ...]",
    lifeline: int | None,
) -> None:
    """Serve HTTP in the foreground until SIGTERM or SIGINT."""
    import anyio

    from tallyd.app.serving import run_server

    anyio.run(run_server, invocation.settings(), addresses, lifeline)
