"""The tables of other people's contracts are true: every line names tests, and each test exists."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@dataclass(frozen=True)
class Contract:
    """The table at the end of an interface's page, and its rows."""

    text: str
    rows: list[str]


@pytest.fixture(params=["valt", "ibm", "uplynk"])
def contract(request: pytest.FixtureRequest) -> Contract:
    """Give the contract of each interface that somebody else has defined."""
    page = (ROOT / "docs" / "api" / f"{request.param}.md").read_text()
    text = page.rpartition("\n## ")[2]
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("| ") and "| test |" not in line]
    return Contract(text, rows)


@cache
def _tests_of(module: str) -> frozenset[str]:
    path = ROOT / "tests" / module
    tree = ast.parse(path.read_text()) if path.is_file() else ast.Module([], [])
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_every_test_of_the_contract_exists(contract: Contract) -> None:
    """Whoever doubts a line of the contract finds the test that holds it."""
    named = set(NAMED.findall(contract.text))
    assert len(named) > len(contract.rows) // 2
    assert sorted("::".join(each) for each in named if each[1] not in _tests_of(each[0])) == []


def test_every_line_of_the_contract_has_a_test(contract: Contract) -> None:
    """No line stands there alone."""
    assert len(contract.rows) > 40
    assert [row for row in contract.rows if not NAMED.search(row.rpartition(" | ")[2])] == []
