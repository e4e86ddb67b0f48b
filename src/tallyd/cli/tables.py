"""How tables show what JSON has as values: local times with their zone named, windows, blockers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tallyd.cli.output import Column

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Writes instants as clocks in one zone show them."""

    zone: str

    def at(self, instant: datetime) -> str:
        """Write an instant, with milliseconds only where it has some."""
        local = instant.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        return local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")

    def windows(self, pairs: Sequence[Sequence[datetime]]) -> str:
        """Write windows, `[start, stop]` each, with commas."""
        return ", ".join(f"{self.at(start)} - {self.at(stop)}" for start, stop in pairs)

    def starts(self, slots: Sequence[Mapping[str, datetime]]) -> str:
        """Write when slots start."""
        return ", ".join(self.at(slot["start"]) for slot in slots)

    def blockers(self, by: Sequence[Mapping[str, object]]) -> str:
        """Write who is in the way."""
        return ", ".join(dict.fromkeys(_who(each["schedule_id"]) for each in by))

    def column(self, title: str, key: str) -> Column:
        """Make a column of instants that names the zone."""
        return Column(f"{title} ({self.zone})", key, self.at)


def _who(schedule_id: object) -> str:
    return "a lock or a manual recording" if schedule_id is None else f"schedule {schedule_id}"


def megabytes(size: int) -> str:
    """Write a size in bytes for people."""
    return f"{size / _MEGABYTE:.1f} MB"


def milliseconds(length: int) -> str:
    """Write a signed length for people."""
    return f"{length:+} ms"
