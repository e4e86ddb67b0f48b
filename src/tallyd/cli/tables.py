"""How tables show what JSON has as values: local times with their zone named, windows, blockers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from tallyd.cli.output import Column
from tallyd.ports.as_run import Kind

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """Writes instants as clocks in one zone show them."""

    zone: str

    def at(self, instant: datetime) -> str:
        """Write an instant, with milliseconds only where it has some."""
        local = self._local(instant)
        return f"{local.date()} {_clock(local)}"

    def windows(self, pairs: Sequence[Sequence[datetime]]) -> str:
        """Write windows, `[start, stop]` each; a day is written again only where it changes."""
        return ", ".join(f"{self.at(start)} - {self._until(start, stop)}" for start, stop in pairs)

    def _until(self, start: datetime, stop: datetime) -> str:
        begun, ended = self._local(start), self._local(stop)
        return _clock(ended) if begun.date() == ended.date() else self.at(stop)

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.zone))

    def starts(self, slots: Sequence[Mapping[str, datetime]]) -> str:
        """Write when slots start."""
        return ", ".join(self.at(slot["start"]) for slot in slots)

    def blockers(self, by: Sequence[Mapping[str, object]]) -> str:
        """Write who is in the way."""
        return ", ".join(dict.fromkeys(_who(each["schedule_id"]) for each in by))

    def on_air(self, pieces: Sequence[Mapping[str, Any]]) -> str:
        """Write from when to when something was on air, and for how long a slate stood in, why."""
        if not pieces:
            return "nothing"
        whole = [[pieces[0]["start"], pieces[-1]["stop"]]]
        slates = [each for each in pieces if each["kind"] == Kind.SLATE]
        if not slates:
            return self.windows(whole)
        length = sum(((each["stop"] - each["start"]) for each in slates), timedelta())
        why = ", ".join(dict.fromkeys(each["detail"] for each in slates if each["detail"]))
        told = f"{self.windows(whole)}; slate {length.total_seconds():.1f} s"
        return f"{told}: {why}" if why else told

    def column(self, title: str, key: str, show: Callable[[Any], str] | None = None) -> Column:
        """Make a column of instants that names the zone; `show` where the value holds more."""
        return Column(f"{title} ({self.zone})", key, show or self.at)


def _clock(local: datetime) -> str:
    return local.time().isoformat("milliseconds" if local.microsecond else "seconds")


def _who(schedule_id: object) -> str:
    return "a lock or a manual recording" if schedule_id is None else f"schedule {schedule_id}"


def time_of_day(instant: datetime) -> str:
    """Write when on its day an instant is, with a tenth of a second only where it has some."""
    return f"{instant:%H:%M:%S.%f}"[:-5].removesuffix(".0")


def megabytes(size: int) -> str:
    """Write a size in bytes for people."""
    return f"{size / _MEGABYTE:.1f} MB"


def milliseconds(length: int) -> str:
    """Write a signed length for people."""
    return f"{length:+} ms"


def file_names(files: Sequence[Mapping[str, Any]]) -> str:
    """Write the names of files without their directories, and which are there no more."""
    return ", ".join(
        f"{PurePath(file['path']).name}{' (removed)' if file['removed'] else ''}" for file in files
    )
