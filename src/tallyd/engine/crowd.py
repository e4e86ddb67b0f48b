"""Who starts at the same instant on this machine: they are told one after the other."""

from datetime import datetime, timedelta

MOST_EARLY = timedelta(milliseconds=900)
"""A start may bring data a second too early; the rest is for a device that is quick for once."""


class Crowd:
    """The starts that share an instant, each with its place in the order in which it was seen."""

    def __init__(self) -> None:
        self._places: dict[datetime, dict[str, int]] = {}

    def extra_lead(self, start: datetime, target: str, spread: timedelta) -> timedelta:
        """Give how much earlier a target is told because of those that start with it.

        `spread` is what one further start costs all of them; a target keeps its place.
        """
        places = self._places.setdefault(start, {})
        return min(places.setdefault(target, len(places)) * spread, MOST_EARLY)

    def forget(self, before: datetime) -> None:
        """Drop the instants that have passed."""
        for start in [start for start in self._places if start < before]:
            del self._places[start]
