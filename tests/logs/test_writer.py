"""The writer: a reader that stands still stops nobody, and what was lost is counted."""

import json
import os
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tallyd.logs import get_logger, to_stdout
from tallyd.logs.writer import LineWriter

Now = Callable[[], datetime]
Pipe = tuple[int, int]


def drain(pipe: Pipe, until: str) -> list[str]:
    """Read lines until one contains `until`."""
    text = ""
    while until not in text:
        text += os.read(pipe[0], 65_536).decode()
    while not text.endswith("\n"):
        text += os.read(pipe[0], 65_536).decode()
    return text.removesuffix("\n").split("\n")


def stalled(pipe: Pipe, capacity: int) -> tuple[LineWriter, str]:
    """Give a writer whose thread is stuck in a full pipe, and the line it is stuck with."""
    writer = LineWriter(pipe[1], lambda lines: f"dropped {lines}", capacity)
    stuck = "s" * 200_000
    writer.put(stuck)
    while writer._lines.qsize():
        time.sleep(0.001)
    return writer, stuck


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    """What went in first comes out first, and closing leaves nothing behind."""
    writer = LineWriter(pipe[1], str)
    for number in range(100):
        writer.put(f"line {number}")
    assert writer.close(5)
    assert drain(pipe, "line 99") == [f"line {number}" for number in range(100)]


def test_an_unread_pipe_never_stops_the_caller(pipe: Pipe, now: Now) -> None:
    """With a reader that stands still, logging stays cheap and what does not fit is counted."""
    with to_stdout("json", "info", now, pipe[1]) as writer:
        log = get_logger()
        slowest = 0.0
        for number in range(10_000):
            before = time.monotonic()
            log.info("run.started", run_id=number, name="x" * 100)
            slowest = max(slowest, time.monotonic() - before)
        assert slowest < 0.5
        waiting = writer._lines.qsize()
        assert waiting <= 4_096
        lines = drain(pipe, '"logs.dropped"')
        log.info("daemon.stopped")
        lines += drain(pipe, '"daemon.stopped"')
    events = [json.loads(line) for line in lines]
    (report,) = [event for event in events if event["event"] == "logs.dropped"]
    written = [event for event in events if event["event"] == "run.started"]
    assert report["level"] == "warning"
    assert report["lines"] + len(written) == 10_000


def test_the_report_stands_where_the_lines_are_missing(pipe: Pipe) -> None:
    """Who reads the log sees the gap in its place, once for the whole gap."""
    writer, _ = stalled(pipe, capacity=4)
    for number in range(10):
        writer.put(f"line {number}")
    lines = drain(pipe, "dropped")
    writer.put("after")
    lines += drain(pipe, "after")
    assert lines[1:] == ["line 0", "line 1", "line 2", "line 3", "dropped 6", "after"]
    assert writer.close(5)


def test_a_report_is_written_before_the_next_line(pipe: Pipe) -> None:
    """The gap is told even if new lines come before the queue has run empty."""
    writer = LineWriter(pipe[1], lambda lines: f"dropped {lines}", capacity=2)
    with writer._lock:  # keeps the writer from reporting by itself
        writer._dropped = 3
        writer.put("next")
    assert drain(pipe, "next") == ["dropped 3", "next"]
    assert writer.close(5)


def test_dropping_goes_on_until_half_is_free(pipe: Pipe) -> None:
    """A reader that is a little too slow does not get a report for every line."""
    writer, _ = stalled(pipe, capacity=4)
    for number in range(5):
        writer.put(f"line {number}")
    writer._lines.get()  # one place is free, less than half
    writer.put("still dropped")
    assert writer._dropped == 2
    drain(pipe, "dropped 2")
    assert writer.close(5)


def test_closing_does_not_wait_for_ever(pipe: Pipe) -> None:
    """A daemon whose log nobody reads still ends."""
    writer, stuck = stalled(pipe, capacity=4)
    before = time.monotonic()
    assert not writer.close(0.05)
    assert time.monotonic() - before < 2
    assert drain(pipe, stuck) == [stuck]


def test_a_reader_that_has_gone_costs_lines_and_no_more() -> None:
    """The end of a pipe's reader does not end the daemon's log thread; losses are counted."""
    reader, end = os.pipe()
    writer = LineWriter(end, lambda lines: f"dropped {lines}")
    os.close(reader)
    for _ in range(5):
        writer.put("lost")
    assert writer.close(5)
    assert writer._dropped == 5
    os.close(end)


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    """A stdout that another program made non-blocking loses nothing."""
    os.set_blocking(pipe[1], False)
    writer = LineWriter(pipe[1], str)
    for number in range(200):
        writer.put(f"{number} " + "x" * 1_000)
    lines = drain(pipe, "199 ")
    assert [line.split()[0] for line in lines] == [str(number) for number in range(200)]
    assert writer.close(5)


def test_a_report_that_is_lost_itself_is_not_forgotten() -> None:
    """The lines that it stood for stay counted."""
    reader, end = os.pipe()
    writer = LineWriter(end, lambda lines: f"dropped {lines}")
    os.close(reader)
    with writer._lock:
        writer._dropped = 3
        writer.put("lost too")
    assert writer.close(5)
    assert writer._dropped == 4
    os.close(end)


@pytest.mark.parametrize("text", ["ü", "\udcff"])
def test_text_that_is_no_text_is_written_all_the_same(pipe: Pipe, text: str) -> None:
    """A file name in no encoding does not kill the log."""
    writer = LineWriter(pipe[1], str)
    writer.put(text)
    writer.put("next")
    assert len(drain(pipe, "next")) == 2
    assert writer.close(5)
