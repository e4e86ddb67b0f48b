"""The library of an installation, opened for whoever keeps it; files are looked at by ffprobe."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import to_thread

from tallyd.app.installation import open_with_store
from tallyd.config import Settings
from tallyd.drivers.ffmpeg.probing import probe
from tallyd.library import Library, Probed


@asynccontextmanager
async def open_library(settings: Settings) -> AsyncGenerator[Library]:
    """Open the library of an installation; a new one gets its database.

    Raises:
        StateDirError, StoreError: as for `open_for_changes`.
    """
    async with open_with_store(settings) as (appliance, store):
        yield Library(store, appliance.clock, appliance.nudge)


async def probed(file: Path) -> Probed:
    """Look what is in a file.

    Raises:
        InvalidBooking: it cannot be played.
    """
    duration, streams = await to_thread.run_sync(probe, file)
    path = await to_thread.run_sync(Path.resolve, file)
    return Probed(str(path), duration, streams)
