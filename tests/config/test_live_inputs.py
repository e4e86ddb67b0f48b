"""Live inputs: where they come from, with their credentials, and what is wrong with that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tallyd.app.inputs import inputs_of, slicer_problems
from tallyd.config import ConfigError, load

Write = Callable[[str], Path]

GOOD = """\
[channels.one]
driver = "simulated"
live = "studio"
[channels.two]
driver = "simulated"
live = "roof"
[slicers.studio]
source = "credential:studio"
[slicers.roof]
source = "test"
"""
ADDRESS = "srt://192.0.2.1:7000?passphrase=CANARYCANARY"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the credentials of the service."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "studio").write_text(f"{ADDRESS}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(directory))
    return directory


@pytest.mark.usefixtures("credentials")
def test_a_source_may_be_a_credential(write: Write) -> None:
    """It is filled in for whoever plays it, and shown nowhere."""
    settings = load(write(GOOD), check_slicer=slicer_problems)
    inputs, problems = inputs_of(settings)
    assert problems == {}
    assert inputs.slicers == {"studio": ADDRESS, "roof": "test"}
    assert inputs.live == {"channels.one": ADDRESS, "channels.two": "test"}
    assert "CANARY" not in f"{settings!r} {inputs!r}"


def test_a_credential_that_is_gone_costs_its_input_only(write: Write) -> None:
    """The others are there, and what is missing is named."""
    inputs, problems = inputs_of(load(write(GOOD)))
    assert (inputs.slicers, inputs.live) == ({"roof": "test"}, {"channels.two": "test"})
    assert problems["studio"].field == "slicers.studio.source"
    assert "CREDENTIALS_DIRECTORY" in problems["studio"].fix


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("credential:gone", "gone"),
        ("ftp://192.0.2.1/CANARY", "is no source"),
        ("v4l2:/dev/video0", "is a device"),
        ("https://user:CANARY@/x", "no host"),
    ],
)
def test_what_cannot_be_shown_is_found_before(write: Write, source: str, words: str) -> None:
    """A checked configuration has no input that no channel could show; no secret is repeated."""
    path = write(GOOD.replace('"test"', f'"{source}"'))
    with pytest.raises(ConfigError) as refused:
        load(path, check_slicer=slicer_problems)
    (problem,) = refused.value.problems
    assert (problem.field, problem.line) == ("slicers.roof.source", 10)
    assert words in f"{problem.value} {problem.fix}"
    assert "CANARY" not in str(refused.value)


def test_channels_differ_by_their_own_input_alone(write: Write) -> None:
    """A driver is built anew where what its channel shows by itself comes from elsewhere."""
    text = GOOD.replace("credential:studio", "srt://192.0.2.1:1")
    before, _ = inputs_of(load(write(text)))
    after, _ = inputs_of(load(write(text.replace("192.0.2.1:1", "192.0.2.1:2"))))
    assert before.differ(after, "channels.one")
    assert not before.differ(after, "channels.two")
