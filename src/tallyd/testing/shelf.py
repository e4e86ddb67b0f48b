"""A directory of recordings that holds what it is told."""

from dataclasses import dataclass, field
from pathlib import Path

from tallyd.ports.recordings import Remnant, Search


@dataclass
class FakeShelf:
    """Implements `ports.recordings.Shelf`; `remnants` is what it finds."""

    remnants: tuple[Remnant, ...] = ()
    searches: list[Search] = field(default_factory=list[Search])
    finished: list[Path] = field(default_factory=list[Path])

    async def find(self, search: Search) -> tuple[Remnant, ...]:
        """Note the question, and give what was set."""
        self.searches.append(search)
        return self.remnants

    async def finish(self, path: Path) -> Path:
        """Note it, and take the last ending off."""
        self.finished.append(path)
        return path.with_suffix("")
