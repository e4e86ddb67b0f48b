"""`tallyd run`: the daemon, in the foreground."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import click

from tallyd.cli.root import Invocation

if TYPE_CHECKING:
    from types import ModuleType


@click.command()
@click.pass_obj
def run(invocation: Invocation) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads."""
    gc.disable()  # what a start makes stays: to look through it costs a tenth of the time it takes
    with _without("rich"):
        from functools import partial

        import anyio

        from tallyd.app import driver_checker, run_daemon
        from tallyd.config import find, load

    settings = invocation.settings()
    path = find(invocation.config).absolute()
    anyio.run(run_daemon, settings, partial(load, path, driver_checker()))


@contextmanager
def _without(module: str) -> Generator[None]:
    """Let nothing that is imported inside find a module that it could do without.

    structlog loads the whole of rich for tracebacks in colour, which nobody here asks it for: a
    fifth of the time until a daemon that died is back.
    """
    if module in sys.modules:
        yield
        return
    known = cast("dict[str, ModuleType | None]", sys.modules)
    known[module] = None  # it cannot be imported then
    try:
        yield
    finally:
        del known[module]
