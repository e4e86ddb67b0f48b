"""The port of the disk that recordings go to: its room, and what is removed there. No code here."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tallyd.domain.health import Room
from tallyd.domain.model import Reason


class DiskError(Exception):
    """The disk does not do as told: a sentence for the operator; `reason` is the ledger's word."""

    def __init__(self, sentence: str, reason: Reason = Reason.DISK) -> None:
        super().__init__(sentence)
        self.reason = reason


class NotRecordedError(DiskError):
    """What lies there is not the file that was recorded: it was left alone."""


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """A file as it was left: when that was, and its size where that is known."""

    path: Path
    finished_at: datetime
    bytes: int | None = None


class Disk(Protocol):
    """One disk. It may hang: whoever asks sets a deadline and cancels the call."""

    async def room(self) -> Room:
        """Give how much room there is, for what this process may write.

        Raises:
            DiskError: the system does not say, or another disk is in its place.
        """
        ...

    async def remove(self, file: RecordedFile) -> int | None:
        """Remove a recorded file, and the directories that it leaves empty; gives its bytes.

        None: it is not there.

        Raises:
            NotRecordedError: it is no plain file below the directory of the recordings, or was
                changed since.
            DiskError: the disk refuses, or is not there.
        """
        ...
