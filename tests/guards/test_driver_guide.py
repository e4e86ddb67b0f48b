"""The driver in the guide is a driver: it loads by entry point and passes the shipped suite."""

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from tallyd.domain.model import TargetKind
from tallyd.drivers.registry import Registry, Stage
from tallyd.testing import conformance

GUIDE = Path(__file__).parents[2] / "docs" / "drivers.md"
DRIVER, SUITE = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def lamp_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the guide's driver as the module that its suite imports."""
    module = ModuleType("tallyd_lamp")
    exec(DRIVER, module.__dict__)  # noqa: S102 - the guide's own code
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
async def test_its_suite_passes(
    check: conformance.Check, lamp_module: ModuleType, tmp_path: Path
) -> None:
    """Whoever copies the guide has a driver, and tests that prove it."""
    suite = ModuleType("test_lamp")
    exec(SUITE, suite.__dict__)  # noqa: S102 - the guide's own code
    assert suite.Lamp is lamp_module.Lamp
    await suite.test_conformance(check, tmp_path)


@pytest.mark.usefixtures("lamp_module")
def test_it_loads_and_explains_its_options() -> None:
    """`tallyd drivers` can show it and `tallyd check` can check it."""
    entry = EntryPoint("lamp", "tallyd_lamp:Lamp", "tallyd.recorders")
    registry = Registry([(TargetKind.ROOM, entry)])
    (record,) = registry.load_all()
    assert (record.stage, record.error) == (Stage.LOADED, None)
    assert registry.validate(TargetKind.ROOM, "lamp", {"path": "/lamp"}) == ()
    (problem,) = registry.validate(TargetKind.ROOM, "lamp", {"pth": "/lamp", "path": "/lamp"})
    assert problem.fix == "is no option; did you mean path?"


def test_it_needs_no_more_than_the_guide_says() -> None:
    """A driver outside this package depends on its contract alone."""
    imported = set(re.findall(r"^from (tallyd[\w.]*)", DRIVER, re.MULTILINE))
    assert imported == {"tallyd.domain.model", "tallyd.ports.drivers"}
