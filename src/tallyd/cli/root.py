"""The bare frame of the command line: global options, the table of commands, the way out.

Imports click and nothing heavier: a command's module is imported when that command runs.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tallyd import __version__
from tallyd.cli.exits import Exit, discard_stdout, fence

if TYPE_CHECKING:
    from tallyd.config import Settings


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """Where a command lives, `module:attribute`, and what the overview says of it."""

    target: str
    help: str


COMMANDS = {
    "run": LazyCommand("tallyd.cli.run:run", "Run the daemon in the foreground."),
    "serve": LazyCommand("tallyd.cli.serve:serve", "Serve HTTP in the foreground."),
    "reload": LazyCommand(
        "tallyd.cli.reload:reload", "Have the daemon read its configuration anew."
    ),
    "check": LazyCommand("tallyd.cli.check:check", "Check configuration, drivers and database."),
    "demo": LazyCommand(
        "tallyd.cli.demo:demo", "Record two rooms for real and report, in a minute."
    ),
    "schedule": LazyCommand(
        "tallyd.cli.schedule:schedule", "Book, list, change and remove schedules."
    ),
    "exceptions": LazyCommand(
        "tallyd.cli.exceptions:exceptions", "Keep the days on which nothing starts."
    ),
    "plan": LazyCommand(
        "tallyd.cli.plan:plan", "Show who holds what when, and who is blocked by whom."
    ),
    "status": LazyCommand("tallyd.cli.status:status", "Show what runs now and what comes next."),
    "runs": LazyCommand(
        "tallyd.cli.runs:runs", "Show what became of every occurrence; stop or extend."
    ),
    "as-run": LazyCommand("tallyd.cli.as_run:as_run", "Show what a channel really had on air."),
    "targets": LazyCommand("tallyd.cli.targets:targets", "Show rooms and channels with their ids."),
    "assets": LazyCommand("tallyd.cli.assets:assets", "Keep the files that channels can play."),
    "accounts": LazyCommand(
        "tallyd.cli.accounts:accounts", "Keep who may use the HTTP interfaces, and their keys."
    ),
    "backup": LazyCommand("tallyd.cli.backup:backup", "Back the database up now."),
    "restore": LazyCommand("tallyd.cli.restore:restore", "Put a backup in its place."),
    "doctor": LazyCommand("tallyd.cli.doctor:doctor", "Look over database, backups and disk."),
    "drivers": LazyCommand("tallyd.cli.drivers:drivers", "Show the drivers and their options."),
}
"""Every command, in the order of the overview."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the global options say; commands take it with `click.pass_obj`."""

    config: Path | None

    def settings(self) -> "Settings":
        """Load the configuration, and let what is logged from here on go to stderr.

        Raises:
            ConfigError: there is none, or it cannot be used.
        """
        from tallyd import logs
        from tallyd.clock import SystemClock
        from tallyd.config import ConfigError, find, load

        logs.to_stderr(SystemClock().now)
        path = find(self.config)
        try:
            return load(path)
        except ConfigError:
            # Once it is refused, all of it is worth saying: what the drivers find wrong too.
            return self.checked_settings(path)

    def checked_settings(self, path: Path) -> "Settings":
        """Load a configuration, its drivers' options included.

        Raises:
            ConfigError: with everything that is wrong.
        """
        from tallyd.app import driver_checker, slicer_problems
        from tallyd.config import load

        return load(path, driver_checker(), slicer_problems)


class LazyGroup(click.Group):
    """A group that imports a command when it is called, and knows before what it is for."""

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **attrs: Any) -> None:  # noqa: ANN401 - handed on to click
        super().__init__(*args, **attrs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names of all commands, in their own order."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command of that name; None where there is none."""
        command = self._lazy.get(cmd_name)
        if command is None:
            return None
        module_name, _, attribute = command.target.partition(":")
        try:
            found = getattr(importlib.import_module(module_name), attribute)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            raise click.ClickException(f"{cmd_name} is not part of this build") from error
        if not isinstance(found, click.Command):
            raise TypeError(f"{command.target} is no command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first argument, or propose the nearest."""
        name = args[0]
        if name not in self._lazy and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self._lazy, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the overview from the table, without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; `tallyd runs | head` ends without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            discard_stdout()
            ctx.exit(Exit.PIPE_CLOSED)


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "Exit codes: 0 ok, 1 failed, 2 bad value, 3 not found, 4 refused (would cut what runs), "
        "5 no daemon, 78 configuration, or a database from the future or without a good backup."
    ),
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Configuration; else $TALLYD_CONFIG, ./tallyd.toml, /etc/tallyd/config.toml.",
)
@click.version_option(__version__, prog_name="tallyd")
@click.pass_context
def cli(ctx: click.Context, config: Path | None) -> None:
    """Record every room and feed every channel on schedule, and say what was done and why."""
    ctx.obj = Invocation(config)


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    with fence():
        code = cli.main(prog_name="tallyd", standalone_mode=False)
    raise SystemExit(code if isinstance(code, int) else Exit.OK)
