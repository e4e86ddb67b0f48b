"""What a disk may hold after a power cut: what was synced, and any of what was not, torn anyhow.

It is told from the system calls of the process that wrote, as strace saw them; no disk is needed.
"""

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DIRECTORY = "."
SECTOR = 512
"""What a disk writes whole or not at all."""

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", re.MULTILINE)
_FILE = re.compile(r'^(\d+)<((?:\\x..)*)>(?:, "((?:\\x..)*)")?')
_PATH = re.compile(r'^"((?:\\x..)*)"')


@dataclass(frozen=True)
class Write:
    """Bytes that were written at a place of a file."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file made this long."""

    length: int


@dataclass(frozen=True)
class Gone:
    """A file removed."""


Change = Write | Cut | Gone


@dataclass(frozen=True)
class Deed:
    """One thing that a process did: a change of a file, a sync of it, or an acknowledgement."""

    file: str
    change: Change | None = None
    acknowledged: str | None = None


@dataclass
class Cuts:
    """The states in which a power cut can leave a directory, drawn at random."""

    before: Path
    deeds: tuple[Deed, ...]
    random: random.Random
    _pending: dict[str, list[Change]] = field(default_factory=dict)

    def draw(self, count: int, directory: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Make `directory` such a state, again and again; gives after which deed the power went.

        With it what had been acknowledged by then.
        """
        for _ in range(count):
            last = self.random.randrange(1, len(self.deeds) + 1)
            shutil.copytree(self.before, directory)
            self._pending = {}
            said = [self._do(deed, directory) for deed in self.deeds[:last]]
            for name, changes in self._pending.items():
                for change in changes:
                    self._lose_some(directory / name, change)
            yield last, tuple(each for each in said if each)
            shutil.rmtree(directory)

    def _do(self, deed: Deed, directory: Path) -> str | None:
        if deed.acknowledged is not None:
            return deed.acknowledged
        if deed.change is not None:
            self._pending.setdefault(deed.file, []).append(deed.change)
            return None
        if deed.file == DIRECTORY:
            self._sync_names(directory)
        for change in self._pending.pop(deed.file, []):
            _apply(directory / deed.file, change)
        return None

    def _sync_names(self, directory: Path) -> None:
        for name in [name for name, changes in self._pending.items() if Gone() in changes]:
            del self._pending[name]
            _apply(directory / name, Gone())

    def _lose_some(self, file: Path, change: Change) -> None:
        """Apply a change that nobody waited for: wholly, in part, or not at all."""
        fate = self.random.choice(("whole", "torn", "lost"))
        if fate == "lost":
            return
        if fate == "whole" or not isinstance(change, Write):
            _apply(file, change)
            return
        for start in range(0, len(change.data), SECTOR):
            if self.random.random() < 0.5:
                _apply(file, Write(change.offset + start, change.data[start : start + SECTOR]))


def _apply(file: Path, change: Change) -> None:
    if isinstance(change, Gone):
        file.unlink(missing_ok=True)
        return
    file.touch()
    with file.open("r+b") as opened:
        if isinstance(change, Cut):
            opened.truncate(change.length)
        else:
            opened.seek(change.offset)
            opened.write(change.data)


def deeds(trace: str, directory: Path) -> tuple[Deed, ...]:
    """Read what was done to the files of a directory from the output of `strace -xx -y`.

    Raises:
        ValueError: something was done that is not understood here.
    """
    found = (_deed(call, words, directory) for call, words, _ in _CALL.findall(trace))
    return tuple(deed for deed in found if deed is not None)


def _deed(call: str, words: str, directory: Path) -> Deed | None:
    if call == "unlink":
        match = _PATH.match(words)
        path = Path(_bytes(match[1]).decode()) if match else Path()
        return Deed(path.name, Gone()) if path.parent == directory else None
    match = _FILE.match(words)
    if match is None:
        raise ValueError(f"{call}({words[:200]}) is not understood")
    place, data = _bytes(match[2]).decode(), _bytes(match[3] or "")
    if place.startswith("pipe:"):
        return Deed("", acknowledged=data.decode().strip())
    if Path(place) == directory:
        return Deed(DIRECTORY)
    if Path(place).parent != directory or place.endswith("-shm"):
        return None  # what is shared in memory is made anew from the log
    return Deed(Path(place).name, _change(call, words, data))


def _change(call: str, words: str, data: bytes) -> Change | None:
    if call in {"fsync", "fdatasync"}:
        return None
    last = int(words.rpartition(",")[2], 0)
    if call == "pwrite64":
        return Write(last, data)
    if call == "ftruncate":
        return Cut(last)
    raise ValueError(f"{call}({words[:200]}) is not understood")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
