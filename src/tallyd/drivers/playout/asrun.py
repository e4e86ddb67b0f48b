"""The as-run log: what was on air from when on. One line of JSON for each change, one file a day.

Its last change lasts until the next one, or until the file was touched last.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.domain.window import Window, from_ms
from tallyd.ports.as_run import Aired, Kind

_PATTERN = "????-??-??.jsonl"
_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Change:
    """What is on air from an instant on; nothing at all where `kind` is None."""

    at_ms: int
    kind: str | None
    token: str | None = None
    name: str = ""
    detail: str | None = None
    live: bool = False


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
            _end_line(files[-1])
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
        # What is not said is None, empty or false.
        filled = {key: value for key, value in asdict(change).items() if value or key == "at_ms"}
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"kind": None, **filled}) + "\n")

    def _remove_old(self, now: datetime) -> None:
        oldest = self._file(now - self._keep)
        for file in self._directory.glob(_PATTERN):
            if file < oldest:
                file.unlink(missing_ok=True)


def aired(directory: Path, period: Window, now: datetime) -> tuple[Aired, ...] | None:
    """Give all of which something was on air in a period, whole and in order; None as `AsRun` says.

    However much is kept, only the days of the period are read, and those beside it. Blocks.

    Raises:
        OSError: the disk refuses.
    """
    files = sorted(each for each in _listed(directory) if each.match(_PATTERN))
    # What was on air when the period began may have come days before, and end days after it.
    begin = sum(file.stem < f"{period.start:%Y-%m-%d}" for file in files) - 1
    end = sum(file.stem <= f"{period.stop:%Y-%m-%d}" for file in files) + 1
    read = files[max(0, begin) : end]
    changes = [change for file in read for change in _changes(file)]
    if not changes:
        return None
    seen = min(from_ms(int(read[-1].stat().st_mtime * 1_000)), now)
    starts = [from_ms(change.at_ms) for change in changes]
    ends = [*starts[1:], max(seen, starts[-1])]
    known_until = starts[-1] if changes[-1].kind is None else ends[-1]
    if starts[0] >= period.stop or known_until <= period.start:
        return None
    shown = (_shown(*each) for each in zip(changes, starts, ends, strict=True))
    return tuple(each for each in shown if each is not None and each.window.overlaps(period))


def _shown(change: Change, start: datetime, end: datetime) -> Aired | None:
    if change.kind not in _KINDS or end <= start:  # nothing, or for no time: a clock was set back
        return None
    window, kind = Window(start, end), Kind(change.kind)
    return Aired(kind, window, change.token, change.name, change.detail, change.live)


def _changes(file: Path) -> Iterator[Change]:
    # A power cut may leave anything in a file.
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            with suppress(ValueError, TypeError):
                yield Change(**json.loads(line))


def _listed(directory: Path) -> Iterable[Path]:
    """Give what is in a directory; unlike `glob`, raise where it may not be looked at."""
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return ()


def _end_line(file: Path) -> None:
    """Keep what comes apart from a line that a power cut left unfinished."""
    with file.open("rb+") as lines:
        size = lines.seek(0, os.SEEK_END)
        if size and os.pread(lines.fileno(), 1, size - 1) != b"\n":
            lines.write(b"\n")
