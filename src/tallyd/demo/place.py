"""Where a demo happens: a directory of its own with a configuration to read. Overwrites nothing."""

import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tallyd.demo.errors import DemoError
from tallyd.demo.scenario import AULA, CAMPUS, LAB, MIN_PIECE, RATE
from tallyd.drivers.playout.options import parse_output

DEFAULT = Path("tallyd-demo")

# A configuration that others can write to is refused, and some umasks would make it one.
_DIRECTORY_MODE = 0o755
_FILE_MODE = 0o644

_FILM, _ADVERT, _AD_SLATE = "film.mkv", "advert.mkv", "ad-slate.png"
_PLAYLIST = "campus.m3u8"

_CONFIGURATION = f"""\
# The configuration of the demo: two rooms and a channel, with test pictures for cameras.
# config.example.toml explains every key, and `tallyd drivers` the options of each driver.

[appliance]
name = "demo"

# When the demo ends, so does what it records.
on_stop = "finish"

# The zone in which times are meant that are written without one. Set it to where your rooms are.
timezone = "UTC"

# The database and the recordings; relative paths start from this file's directory.
state_dir = "state"
recordings_dir = "recordings"

# How recordings are named, without the ending; nothing is ever overwritten.
file_name = "{{room}}/{{schedule}}"

# The bookings of the demo last seconds, so that pieces of seconds are worth recording.
min_piece = "{MIN_PIECE.seconds}s"

[{AULA}]
name = "Main lecture hall"
driver = "ffmpeg"

# A test picture with a tone. A camera would be: source = "rtsp://192.0.2.10/stream1"
[{AULA}.options]
source = "test"
size = "320x180"

[{LAB}]
name = "Laboratory"
driver = "ffmpeg"

[{LAB}.options]
source = "test"
size = "320x180"

[{CAMPUS}]
name = "Campus channel"
driver = "ffmpeg"
live = "studio"
ad_slate = "assets/{_AD_SLATE}"

# Published as HLS into a directory, which a web server would serve; an absolute path.
# A server would be: outputs = ["rtmp://192.0.2.10/live/campus"]
[{CAMPUS}.options]
outputs = [PUBLICATION]
size = "320x180"
rate = {RATE}

# What it shows between entries; by itself a channel would show its live input.
default = "slate"

# So many seconds it stays on air if its daemon is killed, and no other comes.
alone_max_s = 60

# What the channel shows live.
[slicers.studio]
source = "test"
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one demo."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / "tallyd.toml"

    @property
    def daemon_log(self) -> Path:
        """What the daemon says."""
        return self.root / "daemon.log"

    @property
    def film(self) -> Path:
        """What the channel plays."""
        return self.root / "assets" / _FILM

    @property
    def advert(self) -> Path:
        """What fills ad breaks."""
        return self.root / "assets" / _ADVERT

    @property
    def ad_slate(self) -> Path:
        """The picture for what advertisements leave of ad breaks."""
        return self.root / "assets" / _AD_SLATE

    @property
    def published(self) -> Path:
        """The playlist of the channel, as it is published: it forgets what is old."""
        return self.root / "hls" / _PLAYLIST

    @property
    def viewed(self) -> Path:
        """The playlist of all that was published, as a viewer kept it."""
        return self.root / "viewed" / _PLAYLIST


def make_place(wanted: Path | None) -> Place:
    """Make the directory `wanted`, or the next free default one, with its configuration.

    Raises:
        DemoError: it cannot be made, or there is something in it.
    """
    try:
        place = Place(_make_free(DEFAULT) if wanted is None else _make(wanted))
        for file in (place.film, place.published, place.viewed):
            file.parent.mkdir(_DIRECTORY_MODE)
        place.config.touch(_FILE_MODE, exist_ok=False)
        place.config.write_text(_configuration(place), encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot make a place for the demo: {error}") from error
    return place


def _configuration(place: Place) -> str:
    publication = f"hls:{place.published.absolute()}"
    try:
        parse_output(publication)
    except ValueError:
        raise DemoError(f"a channel cannot be published in {place.root}: name another") from None
    # What JSON makes of a text, TOML reads as the same text.
    return _CONFIGURATION.replace("PUBLICATION", json.dumps(publication, ensure_ascii=False))


def _make(wanted: Path) -> Path:
    wanted.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise DemoError(f"{wanted} is not empty: name a directory that is new")
    return wanted


def _make_free(default: Path) -> Path:
    for number in count(1):
        path = default if number == 1 else default.with_name(f"{default.name}-{number}")
        try:
            path.mkdir(_DIRECTORY_MODE)
        except FileExistsError:
            continue
        return path
    raise AssertionError  # count() does not end
