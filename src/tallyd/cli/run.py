"""`tallyd run`: the daemon, in the foreground."""

import click

from tallyd.cli.root import Invocation


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads."""
    from functools import partial

    import anyio

    from tallyd.app import driver_checker, run_daemon
    from tallyd.config import find, load

    settings = invocation.settings()
    path = find(invocation.config).absolute()
    anyio.run(run_daemon, settings, partial(load, path, driver_checker()))
