"""A viewer of the demo's channel: keeps every piece that is published, as HLS forgets old ones."""

import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from tallyd.demo.errors import DemoError

_DISCONTINUITY = "#EXT-X-DISCONTINUITY"
_LENGTH = "#EXTINF:"
_NUMBER = "#EXT-X-MEDIA-SEQUENCE:"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a publication: its place in it, its file's name, its length in seconds as written.

    `anew` where the publication was begun anew with it.
    """

    number: int
    name: str
    length_s: str
    anew: bool = False


def segments_of(playlist: str) -> tuple[Segment, ...]:
    """Give what a playlist names, in order. Pure."""
    found: list[Segment] = []
    first, length_s, anew = 0, "0", False
    for line in playlist.splitlines():
        if line.startswith(_NUMBER):
            first = int(line.removeprefix(_NUMBER))
        elif line == _DISCONTINUITY:
            anew = True
        elif line.startswith(_LENGTH):
            length_s = line.removeprefix(_LENGTH).partition(",")[0]
        elif line and not line.startswith("#"):
            found.append(Segment(first + len(found), line, length_s, anew))
            anew = False
    return tuple(found)


def length_of(segments: tuple[Segment, ...]) -> timedelta:
    """Give how long the pictures of a publication are together. Pure."""
    return sum((timedelta(seconds=float(each.length_s)) for each in segments), timedelta())


def breaks_in(segments: tuple[Segment, ...]) -> int:
    """Count where a publication was begun anew, or pieces of it are missing. Pure."""
    pairs = pairwise(segments)
    return sum(later.anew or later.number != earlier.number + 1 for earlier, later in pairs)


@dataclass(slots=True)
class Viewer:
    """Follows the playlist at `published`, and keeps what it names beside the one at `seen`.

    Every call blocks on the disk.
    """

    published: Path
    seen: Path
    _kept: dict[str, Segment] = field(default_factory=dict[str, Segment])

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What was kept, in order."""
        return tuple(self._kept.values())

    def look(self) -> None:
        """Keep what has come since the last look.

        Raises:
            DemoError: the disk refuses.
        """
        try:
            playlist = self.published.read_text(encoding="utf-8")
            for segment in segments_of(playlist):
                if segment.name not in self._kept:
                    self._keep(segment)
        except FileNotFoundError:
            return  # nothing is published yet
        except OSError as error:
            raise DemoError(f"what the channel publishes cannot be kept: {error}") from error

    def finish(self) -> None:
        """Keep what came last, and write the playlist of all that was seen.

        Raises:
            DemoError: the disk refuses.
        """
        self.look()
        if not self._kept:
            return
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:10"]
        lines.append(f"{_NUMBER}{self.segments[0].number}")
        for segment in self.segments:
            if segment.anew:
                lines.append(_DISCONTINUITY)
            lines += [f"{_LENGTH}{segment.length_s},", segment.name]
        try:
            self.seen.write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]), encoding="utf-8")
        except OSError as error:
            raise DemoError(f"{self.seen} cannot be written: {error.strerror}") from error

    def _keep(self, segment: Segment) -> None:
        try:
            shutil.copyfile(
                self.published.with_name(segment.name), self.seen.with_name(segment.name)
            )
        except FileNotFoundError:
            return  # it was forgotten already; its number will be missing
        self._kept[segment.name] = segment
