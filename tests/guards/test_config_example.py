"""The example configuration is complete, loads, and stays both."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tallyd.config import ChannelSettings, RoomSettings, Settings, SlicerSettings, load
from tallyd.domain.model import TargetKind
from tallyd.drivers.registry import load_drivers

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
OPTIONAL = re.compile(r"^#(?=[\w\[])", re.MULTILINE)

TARGETS = {"rooms": RoomSettings, "channels": ChannelSettings, "slicers": SlicerSettings}


@pytest.fixture
def as_is() -> str:
    """Give the example as it is delivered."""
    return EXAMPLE.read_text()


@pytest.fixture
def uncommented(as_is: str) -> str:
    """Give the example with every optional key switched on."""
    return OPTIONAL.sub("", as_is)


def _keys(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for section, table in document.items():
        if section not in TARGETS:
            yield from ((section, key) for key in table)
            continue
        for target in table.values():
            yield from ((section, key) for key in target)


def _fields() -> Iterator[tuple[str, str]]:
    for section, field in Settings.model_fields.items():
        model = TARGETS.get(section, field.annotation)
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        yield from ((section, key) for key in model.model_fields)


@pytest.fixture
def delivered(as_is: str, tmp_path: Path) -> Path:
    """Give a copy of the example: a checkout may be such that others can write to it."""
    path = tmp_path / "delivered.toml"
    path.write_text(as_is)
    return path


def test_it_loads_as_delivered(delivered: Path) -> None:
    """Whoever copies the example has a configuration that works."""
    assert [target.key for target in load(delivered).targets()] == [
        "channels.campus",
        "rooms.aula",
        "rooms.rehearsal",
    ]


def test_it_loads_with_every_optional_key(uncommented: str, tmp_path: Path) -> None:
    """Whoever removes the `#` before a key gets no error for it."""
    path = tmp_path / "all.toml"
    path.write_text(uncommented)
    assert "studio" in load(path).slicers


def test_it_shows_every_key_and_no_other(uncommented: str) -> None:
    """No key has to be guessed from the source."""
    assert set(_keys(tomllib.loads(uncommented))) == set(_fields())


def test_its_optional_keys_show_the_defaults(
    as_is: str, uncommented: str, delivered: Path, tmp_path: Path
) -> None:
    """Removing the `#` before a key of the appliance, the clock or the log changes nothing."""
    path = tmp_path / "all.toml"
    path.write_text(uncommented)
    sections = tomllib.loads(as_is)
    everything, plain = load(path), load(delivered)
    assert (everything.clock, everything.logs) == (plain.clock, plain.logs)
    changed = {
        key
        for key in type(plain.appliance).model_fields
        if getattr(everything.appliance, key) != getattr(plain.appliance, key)
    }
    assert changed <= set(sections["appliance"])


@pytest.mark.parametrize("kind", TargetKind)
def test_its_driver_options_are_right(kind: TargetKind, uncommented: str) -> None:
    """The drivers named in the example exist and take the options that it gives them."""
    registry = load_drivers()
    for name, target in tomllib.loads(uncommented)[kind].items():
        problems = registry.validate(kind, target["driver"], target.get("options", {}))
        assert problems == (), name
