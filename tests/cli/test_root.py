"""The frame of the command line: overview, exit codes, errors, pipes."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from tallyd import __version__
from tallyd.cli.exits import Exit, NoDaemonError, exit_code, fence
from tallyd.cli.root import COMMANDS, Invocation, LazyCommand, LazyGroup, cli, main
from tallyd.config import ConfigError, ConfigProblem
from tallyd.domain.errors import InvalidBooking, NotFound, Problem, Refused, Victim, ZoneUnknown
from tallyd.domain.window import Window
from tallyd.nudge import NudgeError
from tallyd.ports.store import StoreError
from tallyd.state_dir import DaemonRunsError
from tallyd.store.errors import DatabaseTooNewError

HEAVY = ("anyio", "pydantic", "structlog", "rich", "apscheduler", "aiosqlite", "whenever")
AT = datetime(2026, 12, 1, 8, tzinfo=UTC)


def tallyd(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    command = [sys.executable, "-m", "tallyd", *args]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **more}
    )


def fenced(error: BaseException) -> int:
    """Raise inside the fence and give the exit code."""
    with pytest.raises(SystemExit) as caught, fence():
        raise error
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_help_names_every_command() -> None:
    """The overview is one."""
    result = tallyd("--help")
    assert result.returncode == 0
    assert all(command in result.stdout for command in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    """What only commands need is not paid for by the overview."""
    script = (
        "import sys\nfrom tallyd.cli.root import main\nsys.argv = ['tallyd', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('modules:', *sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.rpartition("modules:")[2].split())
    assert not modules & set(HEAVY)


def test_the_version_is_printed() -> None:
    """One place holds it."""
    assert tallyd("--version").stdout.strip() == f"tallyd, version {__version__}"


def test_a_mistyped_command_gets_the_nearest() -> None:
    """Exit code 2 and advice."""
    result = tallyd("shedule")
    assert result.returncode == 2
    assert "No such command 'shedule'. Did you mean schedule?" in result.stderr


def test_an_unknown_option_before_the_command_is_a_usage_error() -> None:
    """It is told as an option, not as a command."""
    result = tallyd("--confg", "x", "status")
    assert result.returncode == 2
    assert "No such option" in result.stderr


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Callable[[click.Command], LazyGroup]:
    """Give a lazy group with one command in a module of its own."""

    def with_command(command: click.Command) -> LazyGroup:
        module = ModuleType("a_command_module")
        module.__dict__["it"] = command
        monkeypatch.setitem(sys.modules, module.__name__, module)
        lazy = {
            "it": LazyCommand("a_command_module:it", "Do it."),
            "absent": LazyCommand("a_module_that_is_not_there:it", "Is not there."),
            "odd": LazyCommand("os:path", "Is no command."),
            "broken": LazyCommand("tallyd.notation.text:missing", "Is not in its module."),
        }
        return LazyGroup("group", lazy=lazy)

    return with_command


def test_a_command_is_found_by_its_place(
    group: Callable[[click.Command], LazyGroup], capsys: pytest.CaptureFixture[str]
) -> None:
    """The table's entry is imported when its command is called."""
    it = click.Command("it", callback=lambda: click.echo("done"))
    group(it).main(["it"], standalone_mode=False)
    assert capsys.readouterr().out == "done\n"


def test_a_command_that_is_not_built_in_says_so(
    group: Callable[[click.Command], LazyGroup],
) -> None:
    """A clear sentence instead of an import error; other mistakes of ours stay visible."""
    lazy = group(click.Command("it"))
    with pytest.raises(click.ClickException, match="absent is not part of this build"):
        lazy.main(["absent"], standalone_mode=False)
    with pytest.raises(TypeError, match="os:path is no command"):
        lazy.main(["odd"], standalone_mode=False)
    with pytest.raises(AttributeError):
        lazy.main(["broken"], standalone_mode=False)


def test_a_broken_import_inside_a_command_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing library is told by its own name."""
    (tmp_path / "command_with_a_bad_import.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    lazy = LazyGroup("g", lazy={"it": LazyCommand("command_with_a_bad_import:it", "")})
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        lazy.main(["it"], standalone_mode=False)


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            ConfigError("a.toml", ConfigProblem("x", "1", "no", 3), ConfigProblem("y", "", "yes")),
            78,
            ["the configuration a.toml cannot be used", "line 3: x: '1': no", "  y: yes"],
        ),
        (DatabaseTooNewError(Path("a.db"), 9, 1), 78, ["a.db", "newer tallyd"]),
        (
            InvalidBooking(Problem("name", "", "is empty"), Problem("every", "0", "from 1")),
            2,
            ["cannot be booked", "name: '': is empty", "every: '0': from 1"],
        ),
        (ZoneUnknown("Mars"), 2, ["there is no time zone Mars"]),
        (NotFound("schedule", "7"), 3, ["there is no schedule 7"]),
        (
            Refused("it runs", (Victim(5, 3, "Lecture", Window(AT, AT + timedelta(hours=1))),)),
            4,
            [
                "refused: it runs",
                "run 5 of 'Lecture' would lose 2026-12-01T08:00:00.000Z to 2026-12-01T09:00",
            ],
        ),
        (NoDaemonError("no daemon runs"), 5, ["no daemon runs"]),
        (StoreError("disk I/O error"), 1, ["disk I/O error"]),
        (NudgeError("denied"), 1, ["denied"]),
        (DaemonRunsError(Path("/state")), 1, ["/state"]),
        (click.UsageError("bad"), 2, ["Error: bad"]),
        (ExceptionGroup("tasks", [ExceptionGroup("t", [StoreError("gone")])]), 1, ["gone"]),
    ],
)
def test_each_error_has_its_exit_code_and_its_rows(
    error: BaseException, code: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs go by the code, people by the message; stdout stays empty, no traceback."""
    assert fenced(error) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert all(line in err for line in lines)


def test_a_message_cannot_play_tricks_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a value holds is shown, not obeyed."""
    fenced(NotFound("target", "\x1b[2J\u202eevil\nforged"))
    err = capsys.readouterr().err
    assert err.removesuffix("\n").isprintable()
    assert r"\x1b[2J\u202eevil\nforged" in err


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ExceptionGroup("g", [ValueError("x")])])
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    """What nobody foresaw is not dressed up as a mistake of the user."""
    assert exit_code(error) is None
    with pytest.raises(type(error)), fence():
        raise error


def test_a_group_of_several_errors_is_a_bug() -> None:
    """One message cannot stand for two causes."""
    group = ExceptionGroup("g", [StoreError("one"), StoreError("two")])
    with pytest.raises(ExceptionGroup), fence():
        raise group


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_ends_quietly(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C gives what shells expect of it."""
    assert fenced(error) == Exit.INTERRUPTED
    assert capsys.readouterr() == ("", "")


PRINTER = """
import sys, types, click
from tallyd.cli import root
module = types.ModuleType("printer")
@click.command()
def printer():
    {statement}
module.printer = printer
sys.modules["printer"] = module
root.COMMANDS["printer"] = root.LazyCommand("printer:printer", "Print.")
sys.argv = ["tallyd", "printer"]
root.main()
"""


@pytest.mark.parametrize("statement", ["click.echo(1)", "print(1)", "print('x' * 100_000)"])
def test_a_reader_that_has_enough_ends_it_silently(statement: str) -> None:
    """`tallyd runs | head` prints no error, whether the pipe breaks early or at the last flush."""
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-c", PRINTER.format(statement=statement)],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # buffers, as a pipe usually has
    )
    os.close(writer)
    assert result.stderr == ""
    assert result.returncode == Exit.PIPE_CLOSED


def test_commands_get_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config` reaches every command, and is read when a command asks."""
    path = tmp_path / "a.toml"
    path.write_text("[appliance]\nname = 'box'\n")
    seen: list[Invocation] = []
    monkeypatch.setitem(COMMANDS, "it", LazyCommand("a_command_module:it", "Do it."))
    module = ModuleType("a_command_module")
    module.__dict__["it"] = click.Command("it", callback=click.pass_obj(seen.append))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    cli.main(["--config", str(path), "it"], standalone_mode=False)
    assert seen[0].settings().appliance.name == "box"


def test_the_overview_has_every_command_in_order() -> None:
    """What is there is found without a manual, without loading any of it."""
    result = CliRunner().invoke(cli, ["--help"])
    listed = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")]
    assert [word for word in listed if word in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize(("typed", "hint"), [("rusn", "Did you mean run?"), ("xyzzy", "")])
def test_a_guess_is_made_where_one_is_near(typed: str, hint: str) -> None:
    """A wild word gets no advice."""
    result = CliRunner().invoke(cli, [typed])
    assert result.exit_code == 2
    assert result.stderr.endswith(f"No such command {typed!r}. {hint}".rstrip() + "\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there(name: str) -> None:
    """The table of commands points at commands."""
    with click.Context(cli) as context:
        assert isinstance(cli.get_command(context, name), click.Command)
        assert cli.get_command(context, "none") is None


def test_the_process_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Success is 0, and `main` never returns."""
    monkeypatch.setattr(sys, "argv", ["tallyd", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
