"""Every test of the engine runs on virtual time, most of them in two rooms."""

from collections.abc import Callable
from typing import Any

import pytest

from engine_rig import VIRTUAL_TIME, Rig, room, two_rooms
from tallyd.domain.model import Target


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run every test here on virtual time."""
    return VIRTUAL_TIME


@pytest.fixture
async def rig() -> Rig:
    """Two rooms with prompt devices."""
    return await two_rooms()


@pytest.fixture
def make_room() -> Callable[..., Target]:
    """Give the maker of configured rooms."""
    return room
