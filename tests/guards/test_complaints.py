"""The table of complaints is true: every test that it names exists, and every row names one."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "complaints.md").read_text()
ROWS = [
    line
    for line in TABLE.splitlines()
    if line.startswith("| ") and not line.startswith("| complaint |")
]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def _exists(module: str, test: str) -> bool:
    path = ROOT / "tests" / module
    return path.is_file() and any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test
        for node in ast.parse(path.read_text()).body
    )


def test_every_test_that_the_table_names_exists() -> None:
    """Whoever doubts a promise finds the test that holds it."""
    named = set(NAMED.findall(TABLE))
    assert len(named) == len(set(re.findall(r"`[^`]*::[^`]*`", TABLE)))
    assert sorted("::".join(each) for each in named if not _exists(*each)) == []


def test_every_complaint_has_a_test() -> None:
    """No promise stands there alone."""
    assert len(ROWS) > len(re.findall(r"^## ", TABLE, re.MULTILINE))
    assert [row for row in ROWS if not NAMED.search(row.rpartition(" | ")[2])] == []
