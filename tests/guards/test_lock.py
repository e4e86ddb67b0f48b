"""`requirements.lock` pins exactly what the project's own resolution gives."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
EXPORT = ("export", "--all-extras", "--all-groups", "--no-emit-project", "--no-annotate")
HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64})")

Pins = dict[str, set[str]]


def _pins(text: str) -> Pins:
    """Give the hashes of each requirement; a requirement is `name==version ; marker`."""
    lines = (line for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#"))
    return {line.partition("--hash=")[0].strip(): set(HASH.findall(line)) for line in lines}


@pytest.fixture(scope="module")
def committed() -> Pins:
    """Give the pins of the repository."""
    return _pins(LOCK.read_text())


@pytest.fixture(scope="module")
def resolved() -> Pins:
    """Give the pins that follow from `pyproject.toml` today."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "run the tests with `uv run pytest`"
    done = subprocess.run([uv, *EXPORT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _pins(done.stdout)


def test_the_lock_is_what_the_project_asks_for(committed: Pins, resolved: Pins) -> None:
    """Everybody gets the same versions, with uv and without."""
    assert committed.keys() == resolved.keys(), f"uv {' '.join(EXPORT)} -o {LOCK.name}"


def test_nothing_but_the_pinned_files_is_installed(committed: Pins, resolved: Pins) -> None:
    """A file that an index serves in place of the pinned one is noticed.

    An index may lack files, such as wheels for other systems, but have no others.
    """
    assert all(resolved.values())
    strange = {name: files - committed[name] for name, files in resolved.items()}
    assert {name: files for name, files in strange.items() if files} == {}


def test_every_requirement_is_pinned_and_hashed(committed: Pins) -> None:
    """`pip install --require-hashes -r requirements.lock` accepts every line."""
    assert committed
    for requirement, files in committed.items():
        assert re.match(r"[a-z0-9-]+==[\w.!+]+( ; .+)?$", requirement), requirement
        assert files, requirement
