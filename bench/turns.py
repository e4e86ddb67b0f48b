"""`python -m bench.turns NOTED …`: the daemon as it is, whose event loop notes each of its turns.

A turn is what the loop does between two looks at what has come: nothing else is done meanwhile.
NOTED gets a line [monotonic ns at its beginning, ns that it took] for each turn when the daemon
ends. The alarm clock looks 10 s ahead instead of ten minutes, so that it refills while one watches.
Everything else of the command line is the daemon's own.
"""

import selectors
import sys
import time
from array import array
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from tallyd.cli.root import main

REFILLED_EVERY = timedelta(seconds=10)

_begun_ns = array("q")
_took_ns = array("q")


class TimedSelector(selectors.EpollSelector):
    """Asks the kernel what has come, as ever, and notes how long it was not asked."""

    _woken_ns: int | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until something has come."""
        if self._woken_ns is not None:
            _begun_ns.append(self._woken_ns)
            _took_ns.append(time.monotonic_ns() - self._woken_ns)
        found = super().select(timeout)
        self._woken_ns = time.monotonic_ns()
        return found


if __name__ == "__main__":
    noted = Path(sys.argv.pop(1))
    try:
        with (
            patch("selectors.DefaultSelector", TimedSelector),
            patch("tallyd.engine.alarm.ARMED_AHEAD", REFILLED_EVERY),
        ):
            main()
    finally:
        turns = zip(_begun_ns, _took_ns, strict=True)
        noted.write_text("".join(f"[{begun}, {took}]\n" for begun, took in turns))
