"""Writes lines to a file descriptor from a thread of its own: no reader can stop a caller."""

import os
import queue
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass

QUEUE_LINES = 4_096
"""Lines that wait for a slow reader before new ones are dropped."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that waits, and how many are lost with it: a report stands for those it counts."""

    text: str
    stands_for: int = 1


class LineWriter:
    """A bounded queue before a daemon thread. What does not fit is dropped, counted and reported.

    `report` renders the line that says how many were dropped; it stands where they are missing.
    """

    def __init__(self, fd: int, report: Callable[[int], str], capacity: int = QUEUE_LINES) -> None:
        self._fd = fd
        self._report = report
        self._capacity = capacity
        # SimpleQueue: its `put` is reentrant, so a destructor that logs cannot dead-lock.
        self._lines: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        self._dropped = 0
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._write_all, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, text: str) -> None:
        """Hand over one line without its line break; never waits."""
        with self._lock:
            waiting = self._lines.qsize()
            # Once it has dropped it goes on until half is free: one report for a whole gap.
            if waiting >= self._capacity or (self._dropped and waiting > self._capacity // 2):
                self._dropped += 1
                return
            if self._dropped:
                self._lines.put(self._take_report())
            self._lines.put(_Line(text))

    def close(self, deadline_s: float) -> bool:
        """Write what waits, for so long at most; True if the queue was emptied."""
        self._lines.put(None)
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _take_report(self) -> _Line:
        dropped, self._dropped = self._dropped, 0
        return _Line(self._report(dropped), stands_for=dropped)

    def _write_all(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)
            with self._lock:
                report = self._take_report() if self._dropped and self._lines.empty() else None
            if report is not None:
                self._write(report)

    def _write(self, line: _Line) -> None:
        rest = memoryview(f"{line.text}\n".encode(errors="backslashreplace"))
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                select.select([], [self._fd], [])
            except OSError:
                # Nobody reads any more, or the disk is full: the line is lost, the daemon is not.
                with self._lock:
                    self._dropped += line.stands_for
                return
