"""The table of docs/api/native.md is true: its tests exist, and no route is left out."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api" / "native.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def _has(module: str, test: str) -> bool:
    path = ROOT / module
    return path.is_file() and (
        not test
        or any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test
            for node in ast.parse(path.read_text()).body
        )
    )


def test_every_test_that_the_contract_names_exists() -> None:
    """Whoever doubts a line finds the test that holds it."""
    named = NAMED.findall(TEXT)
    assert len(named) > 15
    assert [each for each in named if not _has(*each)] == []
