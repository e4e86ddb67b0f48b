"""What a line of the log looks like, and that nothing breaks out of it."""

import json
import logging
import os
import pty
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tallyd.logs import get_logger, to_stderr, to_stdout
from tallyd.logs.rendering import MAX_TEXT, MAX_TRACEBACK, Console, bound_values, plain, to_json

Now = Callable[[], datetime]
Pipe = tuple[int, int]

NASTY = "x\n<0>forged\r\x1b[31m\u202egnp.exe\u2028\x85\udcff\U000e0041"


class Colour(StrEnum):
    """A word."""

    RED = "red"


class Number(IntEnum):
    """A number."""

    ONE = 1


class Pair(Enum):
    """Something else."""

    BOTH = (1, "a")


def read(pipe: Pipe) -> list[str]:
    """Give the lines that were written so far."""
    return os.read(pipe[0], 1_000_000).decode().removesuffix("\n").split("\n")


def test_a_line_is_json_with_time_level_and_event_first(pipe: Pipe, now: Now) -> None:
    """Programs read one object a line; times are UTC with milliseconds."""
    with to_stdout("auto", "info", now, pipe[1]):
        get_logger().info("run.started", run_id=7, late_ms=-12, files=[Path("/a/b")])
    (line,) = read(pipe)
    assert line == (
        '{"timestamp":"2026-12-01T08:00:00.123Z","level":"info","event":"run.started",'
        '"run_id":7,"late_ms":-12,"files":["/a/b"]}'
    )


def test_bound_ids_are_on_every_line(pipe: Pipe, now: Now) -> None:
    """What is bound around an action is on all that is logged inside."""
    with (
        to_stdout("json", "info", now, pipe[1]),
        structlog.contextvars.bound_contextvars(run_id=7),
    ):
        get_logger().info("run.started")
    assert json.loads(read(pipe)[0])["run_id"] == 7


def test_less_important_events_are_left_out(pipe: Pipe, now: Now) -> None:
    """The level of the configuration is a threshold."""
    with to_stdout("json", "warning", now, pipe[1]):
        get_logger().info("run.started")
        get_logger().warning("run.late")
    assert [json.loads(line)["event"] for line in read(pipe)] == ["run.late"]


def test_umlauts_stay_and_tricks_are_escaped(pipe: Pipe, now: Now) -> None:
    """No value forges a line, a colour or a direction; JSON gives it back unchanged."""
    with to_stdout("json", "info", now, pipe[1]):
        get_logger().info("run.started", name=f"Größe {NASTY}")
    (line,) = read(pipe)
    assert line.isprintable()
    assert "Größe" in line
    assert json.loads(line)["name"] == f"Größe {NASTY}"


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_makes_one_printable_line_of_json(text: str) -> None:
    """Whatever a device or a client sends."""
    line = to_json(None, "info", bound_values(None, "info", {"event": "x.y", text: text}))
    assert line.isprintable()
    assert json.loads(line)[plain(text)] == plain(text)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_any_text_makes_one_printable_line_for_people(text: str) -> None:
    """The console is as safe as JSON."""
    event = {"level": "info", "event": text, "name": text, "list": [text], "table": {"a": text}}
    assert Console(colors=False)(None, "info", bound_values(None, "info", event)).isprintable()


def test_a_traceback_is_one_value_in_json(pipe: Pipe, now: Now) -> None:
    """Its lines cannot be taken for lines of the log."""
    with to_stdout("json", "info", now, pipe[1]):
        get_logger().error("task.failed", exc_info=ValueError(NASTY))
    (line,) = read(pipe)
    assert "ValueError: x\n<0>forged" in json.loads(line)["exception"]


def test_a_traceback_is_marked_at_the_margin_for_people(pipe: Pipe, now: Now) -> None:
    """A multi-line message of an exception cannot pass for a line of the log either."""
    with to_stdout("console", "info", now, pipe[1]):
        get_logger().error("task.failed", exc_info=ValueError(NASTY))
    first, *rest = read(pipe)
    assert "task.failed" in first
    assert all(line.startswith("  | ") and line.isprintable() for line in rest)
    assert any("<0>forged" in line for line in rest)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Colour.RED, "red"),
        (Number.ONE, 1),
        (Pair.BOTH, [1, "a"]),
        (datetime(2026, 12, 1, 8, tzinfo=UTC), "2026-12-01T08:00:00.000Z"),
        (date(2026, 12, 1), "2026-12-01"),
        (Path("/a"), "/a"),
        (SecretStr("hunter2"), "**********"),
        ({"a": (1, {2})}, {"a": [1, [2]]}),
        ("rtsp://me:hun@ter2@192.0.2.1/x y", "rtsp://***@192.0.2.1/*** y"),
        ("rtmp://192.0.2.1/live/k3y: lost", "rtmp://192.0.2.1/***: lost"),
        ("http://192.0.2.1/a@b", "http://***"),
        ([[[[[1]]]]], [[[["[1]"]]]]),
        (list(range(200)), list(range(100))),
    ],
)
def test_values_become_what_json_has(value: object, shown: object) -> None:
    """Every type has one form; what is long or deep is cut; passwords of URLs are masked."""
    assert plain(value) == shown


def test_long_values_are_cut(pipe: Pipe, now: Now) -> None:
    """No single value floods the journal; of a traceback the end is kept."""
    with to_stdout("json", "info", now, pipe[1]):
        get_logger().info("run.started", name="x" * 10_000, exception="y" * 50_000 + "end")
    event = json.loads(read(pipe)[0])
    assert event["name"] == "x" * MAX_TEXT + "… (10000 characters)"
    assert len(event["exception"]) == MAX_TRACEBACK
    assert event["exception"].endswith("end")


def test_libraries_log_into_the_same_stream(pipe: Pipe, now: Now) -> None:
    """APScheduler's warnings are lines like others, its chatter is not there."""
    with to_stdout("json", "debug", now, pipe[1]):
        logging.getLogger("apscheduler.scheduler").info("chatter")
        logging.getLogger("apscheduler.scheduler").warning("missed by %s", "0:00:01")
        logging.getLogger("other").log(35, "between the levels")
        (ours,) = (
            each for each in logging.getLogger().handlers if "tallyd" in type(each).__module__
        )
        record = {"name": "other", "levelno": 40, "msg": "bad arguments %d", "args": ("x",)}
        ours.handle(logging.makeLogRecord(record))
    events = [json.loads(line) for line in read(pipe)]
    assert [(e["level"], e["event"], e["library"], e["message"]) for e in events] == [
        ("warning", "library.logged", "apscheduler.scheduler", "missed by 0:00:01"),
        ("warning", "library.logged", "other", "between the levels"),
        ("error", "library.logged", "other", "bad arguments %d"),
    ]


def test_setting_up_twice_logs_once(pipe: Pipe, now: Now) -> None:
    """A reload does not double the lines of libraries."""
    with to_stdout("json", "info", now, pipe[1]):
        pass
    with to_stdout("json", "info", now, pipe[1]):
        logging.getLogger("other").warning("once")
    assert len(read(pipe)) == 1


def test_a_terminal_gets_colours_and_a_pipe_does_not(
    pipe: Pipe, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auto` is for people where people look; NO_COLOR is honoured."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    reader, terminal = pty.openpty()
    try:
        with to_stdout("auto", "info", now, terminal):
            get_logger().info("run.started", run_id=7)
        assert b"\x1b[" in os.read(reader, 10_000)
        monkeypatch.setenv("NO_COLOR", "1")
        with to_stdout("auto", "info", now, terminal):
            get_logger().info("run.started", run_id=7)
        plain_text = os.read(reader, 10_000)
        assert b"run.started" in plain_text
        assert b"\x1b[" not in plain_text
    finally:
        os.close(reader)
        os.close(terminal)
    with to_stdout("console", "info", now, pipe[1]):
        get_logger().info("run.started", run_id=7)
    assert read(pipe)[0].isprintable()


def test_a_command_logs_warnings_to_stderr(capsys: pytest.CaptureFixture[str], now: Now) -> None:
    """What a command prints on stdout stays its result alone."""
    to_stderr(now)
    get_logger().info("plan.changed")
    get_logger().warning("target.unknown", target="rooms.old")
    out, err = capsys.readouterr()
    assert out == ""
    assert "target.unknown" in err
    assert "plan.changed" not in err
