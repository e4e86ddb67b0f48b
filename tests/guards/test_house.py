"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallyd.logs import EVENTS

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MAX_LINES = 400
NAMES_THAT_SAY_NOTHING = re.compile(r"utils?|helpers?|common|misc|managers?|base")
DEBTS = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
# In two halves, so that this file is not what it looks for.
REGISTRIES = re.compile(
    "|".join(
        re.escape(f"{name}.{domain}")
        for name, domain in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("crates", "io"),
            ("debian", "org"),
            ("ubuntu", "com"),
        )
    )
    + "|index[-_]url|find[-_]links"
)


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_shown)
def test_no_module_grows_too_long(path: Path) -> None:
    """Whoever opens a module reads it in one sitting."""
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=_shown)
def test_every_name_says_what_is_inside(path: Path) -> None:
    """Whoever looks for something can guess the module from the word."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    assert not [part for part in parts if NAMES_THAT_SAY_NOTHING.fullmatch(part)]


@pytest.mark.parametrize("path", SOURCES, ids=_shown)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """The first line of a module tells what lives in it."""
    first, *_ = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines() or [""]
    assert first.endswith(".")


@pytest.mark.parametrize("path", SOURCES, ids=_shown)
def test_nothing_is_left_for_later(path: Path) -> None:
    """What is delivered is finished."""
    assert DEBTS.findall(path.read_text()) == []


def test_every_listed_event_is_written() -> None:
    """Nobody waits in the log for an event that never comes."""
    texts = [path.read_text() for path in SOURCES if path.name != "events.py"]
    assert [name for name in EVENTS if not any(f'"{name}"' in text for text in texts)] == []


def _tests_in(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test"
        ):
            yield node


@pytest.mark.parametrize(
    "path", [path for path in TESTS if path.name.startswith("test_")], ids=_shown
)
def test_every_test_says_what_a_user_would_notice(path: Path) -> None:
    """Whoever breaks something reads in one sentence what."""
    assert [test.name for test in _tests_in(path) if not ast.get_docstring(test)] == []


def test_no_two_test_modules_share_a_name() -> None:
    """A module can be named without its directory."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


def test_the_layers_hold() -> None:
    """Nothing imports what stands above it, and every module has its place."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_registry_is_named() -> None:
    """A checkout works with whatever index a site has configured."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    texts = {path: path.read_bytes().decode(errors="replace") for path in files if path.is_file()}
    assert [
        _shown(path)
        for path, text in texts.items()
        if path != Path(__file__) and REGISTRIES.search(text)
    ] == []


def test_the_lock_of_one_machine_is_not_committed() -> None:
    """`uv.lock` names the hosts of the machine that made it."""
    assert "uv.lock" in (ROOT / ".gitignore").read_text().splitlines()
    assert "exclude-newer" in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
