"""What is promised is shown: each command of docs/promises.md exists and selects tests."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PROMISES = (ROOT / "docs" / "promises.md").read_text()
ROW = re.compile(r"^\| [^|]+ \| [^|]*\| `(?P<command>[^`]+)` \|$", re.MULTILINE)
HEADS = ("| promise | figure | command |", "|---|---|---|")
FULL = "FULL_FAULTS=1"

COLLECT = """
import contextlib, io, json, sys
import pytest

class Count:
    def pytest_collection_finish(self, session):
        self.selected = len(session.items)

found = []
for arguments in json.load(sys.stdin):
    count = Count()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", *arguments], plugins=[count])
    found.append([int(code), getattr(count, "selected", 0), said.getvalue()[-500:]])
json.dump(found, sys.stdout)
"""
"""Collects for one command after the other: what is imported once need not be again."""


class Command(NamedTuple):
    """A command of the document: the fault set that it runs, and the words after `uv run`."""

    full: bool
    words: tuple[str, ...]


def command_of(text: str) -> Command:
    """Read a command as the document writes it."""
    words = shlex.split(text)
    full = words[0] == FULL
    assert words[full : full + 2] == ["uv", "run"], text
    return Command(full, tuple(words[full + 2 :]))


COMMANDS = [command_of(row["command"]) for row in ROW.finditer(PROMISES)]


def selections(commands: Sequence[Command]) -> list[tuple[int, int, str]]:
    """Give for each command of one fault set pytest's exit status, how many tests, what it said."""
    (full,) = {command.full for command in commands}
    environment = {**os.environ, "FULL_FAULTS": "1" if full else "0", "CI": ""}
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        input=json.dumps([command.words[1:] for command in commands]),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
    )
    return [(code, selected, said) for code, selected, said in json.loads(done.stdout)]


def test_every_row_has_its_command() -> None:
    """No row is overlooked for how it is written."""
    rows = [line for line in PROMISES.splitlines() if line.startswith("|") and line not in HEADS]
    assert len(COMMANDS) == len(rows) > 40
    assert {command.words[0] for command in COMMANDS} <= {"pytest", "python"}


@pytest.mark.parametrize("full", [True, False], ids=["full", "fast"])
def test_every_command_selects_tests(full: bool) -> None:  # noqa: FBT001 - a table of two
    """A test that was renamed, moved, or put into the full set does not leave an empty promise."""
    commands = [each for each in COMMANDS if each.full is full and each.words[0] == "pytest"]
    assert commands
    empty = [
        (shlex.join(command.words), code, said)
        for command, (code, selected, said) in zip(commands, selections(commands), strict=True)
        if code != 0 or selected == 0
    ]
    assert empty == []


def test_a_command_that_selects_nothing_is_seen() -> None:
    """Control: a row that no test has, and a file that is not there, are told from the others."""
    commands = [
        Command(False, ("pytest", *words))  # noqa: FBT003 - as the document reads
        for words in (
            ("tests/faults", "-k", "row_99_"),
            ("tests/faults/test_nothing.py",),
            ("tests/faults/test_canary.py", "-k", "nowhere"),
        )
    ]
    found = selections(commands)
    assert [code == 0 and selected > 0 for code, selected, _ in found] == [False, False, True]


def test_every_other_command_knows_its_options() -> None:
    """A module that is run is there, and takes what it is given."""
    for _, (_, _, module, *options) in (each for each in COMMANDS if each.words[0] == "python"):
        argv = [sys.executable, "-m", module, "--help"]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
        assert [each for each in options if each[0] == "-" and each not in done.stdout] == []
