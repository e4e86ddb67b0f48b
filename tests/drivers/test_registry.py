"""The registry: drivers are found, loaded and built in stages, and fail alone."""

import subprocess
import sys
import types
from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel, field_validator

from tallyd.clock import SystemClock
from tallyd.domain.model import Reason, TargetKind
from tallyd.drivers.recorders.simulated import SimulatedRecorder
from tallyd.drivers.registry import DriverRecord, Registry, Stage, load_drivers
from tallyd.ports.drivers import DriverContext, GiveUpError

ROOM, CHANNEL = TargetKind.ROOM, TargetKind.CHANNEL
CONTEXT = DriverContext("rooms.aula", 1, SystemClock(), lambda _task: None)


class Plain(BaseModel):
    """No options."""


class NoOptions:
    """A driver without a model."""


class WrongCall(SimulatedRecorder):
    """A driver that wants more than it is given."""

    def __init__(self, context, options, more):
        raise NotImplementedError


class NotAsync(SimulatedRecorder):
    """A driver that blocks."""

    def stop(self, token):
        """Stop, not awaited."""


class NoTraits:
    """A driver that does not say what it is."""

    Options = Plain

    def __init__(self, context, options):
        """Take what every driver takes."""


class Stillborn(SimulatedRecorder):
    """A driver that cannot be made."""

    def __init__(self, context, options):
        super().__init__(context, options)
        raise RuntimeError("no\nluck")


class Choosy(SimulatedRecorder):
    """A driver whose own validator is broken."""

    class Options(BaseModel):
        """One option."""

        name: str = "x"

        @field_validator("name")
        @classmethod
        def _check(cls, name: str) -> str:
            return {}[name]


NOT_A_CLASS = 42
BROKEN = {
    "raises": ("antigravity_:x", Stage.FOUND, "ModuleNotFoundError"),
    "exits": ("tests_exit_on_import:x", Stage.FOUND, "SystemExit: 3"),
    "no-class": (f"{__name__}:NOT_A_CLASS", Stage.FOUND, "names no class"),
    "no-attribute": (f"{__name__}:Missing", Stage.FOUND, "AttributeError"),
    "no-options": (f"{__name__}:NoOptions", Stage.FOUND, "no pydantic model `Options`"),
    "wrong-call": (f"{__name__}:WrongCall", Stage.FOUND, "(context, options)"),
    "not-async": (f"{__name__}:NotAsync", Stage.FOUND, "no `async def stop`"),
    "no-traits": (f"{__name__}:NoTraits", Stage.FOUND, "no `traits`"),
    "stillborn": (f"{__name__}:Stillborn", Stage.VALIDATED, "RuntimeError: no luck"),
    "choosy": (f"{__name__}:Choosy", Stage.LOADED, "cannot be checked: KeyError: 'x'"),
}


@pytest.fixture
def registry(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Ten broken drivers around a good one."""
    (tmp_path / "tests_exit_on_import.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this_module())
    entries = {name: value for name, (value, _, _) in BROKEN.items()}
    entries["good"] = "tallyd.drivers.recorders.simulated:SimulatedRecorder"
    return Registry((ROOM, EntryPoint(n, v, "tallyd.recorders")) for n, v in entries.items())


def _this_module():
    """Give this module, which the import mode of the tests may not have registered."""
    module = types.ModuleType(__name__)
    module.__dict__.update(globals())
    return module


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_driver_costs_itself_only(registry: Registry, name: str):
    """It cannot be built, its record says how far it came and why; the others are not touched."""
    _, stage, why = BROKEN[name]
    options = {"name": "x"} if name == "choosy" else {}
    with pytest.raises(GiveUpError) as caught:
        registry.build(ROOM, name, CONTEXT, options)
    assert why in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert caught.value.reason is Reason.DRIVER_UNAVAILABLE
    (record,) = [r for r in registry.records() if r.name == name]
    assert (record.stage, record.error) == (stage, caught.value.sentence)
    assert isinstance(registry.build(ROOM, "good", CONTEXT, {}), SimulatedRecorder)
    assert DriverRecord("good", ROOM, Stage.BUILT) in registry.records()


def test_all_can_be_loaded_at_once_for_a_list(registry: Registry):
    """The list of drivers has a row for each, broken ones with their cause."""
    errors = {record.name: record.error for record in registry.load_all()}
    assert set(errors) == {*BROKEN, "good"}
    assert [n for n, e in errors.items() if e is None] == ["choosy", "good", "stillborn"]


def test_the_drivers_that_come_along_are_found():
    """The installed package registers its own drivers, and each has options with descriptions."""
    registry = load_drivers()
    assert {"ffmpeg", "simulated"} <= set(registry.names(ROOM))
    assert "simulated" in registry.names(CHANNEL)
    assert all(r.stage is Stage.FOUND for r in registry.records())
    for kind, name in ((ROOM, "ffmpeg"), (ROOM, "simulated"), (CHANNEL, "simulated")):
        model = registry.options_model(kind, name)
        assert model.__doc__
        assert all(field.description for field in model.model_fields.values())
    assert all(record.error is None for record in registry.load_all())


def test_nothing_is_imported_before_it_is_used():
    """Finding the drivers imports none of them: boot pays for what the configuration uses."""
    code = (
        "import sys; from tallyd.drivers.registry import load_drivers; load_drivers();"
        "assert not [m for m in sys.modules if m.startswith('tallyd.drivers.recorders')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("ffmpg", {}, ("driver", "ffmpg", "there is no recorder 'ffmpg'; did you mean ffmpeg?")),
        ("zzz", {}, ("driver", "zzz", "there are: command, ffmpeg, simulated")),
        ("ffmpeg", {}, ("options", "...", "give either `source` or `inputs`")),
        ("ffmpeg", {"sorce": "rtsp://a:b@c"}, ("sorce", "sorce", "did you mean source?")),
        ("ffmpeg", {"source": "test", "rate": "x"}, ("rate", "x", "valid number")),
        ("ffmpeg", {"source": "test", "zzz": 1}, ("zzz", "zzz", "known: audio_bitrate_kbps, ")),
        ("ffmpeg", {"source": "ftp://bob:pw@host"}, ("source", "***", "is no source; give a URL")),
        ("ffmpeg", {"inputs": ["test", "x"]}, ("inputs.1", "x", "is no source")),
        ("simulated", {"start_ms": -1}, ("start_ms", "-1", "greater than or equal to 0")),
    ],
)
def test_wrong_options_are_named_with_a_cure(name: str, options: dict, expected: tuple):
    """Each problem has its path, its value unless that may be secret, and what to do."""
    problems = load_drivers().validate(ROOM, name, options)
    field, value, fix = expected
    assert any(p.field == field and p.value == value and fix in p.fix for p in problems), problems
    with pytest.raises(GiveUpError) as caught:
        load_drivers().build(ROOM, name, CONTEXT, options)
    assert "bob:pw" not in caught.value.sentence


def test_right_options_are_no_problem():
    """What a driver takes has no problems, and a missing field is called missing."""
    assert load_drivers().validate(ROOM, "ffmpeg", {"source": "test"}) == ()
    assert load_drivers().validate(CHANNEL, "simulated", {}) == ()
