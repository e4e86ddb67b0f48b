"""Where a demo happens: a directory of its own with a configuration to read. Overwrites nothing."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tallyd.demo.errors import DemoError
from tallyd.demo.scenario import AULA, LAB, MIN_PIECE

DEFAULT = Path("tallyd-demo")

# A configuration that others can write to is refused, and some umasks would make it one.
_DIRECTORY_MODE = 0o755
_FILE_MODE = 0o644

CONFIGURATION = f"""\
# The configuration of the demo: two rooms, each with a test picture for a camera.
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

[rooms.{AULA}]
name = "Main lecture hall"
driver = "ffmpeg"

# A test picture with a tone. A camera would be: source = "rtsp://192.0.2.10/stream1"
[rooms.{AULA}.options]
source = "test"
size = "320x180"

[rooms.{LAB}]
name = "Laboratory"
driver = "ffmpeg"

[rooms.{LAB}.options]
source = "test"
size = "320x180"
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


def make_place(wanted: Path | None) -> Place:
    """Make the directory `wanted`, or the next free default one, with its configuration.

    Raises:
        DemoError: it cannot be made, or there is something in it.
    """
    try:
        place = Place(_make_free(DEFAULT) if wanted is None else _make(wanted))
        place.config.touch(_FILE_MODE, exist_ok=False)
        place.config.write_text(CONFIGURATION, encoding="utf-8")
    except OSError as error:
        raise DemoError(f"cannot make a place for the demo: {error}") from error
    return place


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
