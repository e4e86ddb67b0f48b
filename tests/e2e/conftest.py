"""Whole installations, as fixtures."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests import marks_rig

from house_rig import House, eventually, house_at
from media import Media


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty installation; whatever it runs is ended afterwards."""
    with house_at(tmp_path) as built:
        yield built


@pytest.fixture
def media() -> Media:
    """Give eyes for recorded files."""
    return Media()


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    """Give the patience of these tests."""
    return eventually


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, float], Path]:
    """Make marked films, each only once."""
    return marks_rig.films_in(tmp_path_factory.mktemp("films"))
