"""An installation of simulated rooms, and the command line run in this process."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sample_config import CONFIG
from tallyd.cli.root import main


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which must be JSON and nothing else."""
        return json.loads(self.out)


Tallyd = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give the configuration of a new installation: two rooms, a channel."""
    path = tmp_path / "tallyd.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def tallyd(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Tallyd:
    """Give a function that runs `tallyd ARGS` and gives how it ended."""

    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["tallyd", "--config", str(config), *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, out, err)

    return run


@pytest.fixture
def book(tallyd: Tallyd) -> Callable[..., Any]:
    """Give a function that books `name` in rooms.aula and gives the schedule as JSON."""

    def add(name: str, start: str, duration: str, *more: str) -> Any:
        given = ("--target", "rooms.aula", "--name", name, "--start", start, "--duration", duration)
        result = tallyd("schedule", "add", *given, *more, "--json")
        assert result.code == 0, result.err
        return {**result.json, "warnings": result.err}

    return add
