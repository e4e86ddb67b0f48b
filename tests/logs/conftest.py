"""Pipes to log into, and a process log that is put back afterwards."""

import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import structlog

NOW = datetime(2026, 12, 1, 8, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _process_log() -> Iterator[None]:
    config, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def now() -> Callable[[], datetime]:
    """Give a clock that stands still."""
    return lambda: NOW


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give the two ends of a pipe, reader and writer."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)
