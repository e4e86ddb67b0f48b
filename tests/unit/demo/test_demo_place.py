"""Where a demo happens: always a new directory, with a configuration that loads."""

from datetime import timedelta
from pathlib import Path

import pytest

from tallyd.config import load
from tallyd.demo.errors import DemoError
from tallyd.demo.place import make_place
from tallyd.demo.scenario import ACTS, AULA, CAMPUS, LAB, MIN_PIECE
from tallyd.drivers.playout.options import PlayoutOptions


def test_each_demo_gets_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The second demo leaves what the first one recorded alone."""
    monkeypatch.chdir(tmp_path)
    made = [str(make_place(None).root) for _ in range(3)]
    assert made == ["tallyd-demo", "tallyd-demo-2", "tallyd-demo-3"]


def test_a_directory_that_was_named_is_made_with_those_above(tmp_path: Path):
    """`--dir a/b` works where there is no a; so does a directory that is there and empty."""
    place = make_place(tmp_path / "a/b")
    assert place.config.is_file()
    (tmp_path / "empty").mkdir()
    assert make_place(tmp_path / "empty").config.is_file()


def test_what_stands_in_the_way_is_said(tmp_path: Path):
    """A file in place of the directory is an error with its path, no traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match=str(tmp_path / "file")):
        make_place(tmp_path / "file")


@pytest.mark.parametrize("name", ['a "b" c', "b\\c", "größe", "[x]"])
def test_no_name_of_a_directory_spoils_the_configuration(tmp_path: Path, name: str):
    """Quotes and backslashes in a path do not end the text that it stands in."""
    place = make_place(tmp_path / name)
    options = next(each.options for each in load(place.config).targets() if each.key == CAMPUS)
    assert options["outputs"] == [f"hls:{place.published}"]


def test_where_no_channel_can_be_published_is_said_at_once(tmp_path: Path):
    """What ffmpeg would take for a pattern in a path is refused before anything is recorded."""
    with pytest.raises(DemoError, match="cannot be published"):
        make_place(tmp_path / "100%")


def test_the_configuration_has_the_rooms_of_the_scenario(tmp_path: Path):
    """The file that people read and change is right, and keeps all inside its directory."""
    place = make_place(tmp_path / "demo")
    settings = load(place.config)
    targets = {target.key: target for target in settings.targets()}
    assert targets.keys() == {act.target for act in ACTS}
    assert {targets[room].min_piece for room in (AULA, LAB)} == {MIN_PIECE}
    assert targets[CAMPUS].ad_slate == place.ad_slate
    (output,) = PlayoutOptions.model_validate(targets[CAMPUS].options).publications
    assert output.address == str(place.published)
    assert timedelta(0) < MIN_PIECE
    appliance = settings.appliance
    for directory in (appliance.state_dir, appliance.recordings_dir, appliance.run_dir):
        assert directory.is_relative_to(tmp_path / "demo")
