"""`tallyd run`: the daemon, in the foreground."""

import click

from tallyd.cli.root import Invocation


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; its log is on stdout."""
    import anyio

    from tallyd.app import run_daemon

    anyio.run(run_daemon, invocation.settings())
