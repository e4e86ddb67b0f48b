"""When the next backup or look is due, with the time as an argument. No I/O."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

QUIET_S: Final = 2.0
"""So long without a change, and what changed is saved."""

LATEST_S: Final = 24.0
"""So long after the first change that was seen and is not saved, however much goes on."""

PAUSE_FACTOR: Final = 10.0
"""So many times longer than the last backup took is waited after it: a huge database."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What was seen so far; versions are those of `data_version`, times those of a steady clock."""

    version: int | None = None
    first_unsaved_at: float | None = None
    changed_at: float = 0.0
    not_before: float = 0.0

    def seen(self, version: int, now: float) -> "Rhythm":
        """Give what is known after a look at the database; the first look counts as a change."""
        if version == self.version:
            return self
        first = now if self.first_unsaved_at is None else self.first_unsaved_at
        return Rhythm(version, first, now, self.not_before)

    def is_due(self, now: float) -> bool:
        """Tell whether a backup may be made now: all is quiet, or it is high time."""
        if self.first_unsaved_at is None or now < self.not_before:
            return False
        return now - self.changed_at >= QUIET_S or self.is_overdue(now)

    def is_overdue(self, now: float) -> bool:
        """Tell whether a backup has to be made now, whatever else goes on."""
        if self.first_unsaved_at is None or now < self.not_before:
            return False
        return now - self.first_unsaved_at >= LATEST_S

    def saved(self, began: float, ended: float) -> "Rhythm":
        """Give what is known after a backup of what was last seen."""
        return Rhythm(self.version, None, self.changed_at, ended + PAUSE_FACTOR * (ended - began))

    def failed(self, ended: float) -> "Rhythm":
        """Give what is known after a backup that came to nothing: it is tried again in a while."""
        return Rhythm(self.version, self.first_unsaved_at, self.changed_at, ended + QUIET_S)


LOOK_EVERY_S: Final = 24 * 3600.0
LOOK_AT_LATEST_S: Final = 36 * 3600.0
FIRST_LOOK_AFTER_S: Final = 3600.0
QUIET_FOR: Final = timedelta(minutes=5)
"""So long nothing starts or stops: the time to look the whole database over."""


def is_look_due(now: float, begun_at: float, looked_at: float, quiet_for: timedelta | None) -> bool:
    """Tell whether the whole database should be looked over now, by a steady clock in seconds.

    First an hour after the daemon began, then a day after the last look (a day and a half where it
    is never quiet); `quiet_for` is how long nothing is due, None for as far as anyone knows.
    """
    first = looked_at == begun_at
    wanted_at = looked_at + (FIRST_LOOK_AFTER_S if first else LOOK_EVERY_S)
    is_quiet = quiet_for is None or quiet_for >= QUIET_FOR
    return now >= wanted_at and (is_quiet or now >= looked_at + LOOK_AT_LATEST_S)
