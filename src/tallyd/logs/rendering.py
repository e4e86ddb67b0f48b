"""Turns an event into one line that no value can break out of. Pure: nothing is written here."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from tallyd.domain.secrecy import mask_urls

MAX_TEXT = 2_000
"""Characters of one text value; the rest is cut and its length said."""

MAX_TRACEBACK = 16_000
"""Characters of a traceback, of which the end is kept."""

MAX_ITEMS = 100
"""Items of one list or table."""

MAX_DEPTH = 4
"""Levels of lists and tables; what lies deeper is shown as text."""


def timestamp(instant: datetime) -> str:
    """Write an aware instant as UTC in ISO 8601 with milliseconds: `2026-12-01T08:00:00.000Z`."""
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def plain(value: object, depth: int = 0) -> object:
    """Reduce a value to what JSON has, bounded in size, without what URLs hold of secrets."""
    match value:
        case Enum():
            return plain(value.value, depth)
        case None | int() | float():
            return value if not isinstance(value, float) or math.isfinite(value) else str(value)
        case Mapping() if depth < MAX_DEPTH:
            items = list(cast("Mapping[object, object]", value).items())[:MAX_ITEMS]
            return {_bounded(str(key)): plain(each, depth + 1) for key, each in items}
        case list() | tuple() | set() | frozenset() if depth < MAX_DEPTH:
            members = list(cast("list[object]", value))[:MAX_ITEMS]
            return [plain(each, depth + 1) for each in members]
        case datetime() if value.tzinfo:
            return timestamp(value)
        case _:
            return _bounded(str(value))


def _bounded(text: str) -> str:
    text = mask_urls(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"


def bound_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make every value plain; the traceback alone may be long."""
    trace = event.pop("exception", None)
    bounded: EventDict = {key: plain(value) for key, value in event.items()}
    if trace is not None:
        bounded["exception"] = mask_urls(str(trace))[-MAX_TRACEBACK:]
    return bounded


def to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render as one line of JSON in which everything unprintable is escaped."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    text = json.dumps({**first, **event}, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _json_escape(letter) for letter in text)


def _json_escape(letter: str) -> str:
    # Only strings can hold such letters: JSON itself is all printable ASCII.
    return json.dumps(letter)[1:-1]


class Console:
    """Renders for people: one line, coloured where asked; tracebacks follow, each line marked."""

    def __init__(self, *, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=colors, pad_event_to=24, sort_keys=False
        )

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> str:
        """Render one event."""
        trace = event.pop("exception", None)
        printable: dict[str, Any] = {key: _visible(value) for key, value in event.items()}
        line = str(self._render(logger, method, printable))
        if trace is None:
            return line
        # The mark at the margin keeps a traceback's text from passing for a line of its own.
        return "\n".join((line, *(f"  | {_visible(each)}" for each in str(trace).split("\n"))))


def _visible(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in value
    )
