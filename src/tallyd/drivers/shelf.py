"""The directory of all recordings, looked through in a thread of its own. Decides nothing."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from tallyd.drivers.files import PART, FileError, finish, reservation_of
from tallyd.drivers.marks import Mark, as_named_now, mark_of
from tallyd.ports.recordings import Label, Remnant, Search, ShelfError

_THREADS = 2
"""How many calls may hang before the next one waits for them."""


class DirectoryShelf:
    """Implements `ports.recordings.Shelf` for one directory and those below it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._limiter = anyio.CapacityLimiter(_THREADS)

    async def find(self, search: Search) -> tuple[Remnant, ...]:
        """Give what is there; a call that is cancelled leaves its thread behind.

        Raises:
            ShelfError: the directory cannot be read.
        """
        try:
            return await anyio.to_thread.run_sync(
                _find, self._root, search, abandon_on_cancel=True, limiter=self._limiter
            )
        except OSError as error:
            sentence = f"{self._root} cannot be looked through: {error.strerror}"
            raise ShelfError(sentence) from error

    async def finish(self, path: Path) -> Path:
        """Give an unfinished file its final name.

        Raises:
            ShelfError: the disk refuses.
        """
        try:
            final, _ = await anyio.to_thread.run_sync(
                finish, reservation_of(path), limiter=self._limiter
            )
        except FileError as error:
            raise ShelfError(str(error)) from error
        return final


def _find(root: Path, search: Search) -> tuple[Remnant, ...]:
    found = {each.path: each for each in _lying_about(root, search)}
    for sought, token in search.files.items():
        named = as_named_now(sought, token)
        if named is not None and _written_at(named) < search.before:
            found[named] = _remnant(named, sought)
    return tuple(found[path] for path in sorted(found))


def _lying_about(root: Path, search: Search) -> Iterator[Remnant]:
    for directory, _, names in os.walk(root, onerror=_complain):
        for name in names:
            if not name.startswith(".") and (name.endswith(PART) or search.since is not None):
                try:
                    remnant = _if_wanted(Path(directory, name), search)
                except FileNotFoundError:
                    continue
                if remnant is not None:
                    yield remnant


def _if_wanted(path: Path, search: Search) -> Remnant | None:
    if not path.is_file() or path.is_symlink():
        return None  # to open a pipe would wait for whoever is at its other end
    written_at = _written_at(path)
    if written_at >= search.before:
        return None  # somebody is writing it, or it was made since
    if path.name.endswith(PART):
        return _remnant(path, None)
    if search.since is None or written_at < search.since:
        return None
    remnant = _remnant(path, None)
    return remnant if remnant.label is not None else None


def _complain(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _remnant(path: Path, sought: Path | None) -> Remnant:
    return Remnant(
        path=path,
        bytes=path.stat().st_size,
        written_at=_written_at(path),
        unfinished=path.name.endswith(PART),
        label=_label(mark_of(path)),
        sought=sought,
    )


def _label(mark: Mark | None) -> Label | None:
    return None if mark is None else Label(mark.target, mark.input, mark.token, mark.begun_at)


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
