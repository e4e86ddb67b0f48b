"""The last resort: a daemon that something keeps from its end leaves. It saves nothing."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import tallyd
from tallyd import logs

STUCK = 1
"""The exit status of a daemon that something kept from an orderly end."""

_OURS = str(Path(tallyd.__file__).parent)
_NEVER_STUCK = ("log-writer", "last-resort")


class LastResort:
    """Ends this process in its time, whatever hangs: a call of a driver, the disk of the database.

    By then everything has had its time, and what can be put on a disk is there. A thread in a call
    that the kernel does not give back keeps a dead process, and its lock, until the call returns;
    not one more instruction of ours is run by it.
    """

    def __init__(self, lines: logs.LineWriter) -> None:
        self._lines = lines
        self._armed = False

    def end_within(self, seconds: float) -> None:
        """Leave after so long, unless the process has ended by then; the first call counts."""
        if self._armed:
            return
        self._armed = True
        timer = threading.Timer(seconds, self._leave, (seconds,))
        timer.name, timer.daemon = "last-resort", True
        timer.start()

    def _leave(self, seconds: float) -> None:
        try:
            logs.get_logger().error("daemon.cut_short", within_s=seconds, calls=list(_calls()))
            self._lines.close(logs.FLUSH_DEADLINE_S)
        finally:
            os._exit(STUCK)


def _calls() -> Iterator[str]:
    """Give where each thread stands that does something of ours beside the event loop."""
    # Documented, in spite of its name, and there is no other way.
    frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if thread is threading.main_thread() or thread.name in _NEVER_STUCK:
            continue
        if (ours := _innermost_of_ours(frame)) is not None:
            code = ours.f_code
            yield f"{code.co_qualname} ({Path(code.co_filename).name}:{ours.f_lineno})"


def _innermost_of_ours(frame: FrameType | None) -> FrameType | None:
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame
