"""The suite's own promises: nothing blocks the loop unseen, nothing is skipped in CI."""

import os
from pathlib import Path

import pytest
from blockbuster import BlockingError

import tallyd

ROOT = Path(__file__).parents[2]
MODULES = {
    "test_called": "import pytest\ndef test_it():\n    pytest.skip('no server')",
    "test_marked": "import pytest\n@pytest.mark.skip(reason='no server')\ndef test_it(): pass",
    "test_whole": "import pytest\npytest.skip('no server', allow_module_level=True)",
    "test_import": "import pytest\npytest.importorskip('no_such_module')",
    "test_passing": "def test_it(): pass",
}


async def test_a_blocking_call_fails_the_test() -> None:
    """Code of ours that holds up every recording by waiting is found by whatever test runs it."""
    module = str(Path(tallyd.__file__).with_name("blocking.py"))
    code = compile("import os; os.listdir('/')", module, "exec")
    with pytest.raises(BlockingError, match=r"os\.listdir"):
        exec(code, {})  # noqa: S102 - stands in for a module of the package


async def test_a_blocking_call_of_a_test_is_its_own_affair() -> None:
    """Tests may look at files as they like."""
    assert os.listdir(ROOT)  # noqa: PTH208 - the call that is watched


@pytest.mark.parametrize(
    ("ci", "outcomes"),
    [("true", {"failed": 1, "errors": 3, "passed": 1}), ("", {"skipped": 4, "passed": 1})],
)
def test_nothing_is_skipped_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcomes: dict[str, int]
) -> None:
    """In CI a component that is missing is a failure; at a desk it may be."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))  # for its plugins
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyfile(**MODULES)
    done = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--continue-on-collection-errors"
    )
    seen = done.parseoutcomes()
    assert {name: seen.get(name) for name in outcomes} == outcomes
    assert ("skipped" in seen) != (ci == "true")
