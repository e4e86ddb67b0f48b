"""A replay begins with the picture that was on air then, and with none before it."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from tests import marks_rig
from tests.marks_rig import FFMPEG, RATE

from tallyd.drivers.playout.archive import sound_before
from tallyd.drivers.playout.encoding import play_kept
from tallyd.drivers.playout.options import PlayoutOptions

SLOT_MS = 1_000 // RATE
OPTIONS = PlayoutOptions(outputs=("udp://127.0.0.1:9000",), size="320x180")


@pytest.fixture(scope="module", params=[0, 21, 35, 330], ids=lambda ms: f"sound {ms} ms ahead")
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of an archive, whose sound begins so much before its picture."""
    directory = tmp_path_factory.mktemp("kept")
    film = marks_rig.film(directory / "film.mp4", 1, 3)
    made = directory / "0.ts"
    late = ("-itsoffset", f"{request.param / 1_000}")
    command = [FFMPEG, "-v", "error", *late, "-i", film, "-i", film, "-map", "0:v", "-map", "1:a"]
    subprocess.run([*command, "-c", "copy", "-muxdelay", "0", made], check=True, timeout=60)
    return made


@pytest.mark.parametrize("into_picture_ms", [0, 0.9, 2, 13, 27, 39])
def test_it_begins_with_the_first_picture_of_its_window(
    kept: Path, tmp_path: Path, into_picture_ms: float
) -> None:
    """Wherever between two pictures a window begins, its first one is the next that comes."""
    number = 30
    skipped = timedelta(milliseconds=number * SLOT_MS + into_picture_ms)
    command = play_kept(FFMPEG, OPTIONS, iter(()), skipped=skipped, sound=sound_before(kept))
    shown = tmp_path / "shown.ts"
    with kept.open("rb") as given, shown.open("wb") as taken:
        subprocess.run(command.argv, stdin=given, stdout=taken, check=True, timeout=60)
    marks = [mark.number for mark in marks_rig.marks_of(shown)]
    # A file is named by the millisecond in which its first picture came.
    first = number if into_picture_ms < 1 else number + 1
    assert marks == list(range(first, 3 * RATE))
