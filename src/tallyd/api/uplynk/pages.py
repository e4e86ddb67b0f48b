"""One page of a channel's schedule: at most 500 entries, and how far it goes. Writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from tallyd.bookings.timeline import timeline
from tallyd.domain.entries import RETENTION, Stretch, is_entry, is_removed, stretches, window_of
from tallyd.domain.model import Schedule
from tallyd.domain.planner import Wishes
from tallyd.domain.window import Window
from tallyd.ports.contents import ContentReader

PAGE = 500

_PAGES_KEPT = 16

_SERIES_AT_ONCE = timedelta(days=92)
"""So much of a schedule with series in it is on a page at most: they have no end."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is shown of one window: what takes time there, or what was removed."""

    stretch: Stretch
    removed: bool

    @property
    def window(self) -> Window:
        """When it is, or would have been."""
        return self.stretch.window


@dataclass(frozen=True, slots=True)
class Page:
    """The period that a page covers, and what is in it, in order of start."""

    period: Window
    items: tuple[Item, ...]


class Pages:
    """Gives pages; those of entries alone are kept for as long as nothing changes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Window, bool], tuple[int, Page]] = {}

    async def page(
        self, reader: ContentReader, target: str, period: Window, now: datetime, *, removed: bool
    ) -> Page:
        """Give the first page of a period: where it has to end before, the next one goes on.

        Nothing is missing between the two. What ended more than 30 days ago is on none.
        """
        kept_from = max(period.start, now - RETENTION)
        if kept_from >= period.stop:
            return Page(period, ())
        key = (target, Window(kept_from, period.stop), removed)
        revision = await reader.revision()
        known = self._kept.get(key)
        if known is not None and known[0] == revision:
            found = known[1]
        else:
            found, lasts = await _whole_page(reader, target, key[1], removed=removed)
            if len(self._kept) >= _PAGES_KEPT:
                self._kept.clear()
            if lasts:
                self._kept[key] = revision, found
        return Page(Window(period.start, found.period.stop), found.items)


async def _whole_page(
    reader: ContentReader, target: str, period: Window, *, removed: bool
) -> tuple[Page, bool]:
    """Give the first page of a period, and whether it lasts until something is booked."""
    most = PAGE
    while True:
        found = await _first(reader, target, period, most, removed=removed)
        if found.stop > period.start:
            return Page(Window(period.start, found.stop), found.items), found.lasts
        most *= 2  # as many begin at once: a page of them would be followed by itself


@dataclass(frozen=True, slots=True)
class _First:
    items: tuple[Item, ...]
    stop: datetime
    lasts: bool
    """Whether it hangs on nothing but what is booked: what others claim hangs on runs, too."""


async def _first(
    reader: ContentReader, target: str, period: Window, most: int, *, removed: bool
) -> _First:
    """Give the first `most` of a period, and where they end."""
    rows = await reader.one_shots_within(target, period, limit=most + 1, removed=removed)
    series = await reader.wall_times_within(target, period)
    stop = period.stop
    if len(rows) > most:
        stop = min(stop, window_of(rows[most]).start)
        rows = rows[:most]
    if series:
        stop = min(stop, period.start + _SERIES_AT_ONCE)
    if stop <= period.start:
        return _First((), stop, lasts=False)
    covered = Window(period.start, stop)
    alone = not series and all(map(is_entry, rows))
    if alone:
        taken = await _taken_by(reader, target, rows, covered)
    else:
        taken = await timeline(reader, target, covered)
    items = [Item(each, removed=False) for each in taken]
    items += [Item(each, removed=True) for each in _removed(rows) if each.window.overlaps(covered)]
    items.sort(key=_order)
    if len(items) > most:
        stop = min(stop, items[most].window.start)
        items = items[:most]
    if stop < period.stop and len(items) == most:
        stop = min(stop, items[-1].window.stop)
    return _First(tuple(items), stop, alone)


def _order(item: Item) -> tuple[datetime, int]:
    return item.window.start, item.stretch.schedule.id


async def _taken_by(
    reader: ContentReader, target: str, rows: Iterable[Schedule], period: Window
) -> tuple[Stretch, ...]:
    """Give what entries take where there is nothing else: nobody outranks them."""
    live = tuple(row for row in rows if not is_removed(row))
    overrides = await reader.overrides({row.id for row in live})
    found = await reader.target(target)
    if found is None:
        return ()
    by_schedule = groupby(overrides, attrgetter("schedule_id"))
    wishes = Wishes(found, live, {id_: tuple(own) for id_, own in by_schedule})
    return stretches(wishes, period)


def _removed(rows: Iterable[Schedule]) -> Iterable[Stretch]:
    for row in rows:
        if is_entry(row) and is_removed(row):
            yield Stretch(row, "", window_of(row))
