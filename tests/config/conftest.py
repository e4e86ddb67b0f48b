"""An environment without configuration, and files made of text."""

import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("TALLYD_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration and give its path."""

    def written(text: str) -> Path:
        path = tmp_path / "tallyd.toml"
        path.write_text(dedent(text))
        return path

    return written
