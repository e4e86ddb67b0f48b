"""Writes what must not wait for a disk: in one thread of its own, in order, or not at all."""

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]

_MOST_WAITING = 2_000


class Scribe:
    """A thread that does jobs one after the other; where too many wait, further ones are lost."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True, name="scribe")
        self.lost = 0
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def do(self, job: Job) -> None:
        """Have a job done, some time; never waits."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.lost += 1

    def finish(self, within_s: float) -> None:
        """Wait for what is left, but no longer than so; blocks."""
        self.do_last()
        self._thread.join(within_s)

    def do_last(self) -> None:
        """Have the thread end after what it has."""
        try:
            self._jobs.put_nowait(None)
        except queue.Full:
            return  # the disk hangs: the process ends without it

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
                self.trouble = None
            except OSError as error:
                self.trouble = str(error.strerror or error)
