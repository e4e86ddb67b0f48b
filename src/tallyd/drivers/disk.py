"""The disk that recordings go to, asked in threads of its own: it may hang. Decides nothing."""

from functools import partial

from tallyd.domain.health import Room
from tallyd.drivers.recordings import Recordings
from tallyd.drivers.removal import remove
from tallyd.drivers.threads import Spawn, Threads
from tallyd.ports.disk import RecordedFile

_LOOKS = 2
"""How many looks may hang before the next one waits for them."""


class DirectoryDisk:
    """Implements `ports.disk.Disk` for the directory of the recordings."""

    def __init__(self, recordings: Recordings, spawn: Spawn) -> None:
        self._recordings = recordings
        self._looking = Threads(_LOOKS, spawn)
        self._removing = Threads(1, spawn)

    async def room(self) -> Room:
        """Give how much room there is; a call that is cancelled leaves its thread behind.

        Raises:
            DiskError: the directory cannot be written, or its disk is not there.
        """
        return await self._looking.run(self._recordings.try_out)

    async def remove(self, file: RecordedFile) -> int | None:
        """Remove a recorded file where the disk is that it was recorded on; gives its bytes.

        Raises:
            NotRecordedError: it is something else, and still there.
            DiskError: the disk refuses, or is not there.
        """
        return await self._removing.run(partial(self._remove, file))

    def _remove(self, file: RecordedFile) -> int | None:
        self._recordings.look()
        return remove(self._recordings.directory, file)
