"""One target's schedules, found by when they are. What is made of them does not live here."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from tallyd.domain.model import InstantStart, Override, Schedule
from tallyd.domain.window import EPOCH, Window

_HOUR = timedelta(hours=1)
_LONG = timedelta(days=1)
"""Longer one-shots are few: they are always looked at, and no look goes further back than this."""


def _hour_of(instant: datetime) -> int:
    return (instant - EPOCH) // _HOUR


class Shelf:
    """Schedules of a target: those that may be at any time, and the one-shots by their hour.

    A channel has a hundred thousand one-shots, and a few of them within a day. One that has
    overrides counts as being at any time, for an override can move it. To put and to drop take
    as long whatever else is there.
    """

    def __init__(self) -> None:
        self._all: dict[int, Schedule] = {}
        self._standing: dict[int, Schedule] = {}
        self._by_hour: dict[int, dict[int, Schedule]] = {}
        self._hours: dict[int, int] = {}
        self.oldest: datetime | None = None
        """No schedule here is effective from before this; it never moves forward."""

    def everything(self) -> Iterator[Schedule]:
        """Give every schedule that is here."""
        return iter(self._all.values())

    def get(self, schedule_id: int) -> Schedule | None:
        """Give the schedule of this id, if it is here."""
        return self._all.get(schedule_id)

    def put(self, schedule: Schedule, overrides: Collection[Override]) -> None:
        """Take in a schedule as it is now, with its overrides, for what was known of it."""
        self.drop(schedule.id)
        self._all[schedule.id] = schedule
        if self.oldest is None or schedule.effective_from < self.oldest:
            self.oldest = schedule.effective_from
        start = schedule.start
        if isinstance(start, InstantStart) and not overrides and schedule.duration <= _LONG:
            hour = self._hours[schedule.id] = _hour_of(start.at)
            self._by_hour.setdefault(hour, {})[schedule.id] = schedule
        else:
            self._standing[schedule.id] = schedule

    def drop(self, schedule_id: int) -> None:
        """Forget a schedule, if it is here."""
        self._all.pop(schedule_id, None)
        self._standing.pop(schedule_id, None)
        hour = self._hours.pop(schedule_id, None)
        if hour is not None:
            del self._by_hour[hour][schedule_id]
            if not self._by_hour[hour]:
                del self._by_hour[hour]

    def standing(self) -> tuple[Schedule, ...]:
        """Give what may be at any time."""
        return tuple(self._standing.values())

    def once_in(self, period: Window) -> Iterator[Schedule]:
        """Give every other one that meets a period, and some that lie within a day of it."""
        first, last = _hour_of(period.start) - _LONG // _HOUR, _hour_of(period.stop)
        hours = range(first - 1, last + 1)
        # A period of years may have fewer hours with anything in them than hours.
        held = (
            hours if len(hours) <= len(self._by_hour) else [h for h in self._by_hour if h in hours]
        )
        for hour in held:
            yield from self._by_hour.get(hour, {}).values()

    def near(self, period: Window) -> tuple[Schedule, ...]:
        """Give every schedule that can have an occurrence in a period, and perhaps others."""
        return (*self._standing.values(), *self.once_in(period))
