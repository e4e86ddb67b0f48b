"""Which faults are tried: the fast set or the full one.

What belongs to the full set alone is left out where only the fast one is run.
"""

import os

import pytest

FULL = os.environ.get("FULL_FAULTS") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark."""
    config.addinivalue_line("markers", "full_set: part of the full set of faults alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave such tests out; they are not skipped, which CI would take for a failure."""
    left_out = [] if FULL else [item for item in items if item.get_closest_marker("full_set")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
