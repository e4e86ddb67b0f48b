"""`tallyd demo`: a small day in two rooms and on a channel, for real, with a report on it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tallyd.cli.exits import Exit
from tallyd.cli.output import Output, json_option

if TYPE_CHECKING:
    from tallyd.config import Settings
    from tallyd.demo.place import Place
    from tallyd.demo.stage import Held


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A new directory for it. [default: tallyd-demo, or the next free tallyd-demo-2 ...]",
)
@json_option
def demo(directory: Path | None, output: Output) -> None:
    """Book two rooms and a channel for half a minute, record and play for real, check, and report.

    It needs an ffmpeg and nothing else. The files stay. Exit code 0 only if all went as planned.
    """
    import anyio

    from tallyd import logs
    from tallyd.clock import SystemClock
    from tallyd.config import load
    from tallyd.demo.errors import DemoError, InterruptedDemoError
    from tallyd.demo.ffmpeg import find_working_ffmpeg
    from tallyd.demo.place import make_place

    logs.to_stderr(SystemClock().now)
    _forget_overrides()
    try:
        binary = anyio.run(find_working_ffmpeg)
        place = make_place(directory)
        held = anyio.run(_hold, place, load(place.config), binary, output)
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    except InterruptedDemoError as error:
        click.echo(f"tallyd: {error}", err=True)
        raise SystemExit(Exit.INTERRUPTED) from error
    _report(place, held, output)


def _forget_overrides() -> None:
    """Let nothing in the environment lead the demo's daemon to another one's database."""
    from tallyd.config.models import ENV_PREFIX

    for name in [name for name in os.environ if name.startswith(ENV_PREFIX)]:
        del os.environ[name]


async def _hold(place: "Place", settings: "Settings", binary: str, output: Output) -> "Held":
    from tallyd.cli.demo_progress import showing
    from tallyd.demo.stage import hold

    beside = output is Output.JSON
    what = "records two rooms and publishes a channel"
    click.echo(f"The demo {what} into {place.root}, with {binary}.", err=beside)
    with showing(err=beside) as show:
        return await hold(place, settings, binary, show)


def _report(place: "Place", held: "Held", output: Output) -> NoReturn:
    from tallyd.cli.demo_report import deviations_of, print_report, report_shape
    from tallyd.cli.output import to_json

    if output is Output.JSON:
        click.echo(to_json(report_shape(place, held)))
    else:
        print_report(place, held)
    raise SystemExit(Exit.FAILED if deviations_of(held) else Exit.OK)
