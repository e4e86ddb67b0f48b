"""The table of Uplynk's contract is true: every line names tests, and every test there is."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "api" / "uplynk.md").read_text().rpartition("\n## ")[2]
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ") and "| test |" not in line]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def _tests_of(module: str) -> frozenset[str]:
    path = ROOT / "tests" / module
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_test_of_the_contract_exists() -> None:
    """Whoever doubts a line of the contract finds the test that holds it."""
    named = set(NAMED.findall(TABLE))
    assert len(named) > len(ROWS) // 2
    assert sorted("::".join(each) for each in named if each[1] not in _tests_of(each[0])) == []


def test_every_line_of_the_contract_has_a_test() -> None:
    """No line stands there alone."""
    assert len(ROWS) > 40
    assert [row for row in ROWS if not NAMED.search(row.rpartition(" | ")[2])] == []
