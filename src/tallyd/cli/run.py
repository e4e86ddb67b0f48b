"""`tallyd run`: the daemon, in the foreground."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tallyd.cli.root import Invocation

if TYPE_CHECKING:
    from types import ModuleType


class Serve(Enum):
    """Whether the HTTP server runs beside the daemon."""

    AS_CONFIGURED = "as configured"
    NOT = "not"


@click.command()
@click.option(
    "--no-serve",
    "serve",
    flag_value=Serve.NOT,
    default=Serve.AS_CONFIGURED,
    type=click.UNPROCESSED,
    help="No HTTP server beside it, whatever [http] says: it has a unit of its own.",
)
@click.pass_obj
def run(invocation: Invocation, serve: Serve) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads.

    With [http] enabled the HTTP server runs beside it, as a process of its own.
    """
    gc.disable()  # what a start makes stays: to look through it costs a tenth of the time it takes
    with _without("rich"):
        from functools import partial

        import anyio

        from tallyd.app import driver_checker, run_daemon, slicer_problems
        from tallyd.config import find, load

    settings = invocation.settings()
    path = find(invocation.config).absolute()
    wanted = settings.http.enabled and serve is Serve.AS_CONFIGURED
    server = _server_command(path) if wanted else ()
    load_again = partial(load, path, driver_checker(), slicer_problems)
    anyio.run(run_daemon, settings, load_again, server)


def _server_command(config: Path) -> tuple[str, ...]:
    own = (sys.executable, "-m", "tallyd", "--config", str(config))
    return (*own, "serve", "--while-stdin-is-open")


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
