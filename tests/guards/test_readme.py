"""The README is true: its commands are run as written, in order, and show what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallyd.cli.exits import Exit
from tallyd.cli.root import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci" / "run").read_text()
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY = "..."
"""In the README's output: whatever stands here; alone on a line: any lines."""


@dataclass(frozen=True)
class Step:
    """A command of the README and what it shows."""

    command: str
    shown: str

    @property
    def in_background(self) -> bool:
        """Whether it goes on while the following ones run."""
        return self.command.endswith(" &")


def _blocks(language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(README) if kind == language]


def _steps() -> Iterator[Step]:
    for block in _blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Step(command, shown)


def _pattern(shown: str) -> str:
    return "".join(
        r"(?:.*\n)*" if line == ANY else ".*".join(map(re.escape, line.split(ANY))) + r"[ ]*\n"
        for line in shown.splitlines()
    )


@pytest.fixture
def environment() -> dict[str, str]:
    """Give an environment in which `tallyd` is this checkout's, and nothing else is set."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith("TALLYD_")}
    return {**plain, "PATH": f"{Path(sys.executable).parent}:{plain['PATH']}"}


@pytest.mark.timeout(300)
def test_its_tour_shows_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    """Whoever types what the README says sees what it shows."""

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )

    (tmp_path / "tallyd.toml").write_text(_blocks("toml")[0])
    daemons = []
    try:
        for step in _steps():
            if step.in_background:
                command = f"exec {step.command.removesuffix(' &')}"
                daemons.append(
                    subprocess.Popen(["sh", "-c", command], cwd=tmp_path, env=environment)
                )
                while run("tallyd status").returncode == Exit.NO_DAEMON:
                    assert daemons[-1].poll() is None
                continue
            done = run(step.command)
            assert done.returncode == 0, f"{step.command}\n{done.stdout}"
            assert re.fullmatch(_pattern(step.shown), done.stdout), f"{step.command}\n{done.stdout}"
    finally:
        for daemon in daemons:
            daemon.terminate()
        codes = [daemon.wait(timeout=30) for daemon in daemons]
    assert set(codes) == {0}
    assert len(list(tmp_path.glob("state/recordings/aula/*/*_Sound_check.mkv"))) == 1


def test_the_comparison_can_fail() -> None:
    """A README that shows something else than the command does is noticed."""
    assert re.fullmatch(_pattern("id  1\n...\nend ... it\n"), "id  1\na\nb\nend of it  \n")
    assert not re.fullmatch(_pattern("id  1\n"), "id  2\n")
    assert not re.fullmatch(_pattern("id  1\n"), "id  1\nmore\n")


def test_its_two_commands_are_what_ci_runs() -> None:
    """What a newcomer is told to type is tried on a fresh machine with every change."""
    for command in ("uv run tallyd demo", "uv run pytest && uv run pytest tests/faults"):
        assert f"pip install uv && {command}\n" in _blocks("sh")
        assert all(each in CI for each in command.split(" && "))


@pytest.mark.parametrize("name", COMMANDS)
def test_it_mentions_every_command(name: str) -> None:
    """Nothing that tallyd can do has to be found by chance."""
    assert re.search(rf"tallyd {name}\b", README)


@pytest.mark.parametrize("code", [code for code in Exit if code < Exit.INTERRUPTED])
def test_it_explains_every_exit_code(code: Exit) -> None:
    """Whoever writes a script finds what a number means."""
    codes = next(line for line in README.split("\n\n") if line.startswith("**Exit codes**"))
    assert re.search(rf"\b{code.value} \w", codes)


def test_its_links_lead_somewhere() -> None:
    """No document is named that is not there."""
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            assert "://" in target or (ROOT / target).exists(), f"{name}: {target}"


def test_the_architecture_knows_every_layer() -> None:
    """Whoever looks for something finds where it lives."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    places = {path for path in (ROOT / "src" / "tallyd").iterdir() if path.name[:2] != "__"}
    names = {f"{path.name}/" if path.is_dir() else path.name for path in places} - {"py.typed"}
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []
