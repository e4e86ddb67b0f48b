"""When the next backup is due: decided from what was seen, with the time as an argument. No I/O."""

from dataclasses import dataclass
from typing import Final

QUIET_S: Final = 2.0
"""So long without a change, and what changed is saved."""

LATEST_S: Final = 30.0
"""So long after the first change that is not saved, however much goes on."""

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
        """Tell whether a backup should be made now."""
        if self.first_unsaved_at is None or now < self.not_before:
            return False
        return now - self.changed_at >= QUIET_S or now - self.first_unsaved_at >= LATEST_S

    def saved(self, began: float, ended: float) -> "Rhythm":
        """Give what is known after a backup of what was last seen."""
        return Rhythm(self.version, None, self.changed_at, ended + PAUSE_FACTOR * (ended - began))

    def failed(self, ended: float) -> "Rhythm":
        """Give what is known after a backup that came to nothing: it is tried again in a while."""
        return Rhythm(self.version, self.first_unsaved_at, self.changed_at, ended + QUIET_S)
