"""Which faults are tried: the fast set, by two processes at once, or the full one.

What belongs to the full set alone is left out where only the fast one is run. For the most part
these tests wait; so where the fast set is run as a whole, two of its modules are run at once.
"""

import os
from pathlib import Path

import pytest

FULL = os.environ.get("FULL_FAULTS") == "1"
AT_ONCE = 2


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have the whole fast set, and nothing else, run by two processes; modules stay together."""
    option = config.option
    asked = [Path(config.invocation_params.dir, each).resolve() for each in config.args]
    part = option.keyword or option.markexpr or option.capture == "no" or option.collectonly
    whole = asked == [Path(__file__).parent] and not (FULL or part or option.usepdb)
    if whole and option.numprocesses is None and not hasattr(config, "workerinput"):
        option.numprocesses = AT_ONCE
    if option.numprocesses and option.dist == "no":
        option.dist = "loadfile"
        option.loadscopereorder = False


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark."""
    config.addinivalue_line("markers", "full_set: part of the full set of faults alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave such tests out; they are not skipped, which CI would take for a failure."""
    left_out = [] if FULL else [item for item in items if item.get_closest_marker("full_set")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
