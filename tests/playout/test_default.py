"""What a channel plays between entries follows from what it has."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tallyd.drivers.playout.material import Material
from tallyd.drivers.playout.options import PlayoutOptions
from tallyd.drivers.playout.rundown import FileTake, LiveTake, SlateTake
from tallyd.drivers.playout.wire import Brief

if TYPE_CHECKING:
    from tallyd.drivers.playout.sources import Around


@pytest.mark.parametrize(
    ("chosen", "live", "take"),
    [
        (None, None, SlateTake),
        (None, "test", LiveTake),
        ("slate", "test", SlateTake),
        ("/srv/loop.mp4", "test", FileTake),
    ],
)
def test_between_entries(tmp_path: Path, chosen: str | None, live: str | None, take: type) -> None:
    """A channel falls back to its live input, to the slate without one, or to what was chosen."""
    options = PlayoutOptions(outputs=("udp://127.0.0.1:9000",), default=chosen)
    brief = Brief(target="channels.one", directory=str(tmp_path), options=options, live=live)
    material = Material("ffmpeg", brief, cast("Around", None))
    assert isinstance(material.default.take, take)
