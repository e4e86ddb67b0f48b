"""`tallyd targets`, `drivers` and `check`, without a daemon."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from tallyd.cli.drivers import option_shapes, type_text

Call = Callable[..., Any]


def test_targets_have_the_ids_of_every_client(book: Call, tallyd: Call) -> None:
    """Configured ids are kept, the others are given once and stay."""
    book("A", "2030-12-01T09:00", "1h")
    rows = tallyd("targets", "--json").json
    assert [row["target"] for row in rows] == ["channels.one", "rooms.aula", "rooms.lab"]
    aula, lab = rows[1], rows[2]
    assert aula == {
        "target": "rooms.aula",
        "name": "aula",
        "valt_id": 7,
        "ibm_id": 7,
        "uplynk_id": aula["uplynk_id"],
        "driver": "simulated",
        "timezone": "Europe/Rome",
        "capacity": 1,
        "min_piece_ms": 60_000,
        "known": True,
        "locked_since": None,
        "status": None,
        "problem": None,
    }
    assert len(aula["uplynk_id"]) == 32
    assert lab["name"] == "The Lab"
    assert len({row["valt_id"] for row in rows}) == 3
    assert tallyd("targets", "--json").json == rows
    assert "The Lab" in tallyd("targets").out


def test_a_target_that_is_gone_keeps_its_row_and_is_warned_of(
    book: Call, tallyd: Call, config: Path
) -> None:
    """Its schedules are named by `check`, which is fine with the rest."""
    book("A", "2030-12-01T09:00", "1h")
    config.write_text(config.read_text().replace("rooms.aula", "rooms.hall"), encoding="utf-8")
    rows = {row["target"]: row for row in tallyd("targets", "--json").json}
    assert (rows["rooms.aula"]["known"], rows["rooms.aula"]["driver"]) == (False, None)
    checked = tallyd("check")
    assert (checked.code, checked.out) == (0, "configuration is fine: 2 rooms, 1 channel\n")
    assert "warning: target: 'rooms.aula': not in the configuration" in checked.err
    assert "schedules 1" in checked.err
    assert tallyd("check", "--json").json["warnings"][0]["value"] == "rooms.aula"


def test_a_sound_configuration_is_fine(tallyd: Call, config: Path, tmp_path: Path) -> None:
    """Said in words, or in JSON; nothing is created by looking."""
    result = tallyd("check")
    assert (result.code, result.out) == (0, "configuration is fine: 2 rooms, 1 channel\n")
    assert tallyd("check", "--json").json == {"ok": True, "problems": [], "warnings": []}
    config.write_text('[rooms.aula]\ndriver = "simulated"\n[appliance]\nstate_dir = "state"\n')
    assert tallyd("check").out == "configuration is fine: 1 room, 0 channels\n"
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ('[retention]\nkeep = "60d"\n', ["retention.keep, 60d"]),
        ('[retention]\nkeep = "30d"\n', ["retention.keep, 30d"]),
        ('[retention]\nkeep = "29d23h"\n', []),
        ('[rooms.x]\ndriver = "simulated"\nkeep = "31d12h"\n', ["rooms.x.keep, 31d12h"]),
        (
            '[rooms.x]\ndriver = "simulated"\nkeep = "90d"\n[retention]\nkeep = "40d"\n',
            ["retention.keep, 40d", "rooms.x.keep, 90d"],
        ),
        ('[retention]\nmin_free = "1GB"\n', []),
    ],
)
def test_a_ledger_that_forgets_before_recordings_may_go_is_warned_of(
    tallyd: Call, config: Path, lines: str, fields: list[str]
) -> None:
    """What the ledger has forgotten is never removed: field, value and cure are named."""
    config.write_text(
        '[appliance]\nstate_dir = "state"\nledger_keep = "30d"\n' + lines, encoding="utf-8"
    )
    checked = tallyd("check")
    assert checked.code == 0
    said = [line for line in checked.err.splitlines() if "ledger_keep" in line]
    assert len(said) == len(fields)
    for line, field in zip(said, fields, strict=True):
        assert line.startswith("warning: appliance.ledger_keep: '30d': make it longer than ")
        assert f" {field}:" in line
    assert len(tallyd("check", "--json").json["warnings"]) == len(fields)


def test_mistakes_in_drivers_options_are_found(tallyd: Call, config: Path) -> None:
    """All of them, exit 78, in JSON too."""
    config.write_text(
        config.read_text()
        + '[rooms.aula.options]\nstart_ms = "soon"\nstop_sm = 5\n[rooms.x]\ndriver = "simulatd"\n',
        encoding="utf-8",
    )
    result = tallyd("check")
    assert (result.code, result.out) == (78, "")
    fields = ("rooms.aula.options.start_ms", "rooms.aula.options.stop_sm", "rooms.x.driver")
    assert all(field in result.err for field in fields)
    assert "did you mean simulated?" in result.err
    shape = tallyd("check", "--json")
    assert (shape.code, shape.json["ok"], len(shape.json["problems"])) == (78, False, 3)
    assert set(shape.json["problems"][0]) == {"field", "value", "fix", "line"}


def test_drivers_show_their_options(tallyd: Call) -> None:
    """From each driver's own model: name, type, default, description."""
    drivers = {(row["kind"], row["name"]): row for row in tallyd("drivers", "--json").json}
    assert {("recorder", "ffmpeg"), ("recorder", "simulated"), ("feed", "simulated")} <= set(
        drivers
    )
    ffmpeg = drivers["recorder", "ffmpeg"]
    assert list(ffmpeg) == ["name", "kind", "usable", "error", "description", "options"]
    assert (ffmpeg["usable"], ffmpeg["error"]) == (True, None)
    options = {option["name"]: option for option in ffmpeg["options"]}
    assert options["container"]["type"] == '"matroska" or "mpegts" or "mp4"'
    assert options["container"]["default"] == "matroska"
    assert all(option["description"] for option in options.values())
    text = tallyd("drivers").out
    assert "whole number" in text
    assert "touches nothing" in text


@pytest.fixture
def broken_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a recorder that raises when it is imported."""
    about = tmp_path / "site" / "broken-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[tallyd.recorders]\nbroken = broken_rec:Driver\n")
    (about.parent / "broken_rec.py").write_text("raise RuntimeError('no such library')\n")
    monkeypatch.syspath_prepend(about.parent)
    yield
    sys.modules.pop("broken_rec", None)


@pytest.mark.usefixtures("broken_driver")
def test_a_driver_that_raises_while_loading_costs_itself_only(
    tallyd: Call, config: Path, book: Call
) -> None:
    """It is listed with its error; the others, and bookings, go on."""
    rows = {row["name"]: row for row in tallyd("drivers", "--json").json}
    assert (rows["broken"]["usable"], rows["broken"]["options"]) == (False, [])
    assert "no such library" in rows["broken"]["error"]
    assert rows["ffmpeg"]["usable"]
    assert "no such library" in tallyd("drivers").out
    assert tallyd("check").code == 0
    config.write_text(config.read_text() + '[rooms.x]\ndriver = "broken"\n', encoding="utf-8")
    result = tallyd("check")
    assert result.code == 78
    assert "rooms.x.driver: 'broken'" in result.err
    assert "Traceback" not in result.err
    assert book("A", "2030-12-01T09:00", "1h")["verdict"] == "clear"


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "whole number"),
        (bool, "true or false"),
        (str | None, "text or none"),
        (Literal["a", 5], '"a" or 5'),
        (list[int], "list of whole number"),
        (tuple[str, ...], "list of text"),
        (dict[str, int], "table of text, whole number"),
        (Annotated[int, Field(ge=1)], "whole number"),
        (tuple[Annotated[str, Field()], ...] | None, "list of text or none"),
        (Path, "Path"),
        ("Later", "Later"),
    ],
)
def test_types_are_written_for_operators(annotation: object, text: str) -> None:
    """No brackets, no module names."""
    assert type_text(annotation) == text


def test_options_of_any_model_are_shown() -> None:
    """Aliases, factories, secrets and defaults that JSON does not know included."""

    class Options(BaseModel):
        url: str = Field(alias="address", description="Where it is.")
        password: SecretStr = SecretStr("hunter2")
        path: Path = Path("/x")
        names: list[str] = Field(default_factory=list)

    url, password, path, names = option_shapes(Options)
    assert url == {
        "name": "address",
        "type": "text",
        "required": True,
        "default": None,
        "description": "Where it is.",
    }
    assert "hunter2" not in str(password)
    assert (path["default"], names["default"], names["required"]) == ("/x", None, False)


def test_all_mistakes_of_a_configuration_are_named_at_once(tallyd: Call, config: Path) -> None:
    """What the drivers find wrong comes with what the file's own shape has wrong, by line."""
    config.write_text(
        '[appliance]\ntimezone = "Europe/Berln"\nstat_dir = "x"\n'
        '[rooms.aula]\ndriver = "simulatd"\ncapacity = "two"\n'
        '[rooms.lab]\ndriver = "simulated"\n[rooms.lab.options]\nstart_sm = 1\n',
        encoding="utf-8",
    )
    for command in ("check", "plan", "run"):
        result = tallyd(command)
        assert (result.code, result.out) == (78, "")
        rows = [line.strip().partition(": ")[0] for line in result.err.splitlines()[1:]]
        assert rows == ["line 2", "line 3", "line 5", "line 6", "line 10"]


def test_a_room_is_locked_and_unlocked(tallyd: Call) -> None:
    """While it is locked, what is booked there is blocked, and the plan says why."""
    tallyd("schedule", "add", "--target", "rooms.aula", "--name", "N", "--start", "now",
           "--duration", "1h")  # fmt: skip
    locked = tallyd("targets", "lock", "rooms.aula", "--json")
    assert (locked.code, locked.json["target"]) == (0, "rooms.aula")
    (row,) = tallyd("plan", "--json").json
    assert (row["verdict"], row["reason"]) == ("blocked", "locked")
    assert tallyd("targets", "unlock", "rooms.aula").code == 0
    (row,) = tallyd("plan", "--json").json
    assert (row["verdict"], row["reason"]) == ("clear", None)
    assert tallyd("targets", "lock", "rooms.nowhere").code == 3


def test_a_run_that_is_not_there_cannot_be_paused(tallyd: Call) -> None:
    """Pause and resume name what they did not find."""
    for word in ("pause", "resume"):
        result = tallyd("runs", word, "7")
        assert (result.code, result.err) == (3, "tallyd: there is no run 7\n")
