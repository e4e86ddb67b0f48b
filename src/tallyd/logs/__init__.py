"""The log: structured events, an interface that programs may rely on, written without waiting."""

from tallyd.logs.event import Event
from tallyd.logs.events import EVENTS, level_of
from tallyd.logs.setup import get_logger, to_stderr, to_stdout

__all__ = ["EVENTS", "Event", "get_logger", "level_of", "to_stderr", "to_stdout"]
