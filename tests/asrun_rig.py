"""As-run logs of channels, as a playout would have written them."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.app.as_run import directory_of
from tallyd.drivers.playout.asrun import AsRunLog, Change
from tallyd.drivers.playout.wire import AS_RUN

_KEEP = timedelta(days=400)


def log_of(state_dir: Path, target: str, changes: Iterable[Change], seen: datetime) -> Path:
    """Write a channel's log, of a playout that was last seen at an instant; give its directory."""
    directory = directory_of(state_dir, target) / AS_RUN
    log = AsRunLog(directory, _KEEP)
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    for change in changes:
        log.write(change)
    newest = max(directory.iterdir())
    os.utime(newest, (seen.timestamp(), seen.timestamp()))
    return directory
