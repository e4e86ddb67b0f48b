"""Token buckets: how often each of many may do something. In memory, bounded."""

import math
from collections import OrderedDict

from tallyd.ports.clock import Clock

MAX_KNOWN = 4096
"""So many are remembered; whoever is forgotten starts with a full bucket."""


class Buckets:
    """One bucket for each key: `per_second` run in, up to `at_once`."""

    def __init__(self, clock: Clock, per_second: float, at_once: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._at_once = at_once
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """Take one; gives 0, or the whole seconds to wait where there was none."""
        level, now = self._level(key)
        if level < 1:
            return self._wait_s(level)
        self._levels[key] = (level - 1, now)
        self._levels.move_to_end(key)
        while len(self._levels) > MAX_KNOWN:
            self._levels.popitem(last=False)
        return 0

    def wait_s(self, key: str) -> int:
        """Tell how many whole seconds to wait until there is one; takes none."""
        level, _ = self._level(key)
        return 0 if level >= 1 else self._wait_s(level)

    def _level(self, key: str) -> tuple[float, float]:
        now = self._clock.monotonic()
        level, at = self._levels.get(key, (self._at_once, now))
        return min(self._at_once, level + (now - at) * self._per_second), now

    def _wait_s(self, level: float) -> int:
        return max(1, math.ceil((1 - level) / self._per_second))
