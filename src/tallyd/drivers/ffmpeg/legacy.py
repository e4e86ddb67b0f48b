"""What an earlier process left: ffmpegs that still record, and files that none records any more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from tallyd.drivers.ffmpeg.command import MARKED
from tallyd.drivers.ffmpeg.repair import Mender, NotMendedError, lacks_its_end
from tallyd.drivers.files import PART, Reservation, finish_if_any, reservation_of
from tallyd.drivers.marks import Mark, prefix
from tallyd.drivers.outliving import Outliver, adopt, find, holds_one_of
from tallyd.drivers.places import held
from tallyd.ports.drivers import Salvaged


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """An ffmpeg that still records: which part, into which file."""

    mark: Mark
    file: Reservation
    process: Outliver


def left_running(
    locks: Path | None, target: str, is_known: Callable[[str], bool]
) -> tuple[LeftRunning, ...]:
    """Take over every ffmpeg of a target of this installation whose token is not known yet.

    It is ours only if it holds one of our locks: others may record a room of the same name. Where
    no lock is held there is none, and nobody looks for any. Blocks on the disk of the locks.

    Raises:
        OSError: the locks cannot be read.
    """
    locked = held(locks)
    if not locked:
        return ()
    found: list[LeftRunning] = []
    for identity, words in find(f"{MARKED}{prefix(target)}"):
        mark = Mark.parse(identity.mark.removeprefix(MARKED))
        if mark is None or is_known(mark.token) or not holds_one_of(identity.pid, locked):
            continue
        process = adopt(identity)
        if process is not None:
            found.append(LeftRunning(mark, _output_of(words), process))
    return tuple(found)


def _output_of(words: Sequence[str]) -> Reservation:
    """Give the file that an ffmpeg writes: its last argument, behind which the list ends empty."""
    return reservation_of(Path(words[-2].removeprefix("file:")))


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of one file; `size` is None where nothing of it is left."""

    path: Path
    size: int | None
    mended: bool = False
    detail: str | None = None


async def salvaged(files: Sequence[Path], mender: Mender) -> Salvaged:
    """Finish files that were cut off, and mend those that lack their end.

    What cannot be mended gets its final name as it is: it plays as far as it goes.

    Raises:
        FileError: the disk does not do as told.
    """
    done = [await _salvage(path, mender) for path in files]
    there = [each for each in done if each.size is not None]
    return Salvaged(
        files=tuple(each.path for each in there),
        bytes=sum(each.size or 0 for each in there),
        mended=tuple(each.path for each in there if each.mended),
        detail="; ".join(each.detail for each in there if each.detail) or None,
    )


async def _salvage(path: Path, mender: Mender) -> _Done:
    limiter = mender.around.limiter
    size = await anyio.to_thread.run_sync(_size, path, limiter=limiter)
    if size is None or not path.name.endswith(PART):
        return _Done(path, size)
    file, detail = reservation_of(path), None
    try:
        if size and await anyio.to_thread.run_sync(
            lacks_its_end, path, file.ending, limiter=limiter
        ):
            final, size = await mender.mend(file)
            return _Done(final, size, mended=True)
    except NotMendedError as error:
        detail = str(error)
    except OSError as error:
        detail = error.strerror or str(error)
    named = await anyio.to_thread.run_sync(finish_if_any, file, limiter=limiter)
    final, size = named or (path, None)
    return _Done(final, size, detail=detail)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
