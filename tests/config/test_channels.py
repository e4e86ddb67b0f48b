"""What the configuration says of channels and their live inputs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tallyd.config import ConfigError, load

Write = Callable[[str], Path]

GOOD = """\
[channels.one]
driver = "simulated"
owner = "anna"
live = "Studio_1"
ad_slate = "slates/ads.mp4"
scheduling = false
[slicers.Studio_1]
source = "rtsp://camera:secret@192.0.2.1/a"
name = "Studio A"
"""


def test_a_channel_with_everything(write: Write) -> None:
    """Whose it is, what it shows, what fills its ad breaks: from this file's directory."""
    path = write(GOOD)
    settings = load(path)
    channel = settings.channels["one"]
    assert (channel.owner, channel.live, channel.scheduling) == ("anna", "Studio_1", False)
    assert channel.ad_slate == path.parent / "slates" / "ads.mp4"
    assert settings.slicers["Studio_1"].name == "Studio A"


def test_a_live_input_keeps_its_secrets(write: Write) -> None:
    """Where it comes from stands in no representation of the settings."""
    assert "secret" not in repr(load(write(GOOD)))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[slicers.Studio_1]",
            "[slicers.Studio_2]",
            "there is no [slicers.Studio_1]; did you mean Studio_2?",
        ),
        ('source = "rtsp://camera:secret@192.0.2.1/a"', "", "this key is needed"),
        ("[slicers.Studio_1]", '[slicers."a b"]', "a b"),
        ('owner = "anna"', 'owner = ""', "owner"),
        ("scheduling = false", "scheduling = 1", "scheduling"),
    ],
)
def test_mistakes(write: Write, old: str, new: str, line: str) -> None:
    """Each is found before anything starts."""
    with pytest.raises(ConfigError) as refused:
        load(write(GOOD.replace(old, new)))
    assert any(line in str(problem) for problem in refused.value.problems)
