"""Log events are an interface: listed, documented and written as listed."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallyd.logs import EVENTS, Event

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "log-events.md"
SOURCE = ROOT / "src" / "tallyd"

LEVELS = ("debug", "info", "warning", "error")
DELEGATES = ("say", "_say")  # the engine's: the level is that of the list
NAME = re.compile(r"[a-z]+(\.[a-z]+(_[a-z]+)*)+")

INTRODUCTION = """\
# Log events

`tallyd run` writes one line for each event to stdout: JSON, or text on a terminal.
Names, levels and fields are an interface; they change only with a note in the change log.

Every line has `timestamp` (UTC, ISO 8601, milliseconds), `level` and `event`. Names of fields carry
their units: `late_ms`. Instants are written like the timestamp. Text longer than 2,000 characters
is cut, and of URLs only scheme, host and port are left.

Made from the list in `src/tallyd/logs/events.py`; after a change there:
`UPDATE_DOCS=1 uv run pytest tests/guards/test_log_events.py`.
"""


def _section(name: str, event: Event) -> str:
    rows = [f"| `{field}` | {meaning} |" for field, meaning in event.fields.items()]
    table = ["", "| field | meaning |", "|---|---|", *rows] if rows else []
    return "\n".join([f"## `{name}`", "", f"Level {event.level}. {event.meaning}", *table, ""])


def _document() -> str:
    return "\n".join([INTRODUCTION, *(_section(name, event) for name, event in EVENTS.items())])


@dataclass(frozen=True)
class Call:
    """A place in the source where an event is written."""

    place: str
    method: str
    event: str
    fields: frozenset[str]


def _calls(tree: ast.AST, file: str) -> Iterator[Call]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=method) as function,
                args=[ast.Constant(value=str(event)), *_],
                keywords=keywords,
            ) if method in DELEGATES or (method in LEVELS and _is_logger(function.value)):
                fields = frozenset(keyword.arg for keyword in keywords if keyword.arg)
                yield Call(f"{file}:{node.lineno}", method, event, fields)
            case _:
                pass


def _is_logger(node: ast.expr) -> bool:
    text = ast.unparse(node).rpartition(".")[2].removesuffix("()")
    return text.lstrip("_") in {"log", "logger", "get_logger"}


def _mistakes(call: Call) -> Iterator[str]:
    event = EVENTS.get(call.event)
    if event is None:
        yield f"{call.place}: {call.event} is not listed"
        return
    if call.method in LEVELS and call.method != event.level:
        yield f"{call.place}: {call.event} is listed with level {event.level}"
    if unknown := call.fields - event.fields.keys() - {"exc_info"}:
        yield f"{call.place}: {call.event} is listed without {', '.join(sorted(unknown))}"


def test_the_document_is_the_list() -> None:
    """Whoever parses the log finds every event with its fields in the documentation."""
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(_document())
    assert DOCUMENT.read_text() == _document()


@pytest.mark.parametrize("name", EVENTS)
def test_every_entry_is_well_formed(name: str) -> None:
    """Names are dotted and lower-case, levels exist, every field says what it is."""
    event = EVENTS[name]
    assert NAME.fullmatch(name)
    assert event.level in LEVELS
    assert event.meaning.endswith(".")
    assert all(event.fields.values())
    assert not event.fields.keys() & {"timestamp", "level", "event"}


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_what_is_written_is_listed(file: Path) -> None:
    """No line appears in the log that the documentation does not know."""
    calls = _calls(ast.parse(file.read_text()), str(file.relative_to(ROOT)))
    assert [mistake for call in calls for mistake in _mistakes(call)] == []


@pytest.mark.parametrize(
    "line",
    [
        'log.info("run.exploded")',
        'self._log.info("run.late")',
        'get_logger().info("run.started", colour="red")',
        'announcer.say("run.exploded")',
        'self._say("run.started", colour="red")',
    ],
)
def test_the_guard_itself_catches(line: str) -> None:
    """An unlisted event, a wrong level and an unlisted field are each seen."""
    calls = list(_calls(ast.parse(line), "file.py"))
    assert [mistake for call in calls for mistake in _mistakes(call)] != []
