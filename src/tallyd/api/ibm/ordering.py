"""Ids in the order of an instant, kept while they change; any stretch of them costs its length."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

Key = tuple[int, int]
"""Milliseconds since the epoch, then the id."""


class Ordering:
    """Keys in order, each once."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys = sorted(keys)

    def __len__(self) -> int:
        """Count them."""
        return len(self._keys)

    def add(self, key: Key) -> None:
        """Put one in its place."""
        insort(self._keys, key)

    def discard(self, key: Key) -> None:
        """Take one out, if it is there."""
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            del self._keys[at]

    def stretch(self, first: int, length: int) -> list[int]:
        """Give the ids of so many, from the one on that has so many before it."""
        return [id_ for _, id_ in self._keys[first : first + length]]

    def until(self, epoch_ms: int) -> list[int]:
        """Give the ids of what is not later than an instant."""
        return self.stretch(0, bisect_right(self._keys, epoch_ms, key=lambda key: key[0]))
