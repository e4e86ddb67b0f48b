"""A daemon that something keeps from its end leaves, and says what kept it."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tallyd import logs
from tallyd.app.last_resort import STUCK, LastResort
from tallyd.store import durable


class Told:
    """Stands in for the log, and for the end of the process, in the order in which they come."""

    def __init__(self) -> None:
        self.acts: list[tuple[Any, ...]] = []
        self.gone = threading.Event()

    def error(self, event: str, **fields: object) -> None:
        """Take a line."""
        self.acts.append((event, fields))

    def close(self, deadline_s: float) -> None:
        """Be flushed."""
        self.acts.append(("flushed", deadline_s))

    def leave(self, status: int) -> None:
        """Be the end."""
        self.acts.append(("left", status))
        self.gone.set()


@pytest.fixture(name="hung")
def _thread(tmp_path: Path) -> Iterator[None]:
    """Have a thread that waits in a call of the store for as long as the test lasts."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def sync() -> None:
        with suppress(OSError):
            durable.sync(pipe)  # as long as nobody writes, it is not even open

    thread = threading.Thread(target=sync)
    thread.start()
    yield
    os.close(os.open(pipe, os.O_WRONLY))
    thread.join()


@pytest.mark.usefixtures("hung")
def test_what_hangs_is_named_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is in the log before the process is gone, once, however often that was asked for."""
    told = Told()
    monkeypatch.setattr(logs, "get_logger", lambda: told)
    monkeypatch.setattr(os, "_exit", told.leave)
    resort = LastResort(told)
    resort.end_within(0.05)
    resort.end_within(0.01)
    assert told.gone.wait(10)
    (event, fields), *rest = told.acts
    assert rest == [("flushed", logs.FLUSH_DEADLINE_S), ("left", STUCK)]
    assert event == "daemon.cut_short"
    assert fields["within_s"] == 0.05
    (call,) = fields["calls"]
    assert call.startswith("sync (durable.py:")
