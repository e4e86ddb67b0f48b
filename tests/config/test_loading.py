"""From a file and the environment to settings, or to everything that is wrong."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tallyd.config import ConfigError, find, load
from tallyd.domain.errors import Problem

Write = Callable[[str], Path]

FIVE_MISTAKES = """\
[appliance]
timezone = "Europe/Berlyn"
min_piece = 90

[rooms.aula]
drivr = "ffmpeg"
capacity = "two"

[logs]
level = "loud"
"""


def problems(path: Path) -> list[str]:
    """Load what cannot be loaded and give its rows."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert all(isinstance(problem, Problem) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_file_means_the_defaults(write: Write) -> None:
    """Everything has a default; nothing is recorded yet."""
    settings = load(write(""))
    assert settings.appliance.timezone == "UTC"
    assert settings.appliance.min_piece == timedelta(seconds=60)
    assert settings.appliance.run_dir == Path("/var/lib/tallyd/run")
    assert settings.logs.format == "auto"
    assert settings.targets() == ()


def test_targets_come_with_their_defaults_filled_in(write: Write) -> None:
    """A room without a name or zone has its key's and the appliance's."""
    settings = load(
        write("""
            [appliance]
            timezone = "Europe/Rome"
            min_piece = "30s"
            [rooms.aula]
            driver = "ffmpeg"
            [rooms.lab]
            driver = "simulated"
            id = 7
            name = "The lab"
            timezone = "UTC"
            capacity = 2
            min_piece = "0s"
            [rooms.lab.options]
            inputs = 2
            [channels.aula]
            driver = "simulated"
        """)
    )
    channel, aula, lab = settings.targets()
    assert (channel.key, channel.min_piece) == ("channels.aula", timedelta(0))
    assert (aula.key, aula.name, aula.zone) == ("rooms.aula", "aula", "Europe/Rome")
    assert (aula.public_id, aula.capacity) == (None, 1)
    assert aula.min_piece == timedelta(seconds=30)
    assert (lab.name, lab.zone, lab.public_id, lab.capacity) == ("The lab", "UTC", 7, 2)
    assert lab.min_piece == timedelta(0)
    assert lab.options == {"inputs": 2}


def test_five_mistakes_are_told_at_once(write: Write) -> None:
    """An operator mends the file in one go: each row has line, key, value and what to do."""
    assert problems(write(FIVE_MISTAKES)) == [
        (
            "line 2: appliance.timezone: 'Europe/Berlyn': there is no time zone of that name;"
            " did you mean Europe/Berlin?"
        ),
        "line 3: appliance.min_piece: '90': 90 what? try '90m'",
        "line 5: rooms.aula.driver: this key is needed",
        "line 6: rooms.aula.drivr: 'ffmpeg': unknown key; did you mean driver?",
        "line 7: rooms.aula.capacity: 'two': write a whole number, without quotes",
        "line 10: logs.level: 'loud': write 'debug', 'info', 'warning' or 'error'",
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("[applience]", "applience: unknown section; did you mean appliance?"),
        ("[appliance]\non_stop = 'stay'", "appliance.on_stop: 'stay': write 'leave' or 'finish'"),
        ("[appliance]\nname = ''", "appliance.name: empty: write a name, or leave the key out"),
        ('[appliance]\nrun_dir = "a\\u0000b"', "no control characters in a path"),
        ('[appliance]\nname = "a\\u202eb"', "no control characters in a name"),
        ("[appliance]\nledger_keep = '1h'", "must be from 1d to 3660d"),
        ("[appliance]\nhorizon = '0d'", "must be from 1d to 3660d"),
        ("[appliance]\nstate_dir = 3", "appliance.state_dir: '3'"),
        ("[appliance]\nfile_name = '{nonsense}'", "knows no {nonsense}"),
        ("[appliance]\nfile_name = 'fixed'", "names no field"),
        ("[logs.deep]\nx = 1", "logs.deep: '...': unknown key"),
        ("[logs]\nlevel = {x = 1}", "write 'debug', 'info'"),
        ("rooms = 3", "rooms: '3': write a table"),
        ("[rooms]\naula = 3", "rooms.aula: '3': write a table"),
        ("[rooms.Aula]\ndriver = 'x'", "use a-z, 0-9, _ and -, a letter or digit first"),
        ('[rooms."a\\n"]\ndriver = "x"', "use a-z, 0-9, _ and -"),
        ("[rooms.a]\ndriver = 'x'\ncapacity = 0", "greater than or equal to 1"),
        ("[rooms.a]\ndriver = 'x'\ncapacity = true", "write a whole number"),
        ("[channels.a]\ndriver = 'x'\ncapacity = 2", "less than or equal to 1"),
        ("[rooms.a]\ndriver = 'x'\nid = 0", "greater than or equal to 1"),
        ("[rooms.a]\ndriver = 'x'\nid = 2147483648", "less than or equal to 2147483647"),
        ("[rooms.a]\ndriver = 7", "rooms.a.driver: '7': write text in quotes"),
        ("[rooms.a]\ndriver = 'x'\nmin_piece = '-1s'", "a duration cannot be negative"),
        ("[rooms.a]\ndriver = 'x'\noptions = 3", "rooms.a.options: '3': write a table"),
        ("[channels.a]\ndriver = 'x'\nowner = ' '", "empty: write a name"),
        ("[http]\npublic_url = 'tv.example'", "write an address such as https://"),
        ("[http]\nibm_timezones = 'all'", "write 'listed' or 'any'"),
        ("[logs]\nformat = 1", "logs.format: '1': write 'auto', 'json' or 'console'"),
    ],
)
def test_each_mistake_says_what_to_write(write: Write, text: str, row: str) -> None:
    """No mistake passes, and none is told in the words of a library."""
    (problem,) = problems(write(text))
    assert row in problem
    assert "Input" not in problem


def test_ids_given_twice_are_told_among_other_mistakes(write: Write) -> None:
    """No other mistake hides that two targets share an id."""
    rows = problems(
        write("""\
            [rooms.a]
            driver = "x"
            id = 3
            [channels.b]
            driver = "x"
            id = 3
            nmae = "B"
            """)
    )
    assert rows == [
        "line 6: channels.b.id: '3': rooms.a has this id already: give each target its own",
        "line 7: channels.b.nmae: 'B': unknown key; did you mean name?",
    ]


@pytest.mark.parametrize("options", ["", "[rooms.a.options]\nid = 1\n"])
def test_ids_of_options_are_the_drivers_own(write: Write, options: str) -> None:
    """What a driver calls its options is not looked into."""
    assert load(write(f"[rooms.a]\ndriver = 'x'\nid = 1\n{options}")).rooms["a"].id == 1


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"[rooms\n", "line 1"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"name = \xff", "byte 7 is no UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_place(
    tmp_path: Path, content: bytes, row: str
) -> None:
    """A syntax error is found by line and column."""
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    (problem,) = problems(path)
    assert row in problem


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file and a directory are errors like others, without a traceback."""
    assert "No such file" in problems(tmp_path / "none.toml")[0]
    assert "Is a directory" in problems(tmp_path)[0]


def test_relative_directories_start_from_the_file(write: Write) -> None:
    """A configuration can be moved with its data, from whatever directory tallyd is called."""
    path = write("[appliance]\nstate_dir = 'state'\nrecordings_dir = '../video'\n")
    appliance = load(path).appliance
    assert appliance.state_dir == path.parent / "state"
    assert appliance.run_dir == path.parent / "state" / "run"
    assert appliance.recordings_dir == path.parent / "../video"


def test_the_environment_overrides_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """One key is changed, its neighbours stay."""
    path = write("[appliance]\nname = 'box'\nmin_piece = '1h'\n[rooms.a]\ndriver = 'x'\n")
    monkeypatch.setenv("TALLYD_APPLIANCE__MIN_PIECE", "2h")
    monkeypatch.setenv("TALLYD_ROOMS__A__CAPACITY", "2")
    monkeypatch.setenv("TALLYD_ROOMS__A__OPTIONS__SOURCE", "test")
    settings = load(path)
    assert settings.appliance.name == "box"
    assert settings.appliance.min_piece == timedelta(hours=2)
    assert settings.rooms["a"].capacity == 2
    assert settings.rooms["a"].driver == "x"
    assert settings.rooms["a"].options == {"source": "test"}


@pytest.mark.parametrize(
    ("variable", "value", "row"),
    [
        ("TALLYD_APPLIANCE__MIN_PIECE", "90", "MIN_PIECE: '90': 90 what? try 90m"),
        ("TALLYD_APPLIANCE__TIMEZON", "UTC", "TIMEZON: 'UTC': unknown key; did you mean timezone?"),
        ("TALLYD_APLIANCE__TIMEZONE", "UTC", "no such section; did you mean appliance?"),
        ("TALLYD_LOGS", "{", "written as JSON"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    write: Write, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, row: str
) -> None:
    """Nobody looks for it in the file."""
    monkeypatch.setenv(variable, value)
    (problem,) = problems(write("[appliance]\nmin_piece = '1h'\n"))
    assert problem.startswith((variable, "environment"))
    assert row in problem


def test_settings_are_frozen(write: Write) -> None:
    """What was checked stays what it was."""
    settings = load(write(""))
    with pytest.raises(ValidationError, match="frozen"):
        settings.appliance.name = "other"  # type: ignore[misc]


def test_the_file_is_searched_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """The option beats the variable, the variable beats the working directory."""
    monkeypatch.chdir(tmp_path)
    explicit, variable = tmp_path / "explicit.toml", tmp_path / "variable.toml"
    write("")
    assert find() == Path("tallyd.toml")
    monkeypatch.setenv("TALLYD_CONFIG", str(variable))
    assert find() == variable
    assert find(explicit) == explicit
    assert "No such file" in problems(find())[0]


def test_no_file_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded by a daemon that nobody configured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tallyd.config.loading.SEARCHED", (Path("tallyd.toml"),))
    with pytest.raises(ConfigError, match="there is none in"):
        find()


def test_what_makes_a_clock_trusted_is_a_choice(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plausible clock is enough, unless a time server is to be waited for."""
    assert load(write("")).clock.trust == "plausible"
    assert load(write('[clock]\ntrust = "synchronised"')).clock.trust == "synchronised"
    assert "write 'plausible' or 'synchronised'" in problems(write('[clock]\ntrust = "yes"'))[0]
    monkeypatch.setenv("TALLYD_CLOCK__TRUST", "synchronised")
    assert load(write("")).clock.trust == "synchronised"
