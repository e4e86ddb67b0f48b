"""The as-run log: what was on air from when on. One line of JSON for each change, one file a day.

Its last change lasts until the next one, or until the file was touched last.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.domain.window import Window, from_ms, to_ms

_PATTERN = "????-??-??.jsonl"


@dataclass(frozen=True, slots=True)
class Aired:
    """Something that was on air. `detail` says why the slate stood in for something else."""

    kind: str
    window: Window
    token: str | None = None
    name: str = ""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What is on air from an instant on; nothing at all where `kind` is None."""

    at_ms: int
    kind: str | None
    token: str | None = None
    name: str = ""
    detail: str | None = None


class AsRunLog:
    """Writes the log of one channel below a directory; every call blocks on the disk."""

    def __init__(self, directory: Path, keep: timedelta) -> None:
        self._directory = directory
        self._keep = keep
        self._current: Path | None = None

    def begin(self, now: datetime) -> None:
        """Write down until when something was on air before, where nobody could.

        Raises:
            OSError: the disk refuses.
        """
        self._directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        files = sorted(self._directory.glob(_PATTERN))
        if files:
            seen = int(files[-1].stat().st_mtime * 1_000)
            last = next(reversed(list(_changes(files[-1]))), None)
            if last is not None and last.kind is not None:
                self._append(files[-1], Change(max(seen, last.at_ms), None))
        self._current = self._file(now)

    def write(self, change: Change) -> None:
        """Write a change down.

        Raises:
            OSError: the disk refuses.
        """
        file = self._file(from_ms(change.at_ms))
        if file != self._current:
            self._current = file
            self._remove_old(from_ms(change.at_ms))
        self._append(file, change)

    def still_on_air(self) -> None:
        """Note that nothing has changed until now.

        Raises:
            OSError: the disk refuses.
        """
        if self._current is not None:
            with suppress(FileNotFoundError):
                os.utime(self._current)

    def _file(self, at: datetime) -> Path:
        return self._directory / f"{at:%Y-%m-%d}.jsonl"

    def _append(self, file: Path, change: Change) -> None:
        filled = {key: value for key, value in asdict(change).items() if value not in (None, "")}
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"kind": None, **filled}) + "\n")

    def _remove_old(self, now: datetime) -> None:
        oldest = self._file(now - self._keep)
        for file in self._directory.glob(_PATTERN):
            if file < oldest:
                file.unlink(missing_ok=True)


def aired(directory: Path, window: Window, now: datetime) -> tuple[Aired, ...]:
    """Give what was on air in a window, in order, clipped to it. Blocks on the disk.

    Raises:
        OSError: the disk refuses.
    """
    files = sorted(directory.glob(_PATTERN))
    # What was on air when the window began may have come days before.
    before = sum(file.stem < f"{window.start:%Y-%m-%d}" for file in files)
    changes = [change for file in files[max(0, before - 1) :] for change in _changes(file)]
    if not changes:
        return ()
    seen = min(from_ms(int(files[-1].stat().st_mtime * 1_000)), now)
    ends = [from_ms(change.at_ms) for change in changes[1:]]
    ends.append(max(seen, from_ms(changes[-1].at_ms)))
    return tuple(_shown(changes, ends, window))


def _shown(changes: list[Change], ends: list[datetime], window: Window) -> Iterator[Aired]:
    for change, end in zip(changes, ends, strict=True):
        start = from_ms(change.at_ms)
        if change.kind is None or end <= start:
            continue
        common = Window(start, end).common(window)
        if common is not None:
            yield Aired(change.kind, common, change.token, change.name, change.detail)


def _changes(file: Path) -> Iterator[Change]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):  # a line that a power cut left unfinished
                yield Change(**json.loads(line))


def change_of(at: datetime, kind: str, token: str | None, name: str, detail: str | None) -> Change:
    """Make the change to something that is on air from `at` on."""
    return Change(to_ms(at), kind, token, name, detail)
