"""Who starts at the same instant on this machine: they cost each other time, and take turns."""

from datetime import datetime, timedelta

MOST_EARLY = timedelta(milliseconds=900)
"""A start may bring data a second too early; the rest is for a device that is quick for once."""


class Crowd:
    """The starts that share an instant, each with its place in the order in which it was seen."""

    def __init__(self) -> None:
        self._places: dict[datetime, dict[str, int]] = {}
        self._started: dict[datetime, set[str]] = {}

    def extra_lead(self, start: datetime, target: str, spread: timedelta) -> timedelta:
        """Give how much earlier a target is told because of those that start with it.

        `spread` is what one further start costs all of them; a target keeps its place.
        """
        places = self._places.setdefault(start, {})
        return min(places.setdefault(target, len(places)) * spread, MOST_EARLY)

    def join(self, start: datetime, target: str) -> None:
        """Note that a target starts at an instant, whatever that costs others."""
        self._started.setdefault(start, set()).add(target)

    def others(self, start: datetime, target: str) -> int:
        """Give how many others start at an instant."""
        started = self._started.get(start, set())
        return len(started) - (target in started)

    def forget(self, before: datetime) -> None:
        """Drop the instants that have passed."""
        self._places = {at: places for at, places in self._places.items() if at >= before}
        self._started = {at: started for at, started in self._started.items() if at >= before}
