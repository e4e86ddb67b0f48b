"""Joins loggers, rendering and writer. Only the process's own entry points call what is here."""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from tallyd.logs.rendering import Console, bound_values, timestamp, to_json
from tallyd.logs.writer import LineWriter

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]
Now = Callable[[], datetime]

FLUSH_DEADLINE_S = 2.0
"""How long the end of the process waits for a slow reader of the log."""

QUIET_LIBRARIES = ("apscheduler", "aiosqlite")
"""Libraries that tell every job and statement below WARNING."""

_NUMBERS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def get_logger() -> FilteringBoundLogger:
    """Give a logger: `log.info("run.started", run_id=7)`. Events are those of `EVENTS`."""
    return cast("FilteringBoundLogger", structlog.get_logger())


@contextmanager
def to_stdout(style: Format, level: Level, now: Now, fd: int = 1) -> Generator[LineWriter]:
    """Log to `fd` through the bounded queue while inside; leaving writes what still waits.

    `auto` is `console` on a terminal, else `json`. Afterwards warnings go to stderr.
    """
    for_people = style == "console" or (style == "auto" and os.isatty(fd))
    processors = _processors(_console(fd) if for_people else to_json, now)
    writer = LineWriter(fd, report=lambda lines: _dropped(processors, lines))
    _configure(processors, level, writer.put)
    try:
        yield writer
    finally:
        to_stderr(now)
        writer.close(FLUSH_DEADLINE_S)


def to_stderr(now: Now, level: Level = "warning") -> None:
    """Log to stderr, for people: what a command does that prints its result on stdout."""
    processors = _processors(_console(2), now)
    _configure(processors, level, lambda line: print(line, file=sys.stderr))  # noqa: T201


def _console(fd: int) -> Console:
    return Console(colors=os.isatty(fd) and "NO_COLOR" not in os.environ)


def _processors(renderer: Processor, now: Now) -> list[Processor]:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = timestamp(now())
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        stamp,
        structlog.processors.format_exc_info,
        bound_values,
        renderer,
    ]


def _dropped(processors: list[Processor], lines: int) -> str:
    """Render the report of dropped lines, which cannot wait in the queue it speaks of."""
    event: EventDict = {"event": "logs.dropped", "lines": lines}
    rendered: object = event
    for processor in processors:
        rendered = processor(None, "warning", cast("EventDict", rendered))
    return str(rendered)


class _Outlet:
    """What structlog calls with a rendered line, whatever its level."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.msg = put


class _FromStandardLogging(logging.Handler):
    """Carries what libraries log into the same line format, as `library.logged`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # the library's own arguments do not fit its own text
            message = str(record.msg)
        # Libraries invent levels in between; structlog knows the tens alone.
        get_logger().log(
            min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL),
            "library.logged",
            library=record.name,
            message=message,
            exc_info=record.exc_info,
        )


def _configure(processors: list[Processor], level: Level, put: Callable[[str], None]) -> None:
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[level]),
        logger_factory=lambda *_args: _Outlet(put),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _FromStandardLogging):
            root.removeHandler(handler)
    root.addHandler(_FromStandardLogging())
    root.setLevel(logging.WARNING)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
