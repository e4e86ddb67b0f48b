"""What channels had on air, from the logs that their playouts keep. Nothing is written."""

from datetime import datetime
from pathlib import Path

from tallyd.config import Settings
from tallyd.domain.window import Window
from tallyd.drivers.playout.asrun import Aired, aired
from tallyd.drivers.playout.wire import AS_RUN

TARGETS = "targets"
"""Where below the state directory each target's driver keeps what must last."""


def directory_of(state_dir: Path, target: str) -> Path:
    """Give the directory that is a target's own."""
    return state_dir / TARGETS / target


def on_air(settings: Settings, target: str, window: Window, now: datetime) -> tuple[Aired, ...]:
    """Give what a channel had on air in a window, in order. Blocks on the disk.

    Raises:
        OSError: the disk refuses.
    """
    own = directory_of(settings.appliance.state_dir, target)
    return aired(own / AS_RUN, window, now)
