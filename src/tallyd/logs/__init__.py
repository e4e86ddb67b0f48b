"""The log: structured events, an interface that programs may rely on, written without waiting."""

from tallyd.logs.event import Event
from tallyd.logs.events import EVENTS, level_of
from tallyd.logs.setup import FLUSH_DEADLINE_S, get_logger, to_stderr, to_stdout
from tallyd.logs.writer import LineWriter

__all__ = [
    "EVENTS",
    "FLUSH_DEADLINE_S",
    "Event",
    "LineWriter",
    "get_logger",
    "level_of",
    "to_stderr",
    "to_stdout",
]
