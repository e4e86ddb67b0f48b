"""Loads `queries.sql`: every statement of the store by its name. Code writes none of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_QUERY = re.compile(
    r"^-- name: (?P<name>\w+)\n-- (?P<sentence>.+)\n(?P<sql>(?:(?!-- ).+\n?)+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Query:
    """A statement: its name, what it does in one sentence, its SQL."""

    name: str
    sentence: str
    sql: str


def parse(text: str) -> Mapping[str, Query]:
    """Read named statements: a line `-- name: x`, a line with a sentence, the SQL."""
    found = (
        Query(match["name"], match["sentence"], match["sql"].strip())
        for match in _QUERY.finditer(text)
    )
    return MappingProxyType({query.name: query for query in found})


QUERIES: Final = parse(files("tallyd.store").joinpath("queries.sql").read_text(encoding="utf-8"))
