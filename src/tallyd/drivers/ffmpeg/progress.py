"""What an ffmpeg says on its progress pipe, and what follows from when it says so; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

STATS_PERIOD_S = 0.23
"""How often ffmpeg reports. No multiple of a usual frame time, so that reports fall between
frames at ever other places and together show when the first frame came."""

REFINING_REPORTS = 6
"""After so many reports with data the estimate of the first frame's time is good to some ms."""


@dataclass(slots=True)
class Progress:
    """The reports of one ffmpeg, read line by line.

    `rate` is the frames per second where that is known; `first_data_at` then comes from counting
    frames, else from the media time that was written, which counts from zero.
    """

    spawned_at: datetime
    rate: float | None
    first_data_at: datetime | None = None
    last_data_at: datetime | None = None
    bytes: int = 0
    _frames: int = 0
    _media_us: int = 0
    _reports: int = 0
    _earliest: datetime | None = None
    _block: dict[str, str] = field(default_factory=dict[str, str])

    def read(self, line: str, now: datetime) -> bool:
        """Take in a line that came at `now`; tells whether it completed a report of new data."""
        key, _, value = line.strip().partition("=")
        self._block[key] = value.strip()
        if key != "progress":
            return False
        block, self._block = self._block, {}
        frames, media_us = _number(block, "frame"), _number(block, "out_time_us")
        self.bytes = max(self.bytes, _number(block, "total_size"))
        if frames <= self._frames and media_us <= self._media_us:
            return False
        self._frames = max(self._frames, frames)
        self._media_us = max(self._media_us, media_us)
        self.last_data_at = now
        if self._reports < REFINING_REPORTS:
            self._reports += 1
            self._refine(now)
        return True

    def _refine(self, now: datetime) -> None:
        """Move the estimate back where this report shows that the first frame came earlier."""
        if self.rate is not None and self._frames > 0:
            begun = now - timedelta(seconds=(self._frames - 1) / self.rate)
        else:
            begun = now - timedelta(microseconds=self._media_us)
        self._earliest = begun if self._earliest is None else min(begun, self._earliest)
        # A first report comes somewhere between two frames; more of them show where.
        vague = self.rate is not None and self._reports == 1 and self._frames > 1
        middle = timedelta(seconds=0.5 / self.rate) if vague and self.rate else timedelta(0)
        # A server may begin with what it had buffered: media older than the process.
        self.first_data_at = max(self._earliest - middle, self.spawned_at)


def reports(lines: Sequence[str], written_at: datetime) -> Iterator[tuple[str, datetime]]:
    """Give each line with the time at which it was written; the last of them at `written_at`.

    What was not read at once came a period apart.
    """
    later = sum(_ends_report(line) for line in lines) - 1
    for line in lines:
        yield line, written_at - timedelta(seconds=STATS_PERIOD_S * max(0, later))
        later -= _ends_report(line)


def _ends_report(line: str) -> bool:
    return line.startswith("progress=")


def _number(block: dict[str, str], key: str) -> int:
    """Give a field as a whole number; what ffmpeg does not know yet (`N/A`) counts as 0."""
    try:
        return max(0, int(block.get(key, "")))
    except ValueError:
        return 0
