"""What is wrong with a configuration, said so that an operator can mend it in one go."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from tallyd.config.values import did_you_mean
from tallyd.domain.errors import Problem
from tallyd.domain.secrecy import MASK, mask_urls, shown_mistake

MAX_SHOWN = 80
"""How much of a mistaken value is repeated."""

_HEADER = re.compile(r"\s*(\[[^\[\]]+\])\s*(?:#.*)?")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*'|\s*\.\s*)+?)\s*=")

_FIXES = {
    "missing": "this key is needed",
    "int_type": "write a whole number, without quotes",
    "string_type": "write text in quotes",
    "path_type": "write a path in quotes",
    "dict_type": "write a table",
    "model_type": "write a table",
    "string_pattern_mismatch": "use a-z, 0-9, _ and -, a letter or digit first",
}


class ConfigError(Exception):
    """A configuration that cannot be used; `problems` holds everything that is wrong with it."""

    def __init__(self, source: str, *problems: Problem) -> None:
        super().__init__(
            "; ".join((f"the configuration {source} cannot be used", *map(str, problems)))
        )
        self.source = source
        self.problems = problems


@dataclass(frozen=True, slots=True)
class ConfigProblem(Problem):
    """A problem at a place of the file; an empty `value` means that nothing was written."""

    line: int | None = None

    def __str__(self) -> str:
        """Give the row as an operator reads it."""
        place = "" if self.line is None else f"line {self.line}: "
        value = f"{self.value!r}: " if self.value else ""
        return f"{place}{self.field}: {value}{self.fix}"


class Places:
    """Where each key of a TOML text stands; good for pointing at, not a second parser.

    A line inside a multi-line string that looks like a key may be taken for one.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.fullmatch(line):
                path = table = _path(header[1])
            elif key := _KEY.match(line):
                path = (*table, *_path(f"{key[1]} = 0"))
            else:
                continue
            self._lines.setdefault(path, number)

    def line(self, path: Iterable[str]) -> int | None:
        """Give the line of the key at `path`, or of the nearest table around it that is there."""
        at = tuple(path)
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at)


def _path(statement: str) -> tuple[str, ...]:
    try:
        table = tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while table:
        name, table = next(iter(table.items()))
        path.append(name)
    return tuple(path)


def problems_of(
    error: ValidationError, model: type[BaseModel], places: Places
) -> Iterator[ConfigProblem]:
    """Turn what pydantic found wrong with a `model` into rows for people.

    Values of keys that sound secret, and what URLs hold, are not repeated.
    """
    for details in error.errors(include_url=False):
        if details["type"] == "default_factory_not_called":
            continue  # follows from another mistake, which has its own row
        path = tuple(str(part) for part in details["loc"] if part != "[key]")
        is_missing = details["type"] == "missing"
        yield ConfigProblem(
            field=".".join(path),
            value="" if is_missing else shown(path, details["input"]),
            fix=mask_urls(_fix(details, model, path)),
            line=places.line(path),
        )


def _fix(details: ErrorDetails, model: type[BaseModel], path: tuple[str, ...]) -> str:
    context: Mapping[str, Any] = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            return f"unknown key{did_you_mean(path[-1], _keys_at(model, path[:-1]))}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"write {context['expected']}"
        case kind:
            return _FIXES.get(kind, details["msg"].replace("Input should", "it should"))


def _keys_at(model: type[BaseModel], path: tuple[str, ...]) -> Iterable[str]:
    """Give the keys that `model` has in the table at `path`; none where it has no such table."""
    if not path:
        return model.model_fields
    field = model.model_fields.get(path[0])
    if field is None:
        return ()
    annotation, rest = field.annotation, path[1:]
    if arguments := get_args(annotation):
        annotation, rest = arguments[-1], rest[1:]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _keys_at(annotation, rest)
    return ()


def shown(path: tuple[str, ...], value: object) -> str:
    """Give a mistaken value as it may be repeated: short, printable, without secrets."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict | list | tuple):
        return "..."  # whatever may be in there
    text = shown_mistake(path, value if isinstance(value, str) else repr(value))
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
