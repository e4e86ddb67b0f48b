"""A server for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api_rig import Api, api_at


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """Give a server of two simulated rooms and a channel; nobody but the test knows of it."""
    async with api_at(tmp_path) as served:
        yield served
